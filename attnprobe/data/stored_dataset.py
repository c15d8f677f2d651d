"""Tokenised datasets in the cache folder, found again by the files that they were made of."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from attnprobe.base.atomic_files import creating_folder, remove_folder, remove_leftovers
from attnprobe.base.errors import FailedError, InputError, error_of
from attnprobe.base.progress_bars import progress_bar
from attnprobe.base.visible import visible
from attnprobe.data import windows
from attnprobe.data.cache_folder import (
    CACHE_VARIABLE,
    cache_folder,
    remove_abandoned_temporary_folders,
    temporary_folder,
)
from attnprobe.data.cache_lock import only_maker
from attnprobe.data.content_hashes import Fingerprint, document_hashes
from attnprobe.data.documents import Documents
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.development_split import SPLIT_SEED
from attnprobe.data.files.file_bytes import content_key
from attnprobe.data.files.file_names import SplitPaths
from attnprobe.data.files.folder import SPLITS, RawSplit, read_splits
from attnprobe.data.files.labels import sorted_labels
from attnprobe.data.files.reading import changed
from attnprobe.data.split import Split, StoredSplit
from attnprobe.data.split_files import DamagedError, SplitFiles, read_sealed, write_sealed, write_split
from attnprobe.data.tokens.given_tokens import Text, as_string
from attnprobe.data.tokens.segmenters import Segmenter
from attnprobe.data.tokens.tokenisation import in_chunks, map_chunks
from attnprobe.data.tokens.tokeniser import tokenise_texts, tokeniser_version
from attnprobe.data.windows import in_windows

FORMAT = 3  # to be raised when the same files would be read, tokenised or stored in another way
DATASET = "dataset.json"


class StoredDataset(NamedTuple):
    """What ``Dataset`` has, but for its name."""

    labels: list[str]
    splits: dict[str, Split]
    fingerprint: str


def tokenised_once(
    files: Mapping[str, SplitPaths], wanted: WantedColumns, name: str, segmenter: Segmenter | None = None
) -> StoredDataset:
    """The dataset that these files hold, checked and tokenised; read from the cache folder if it was made before.

    What is found damaged is made anew. Of several processes that need it at once, one makes it. Where the user's cache
    folder is full, a temporary folder is used.

    Args:
        files: of the splits, as ``split_files`` found them.
        wanted: columns.
        name: for progress bars.
        segmenter: that finds the words; None where there is none.

    Raises:
        InputError: a file cannot be used or changes while it is read, or the segmenter may not be run or fails, or
            nothing can be written anywhere, or another process has begun to make it, lives, and does not go on.
    """
    before = list(map(_state, _all(files)))
    key = _key(files, wanted, name, segmenter)
    remove_leftovers(cache_folder())
    remove_abandoned_temporary_folders()
    folder = cache_folder() / "tokenised" / key
    stored = _found(folder)
    if stored is not None:
        return stored
    if segmenter is not None:
        segmenter.require_named()
    with only_maker(folder, name) as go_on:
        return _found(folder) or _made(folder, files, wanted, name, before, go_on, segmenter)


def _made(
    folder: Path,
    files: Mapping[str, SplitPaths],
    wanted: WantedColumns,
    name: str,
    before: Sequence[tuple[int, int] | None],
    go_on: Callable[[], None],
    segmenter: Segmenter | None,
) -> StoredDataset:
    """The dataset, made in this folder or a temporary one of files that were in the state ``before``."""
    raw = read_splits(files, wanted)
    try:
        _make(folder, raw, name, go_on, segmenter)
    except OSError as error:
        if os.environ.get(CACHE_VARIABLE):
            raise _unwritable(folder, error) from error
        folder = temporary_folder() / "tokenised" / folder.name
        try:
            _make(folder, raw, name, go_on, segmenter)
        except OSError as second:
            raise _unwritable(folder, second) from second
    for path, state in zip(_all(files), before, strict=True):
        if _state(path) != state:
            remove_folder(folder)
            raise changed(path)
    stored = _found(folder)
    if stored is None:
        raise FailedError(f"{folder}: what was just written is damaged; is the disk sound?")
    return stored


def _all(files: Mapping[str, SplitPaths]) -> list[Path]:
    return [path for paths in files.values() for path in paths.all]


def _state(path: Path) -> tuple[int, int] | None:
    """What is another after a file was written to."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _key(files: Mapping[str, SplitPaths], wanted: WantedColumns, name: str, segmenter: Segmenter | None) -> str:
    """Of everything that decides what is stored."""
    identity = (
        f"format {FORMAT}, {tokeniser_version()}, split seed {SPLIT_SEED}, "
        f"windows of {windows.WINDOW_DOCUMENTS} documents or {windows.WINDOW_WORDS} words, "
        f"columns {wanted.label!r} and {wanted.text!r}, tokens given {wanted.given_tokens}, "
        + ("" if segmenter is None else f"segmenter {segmenter}, ")
        + f"content {content_key(_all(files), name)}"
    )
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def _found(folder: Path) -> StoredDataset | None:
    """What is stored, read through and seen to be whole."""
    try:
        content = read_sealed(folder / DATASET)
        for split in SPLITS:
            SplitFiles(folder / split).check()
    except (OSError, DamagedError):
        return None
    splits: dict[str, Split] = {split: StoredSplit(folder / split) for split in SPLITS}
    return StoredDataset(content["labels"], splits, content["fingerprint"])


