"""Datasets from the Hugging Face hub, through the package ``datasets``: Parquet files only, nothing is run."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from attnprobe.base.errors import InputError
from attnprobe.data.files.places import listed, quoted
from attnprobe.data.serrano2019.records import Record, unescaped

ROOT = "hf://datasets"
CONVERSION_BRANCH = "refs/convert/parquet"
SPLITS = ("train", "test")
BATCH_ROWS = 1000


class NotFromHubError(Exception):
    """Nothing comes from the hub.

    Attributes:
        reason: a clause that says why.
        remedy: what might help, as a clause; empty if nothing does.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


@dataclass(frozen=True)
class HubRepository:
    """Where on the hub a dataset lies, and what its columns mean.

    Attributes:
        id: the repository.
        revision: of which the columns were seen; None takes what the branch that the hub itself keeps,
            with every dataset converted to Parquet, is at.
        files: pattern of the files of a ``{split}``.
        label: the column of the class's number.
        first: the number of the first class.
        texts: the columns that make the text.
    """

    id: str
    revision: str | None
    files: str
    label: str
    first: int
    texts: tuple[str, ...]


def resolved_revision(repository: HubRepository) -> str:
    """The revision to read: the pinned one, else the commit that the conversion branch is at now.

    Raises:
        NotFromHubError: the hub cannot be asked.
    """
    if repository.revision is not None:
        return repository.revision
    with _failures_told(repository):
        hub = importlib.import_module("huggingface_hub")
        return str(hub.HfApi().dataset_info(repository.id, revision=CONVERSION_BRANCH).sha)


def hub_records(repository: HubRepository, revision: str, classes: Sequence[str]) -> Iterator[Record]:
    """The rows of both splits, read from the hub as they are gone through: nothing of them is kept.

    Args:
        repository: what to read.
        revision: of the repository.
        classes: in the order of the label's numbers.

    Raises:
        NotFromHubError: the files cannot be had.
        InputError: they do not hold the columns, or a class is none of these.
    """
    root = f"{ROOT}/{repository.id}@{quote(revision, safe='')}"
    files = {split: f"{root}/{repository.files.format(split=split)}" for split in SPLITS}
    with _failures_told(repository):
        # The Parquet reader by its name: no repository's own code is looked for.
        splits = importlib.import_module("datasets").load_dataset(
            "parquet", data_files=files, streaming=True, batch_size=BATCH_ROWS
        )
    for split in SPLITS:
        where = f"{repository.id}@{revision}, {split}"
        row = 0
        for batch in _batches(repository, splits[split]):
            missing = [name for name in (repository.label, *repository.texts) if name not in batch]
            if missing:
                raise InputError(f"{where}: there is no column {listed(missing)}; the columns are {listed(batch)}.")
            yield from _records(repository, batch, classes, split, f"{where}, row {{}}", row)
            row += len(batch[repository.label])


def _batches(repository: HubRepository, split: Any) -> Iterator[Mapping[str, Sequence[Any]]]:  # noqa: ANN401
    batches = iter(split.iter(batch_size=BATCH_ROWS))
    while True:
        with _failures_told(repository):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def _records(
    repository: HubRepository,
    batch: Mapping[str, Sequence[Any]],
    classes: Sequence[str],
    split: str,
    where: str,
    rows_before: int,
) -> Iterator[Record]:
    columns = [batch[name] for name in repository.texts]
    for row, (number, *texts) in enumerate(zip(batch[repository.label], *columns, strict=True), start=rows_before + 1):
        if not isinstance(number, int) or not 0 <= number - repository.first < len(classes):
            raise InputError(
                f"{where.format(row)}, column {quoted(repository.label)}: the class must be a number from "
                f"{repository.first} to {repository.first + len(classes) - 1}, not {quoted(str(number))}."
            )
        yield Record(split, classes[number - repository.first], unescaped(" ".join(text for text in texts if text)))


@contextmanager
def _failures_told(repository: HubRepository) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise NotFromHubError(
            f"downloading {repository.id} from the Hugging Face hub needs the package datasets",
            remedy="install it with pip install 'attnprobe[hub]'",
        ) from error
    except Exception as error:  # there is no common base of what the hub's packages raise
        reason = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
        raise NotFromHubError(
            f"downloading {repository.id} from the Hugging Face hub failed ({reason})", remedy="try again online"
        ) from error
