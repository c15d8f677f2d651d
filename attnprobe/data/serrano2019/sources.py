"""Where one of the four datasets is: ready splits or the originals' files in the data folder, else the hub."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from attnprobe.base.errors import InputError
from attnprobe.base.progress_bars import progress_bar
from attnprobe.data.cache_folder import cache_folder
from attnprobe.data.cache_lock import only_maker
from attnprobe.data.files.file_bytes import byte_progress, content_key
from attnprobe.data.files.file_names import candidates
from attnprobe.data.files.folder import split_files
from attnprobe.data.serrano2019.folder import make_splits_folder
from attnprobe.data.serrano2019.hub import HubRepository, NotFromHubError, hub_records, resolved_revision
from attnprobe.data.serrano2019.recipes import Recipe
from attnprobe.data.serrano2019.records import Record
from attnprobe.data.serrano2019.reductions import Reduction, reduced_records
from attnprobe.data.serrano2019.split_rules import SPLIT_SEED
from attnprobe.data.serrano2019.zhang_csv import has_header
from attnprobe.data.tokens.tokeniser import tokeniser_version

FORMAT = 1  # to be raised when the same source would give other files
REVISION_MARK = "@"
EXAMPLE_DATA_DIR = Path("data")


def locate(recipe: Recipe, data_dir: Path | None) -> str:
    """Where the dataset is, in words that find the same data again wherever they are said.

    Returns:
        the absolute path of its folder in ``data_dir``, if that holds ready splits or the originals' files; else the
        name and what it is made of: the folder of a dataset with more classes, as ``sst2@/data/sst5``, or the hub's
        revision, as ``yelp@c1f9…``, after it has been downloaded.

    Raises:
        InputError: it is in neither place; the message says which file to put where.
    """
    if data_dir is not None:
        folder = Path(os.path.abspath(data_dir / recipe.name))
        if holds_splits(folder) or original_files(recipe, folder):
            return str(folder)
        larger = None if recipe.reduces is None else Path(os.path.abspath(data_dir / recipe.reduces.folder))
        if larger is not None and holds_splits(larger):
            return f"{recipe.name}{REVISION_MARK}{larger}"
    try:
        revision = resolved_revision(_hub(recipe))
        _hub_folder(recipe, revision)
    except NotFromHubError as error:
        raise missing(recipe, data_dir, error) from error
    return f"{recipe.name}{REVISION_MARK}{revision}"


def splits_folder(recipe: Recipe, location: str) -> Path:
    """The folder with the splits of the dataset at a location; made in the user's cache if it is not there.

    Args:
        recipe: of the dataset.
        location: what ``locate`` returned, or any folder with ready splits or the originals' files.

    Raises:
        InputError: the data are gone, cannot be read, or are of another form.
    """
    name, _, revision = location.partition(REVISION_MARK)
    if name == recipe.name and revision and recipe.reduces is not None:
        return _reduced_folder(recipe, recipe.reduces, Path(revision))
    if name == recipe.name and revision:
        try:
            return _hub_folder(recipe, revision)
        except NotFromHubError as error:
            raise missing(recipe, None, error) from error
    folder = Path(location)
    files = [] if holds_splits(folder) else original_files(recipe, folder)
    return _originals_folder(recipe, files) if files else folder


def holds_splits(folder: Path) -> bool:
    """Whether a folder holds a training file with named columns, rather than an original without any."""
    files = [path for paths in candidates(folder, "train").values() for path in paths if path.is_file()]
    return any(".csv" not in path.suffixes or has_header(path) for path in files)


def original_files(recipe: Recipe, folder: Path) -> list[Path]:
    """The originals' files in a folder, in the order of reading; none if there are none.

    Raises:
        InputError: some are there and some are not.
    """
    for names in recipe.originals:
        there = [path for name in names if (path := folder / name).is_file()]
        if len(there) == len(names):
            return there
    for names in recipe.originals:
        present = [name for name in names if (folder / name).is_file()]
        if present:
            absent = " and ".join(name for name in names if name not in present)
            raise InputError(f"{folder}: there is {' and '.join(present)}, but not {absent}; put it there too.")
    return []


def missing(recipe: Recipe, data_dir: Path | None, hub: NotFromHubError) -> InputError:
    """What to say where the dataset is nowhere: which files to put where, and what else would help."""
    names = recipe.originals[0] if recipe.originals else ()
    files = (
        f"the file{'s' if len(names) > 1 else ''} {' and '.join(names)} of {recipe.title}" if names else "its splits"
    )
    if data_dir is None:
        folder = EXAMPLE_DATA_DIR / recipe.name
        looked = f"The dataset {recipe.name!r} is in no data folder, since there is no --data-dir"
        put = f"put {files} into a folder {folder} and add --data-dir {EXAMPLE_DATA_DIR}"
    else:
        folder = data_dir / recipe.name
        looked, put = f"The dataset {recipe.name!r} is not in {folder}", f"put {files} into {folder}"
    remedy = f"{hub.remedy}, or " if hub.remedy else ""
    if recipe.reduces is not None:
        put = f"{put}, or put a folder {recipe.reduces.folder}, which it can be made of, beside it"
    return InputError(f"{looked}, and {hub.reason}; {remedy}{put}.")


def _hub(recipe: Recipe) -> HubRepository:
    if recipe.hub is None:
        raise NotFromHubError("no Parquet repository of the Hugging Face hub is known to hold it")
    return recipe.hub


def _hub_folder(recipe: Recipe, revision: str) -> Path:
    hub = _hub(recipe)
    described = f"{hub.id} of the Hugging Face hub, revision {revision}"
    folder = _cached(recipe, described)
    if not folder.is_dir():
        records = hub_records(hub, revision, recipe.classes)
        bar = progress_bar(records, desc=recipe.name, unit=" documents", delay=0.5)
        _make(recipe, bar, folder, described)
    return folder


def _originals_folder(recipe: Recipe, files: Sequence[Path]) -> Path:
    names = ", ".join(path.name for path in files)
    described = f"{names} of {recipe.title}, content {content_key(files, recipe.name)}"
    folder = _cached(recipe, described)
    if not folder.is_dir():
        _make(recipe, _original_records(recipe, files), folder, described)
    return folder


def _reduced_folder(recipe: Recipe, reduction: Reduction, larger: Path) -> Path:
    files = [path for paths in split_files(larger).values() for path in paths.all]
    names = ", ".join(path.name for path in files)
    described = f"{names} of a folder {larger.name}, content {content_key(files, recipe.name)}"
    folder = _cached(recipe, described)
    if not folder.is_dir():
        _make(recipe, reduced_records(larger, reduction), folder, described)
    return folder


def _make(recipe: Recipe, records: Iterable[Record], folder: Path, described: str) -> None:
    """Make the folder of the splits, unless another process does; nothing is read then."""

    def noted() -> Iterator[Record]:
        for record in records:
            go_on()
            yield record

    with only_maker(folder, recipe.name) as go_on:
        if not folder.is_dir():
            make_splits_folder(recipe, noted(), folder, described)


def _original_records(recipe: Recipe, files: Sequence[Path]) -> Iterator[Record]:
    with byte_progress(files, recipe.name) as progress:
        yield from recipe.read(files, progress)


def _cached(recipe: Recipe, described: str) -> Path:
    identity = f"{described}, {tokeniser_version()}, split seed {SPLIT_SEED}, format {FORMAT}"
    return cache_folder() / f"{recipe.name}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