def _make(
    folder: Path,
    raw: Mapping[str, RawSplit],
    name: str,
    go_on: Callable[[], None],
    segmenter: Segmenter | None,
) -> None:
    """Write everything to a folder that is there whole or not at all.

    Raises:
        InputError: a file cannot be read again.
        OSError: something cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    train = raw["train"]
    labels = [name for name in train.file.classes if name in train.labels] or sorted_labels(train.labels)
    fingerprint = Fingerprint(segmenter)
    with creating_folder(folder) as temporary:
        for split, documents in raw.items():
            (temporary / split).mkdir()
            texts = fingerprint.texts_of(split, documents)
            with progress_bar(
                total=len(documents), desc=visible(f"{name} {split}"), unit=" documents", delay=0.5, disable=None
            ) as bar:
                parts = _tokenised(texts, documents, labels, bar, go_on)
                write_split(temporary / split, in_windows(parts), len(documents))
        write_sealed(temporary / DATASET, {"labels": labels, "fingerprint": fingerprint.hexdigest()})
        if folder.exists() and _found(folder) is None:
            remove_folder(folder)


def _tokenised(
    texts: Iterable[Text],
    split: RawSplit,
    labels: Sequence[str],
    progress: tqdm[None],
    go_on: Callable[[], None],
) -> Iterator[Documents]:
    """The documents of a split, in parts; only a few are held at a time."""
    number_of_label = {label: number for number, label in enumerate(labels)}
    number_of_code = np.array([number_of_label.get(label, -1) for label in split.labels], dtype=np.int64)
    codes = split.codes
    waiting: deque[list[str]] = deque()

    def chunks() -> Iterator[list[Text]]:
        for chunk in in_chunks(texts):
            waiting.append([as_string(text) for text in chunk])
            yield chunk

    start = 0
    with closing(map_chunks(tokenise_texts, chunks())) as parts:
        for part in parts:
            end = start + len(part.sentences_per_document)
            strings = waiting.popleft()
            yield Documents(
                **part._asdict(),
                labels=number_of_code[codes[start:end]],
                content_hashes=document_hashes(strings),
                texts=strings,
            )
            progress.update(end - start)
            go_on()
            start = end


def _unwritable(folder: Path, error: OSError) -> InputError:
    return error_of(
        error,
        f"{folder}: the tokenised documents cannot be written ({error.strerror or error}); "
        f"let {CACHE_VARIABLE} name another folder.",
    )
