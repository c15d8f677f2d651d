"""A split of a dataset as a sequence of windows, of which one is in memory at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from attnprobe.base.errors import InputError
from attnprobe.data.cache_folder import CACHE_VARIABLE
from attnprobe.data.documents import Documents
from attnprobe.data.occurrences import occurrences_of
from attnprobe.data.split_files import DamagedError, SplitFiles
from attnprobe.data.windows import window_of, window_starts

IntArray = npt.NDArray[np.integer]


class Split(ABC):
    """Documents in order, in windows that the documents alone decide. Small and picklable where it lies on disk.

    A window has no types but those that occur in it, in order of first sight.
    """

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[Documents]:
        """The windows in order, one in memory at a time."""
        return map(self.window, range(self.windows))

    @property
    def windows(self) -> int:
        """How many windows there are."""
        return len(self.starts) - 1

    @property
    @abstractmethod
    def starts(self) -> npt.NDArray[np.int64]:
        """int64 (windows + 1,): the first document of each window, and the end."""

    @property
    @abstractmethod
    def labels(self) -> npt.NDArray[np.int64]:
        """int64 (documents,), indices into ``Dataset.labels``; may be memory-mapped."""

    @property
    @abstractmethod
    def content_hashes(self) -> npt.NDArray[np.uint64]:
        """uint64 (documents,), see ``Documents``; may be memory-mapped."""

    @property
    @abstractmethod
    def occurrences(self) -> npt.NDArray[np.uint32]:
        """uint32 (documents,): how many earlier documents of the split have the same content hash."""

    @property
    @abstractmethod
    def words_per_document(self) -> IntArray:
        """(documents,), never 0; may be memory-mapped."""

    @abstractmethod
    def window(self, number: int) -> Documents:
        """The documents of a window."""

    def take(self, rows: IntArray) -> Documents:
        """The documents of these ascending 0-based rows; only the windows that they are in are read.

        Raises:
            ValueError: the rows are not ascending, or not all there.
        """
        if len(rows) and (rows[0] < 0 or rows[-1] >= len(self) or (np.diff(rows) < 0).any()):
            raise ValueError("rows must be ascending numbers of documents")
        first = np.searchsorted(rows, self.starts)
        parts = [
            self.window(number).take(rows[first[number] : first[number + 1]] - self.starts[number]).with_own_types()
            for number in np.flatnonzero(np.diff(first)).tolist()
        ]
        return Documents.concatenated(parts)

    def documents(self) -> Documents:
        """All documents, in memory."""
        return Documents.concatenated(list(self))

    def parts(self) -> Iterator[Documents]:
        """All documents in order, in parts whose types come as first seen in all that the split was taken from.

        Words are numbered in this order, whatever part of the data is used.
        """
        return iter(self)

    def sample(self, rows: IntArray) -> Split:
        """The split of these ascending 0-based rows."""
        return _Sample(self, rows)

    def cut(self, words: int) -> Split:
        """The first ``words`` words of every document, as ``Documents.cut``; the windows stay."""
        return _Cut(self, words)


class HeldSplit(Split):
    """A split in memory."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def __reduce__(self) -> tuple[type[HeldSplit], tuple[Documents]]:
        return HeldSplit, (self._documents,)

    @cached_property
    def starts(self) -> npt.NDArray[np.int64]:  # noqa: D102
        return window_starts(self.words_per_document)

    @property
    def labels(self) -> npt.NDArray[np.int64]:  # noqa: D102
        return self._documents.labels

    @property
    def content_hashes(self) -> npt.NDArray[np.uint64]:  # noqa: D102
        return self._documents.content_hashes

    @cached_property
    def occurrences(self) -> npt.NDArray[np.uint32]:  # noqa: D102
        return occurrences_of(self.content_hashes)

    @cached_property
    def words_per_document(self) -> npt.NDArray[np.int64]:  # noqa: D102
        return self._documents.words_per_document

    def window(self, number: int) -> Documents:
        """The documents of a window."""
        start, end = self.starts[number : number + 2].tolist()
        return window_of(self._documents, start, end)

    def documents(self) -> Documents:
        """All documents, with the types that they were given with."""
        return self._documents

    def parts(self) -> Iterator[Documents]:
        """All documents, with the types that they were given with."""
        yield self._documents


class StoredSplit(Split):
    """A split on disk, as ``split_files`` has it; opened where it is first needed, so that it can be sent around.

    Everything raises InputError where the files are not there, or are not what was written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[type[StoredSplit], tuple[Path]]:
        return StoredSplit, (self.path,)

    @cached_property
    def _files(self) -> SplitFiles:
        try:
            return SplitFiles(self.path)
        except (OSError, DamagedError) as error:
            raise self._unusable(error) from error

    @property
    def starts(self) -> npt.NDArray[np.int64]:  # noqa: D102
        return self._files.starts

    @property
    def labels(self) -> npt.NDArray[np.int64]:  # noqa: D102
        return self._column("labels")

    @property
    def content_hashes(self) -> npt.NDArray[np.uint64]:  # noqa: D102
        return self._column("content_hashes")

    @property
    def occurrences(self) -> npt.NDArray[np.uint32]:  # noqa: D102
        return self._column("occurrences")

    @property
    def words_per_document(self) -> npt.NDArray[np.int32]:  # noqa: D102
        return self._column("words_per_document")

    def window(self, number: int) -> Documents:
        """The documents of a window, read from the disk."""
        try:
            return self._files.window(number)
        except (OSError, DamagedError) as error:
            raise self._unusable(error) from error

    def _column(self, name: str) -> npt.NDArray[Any]:
        try:
            return self._files.column(name)
        except (OSError, DamagedError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> InputError:
        if isinstance(error, FileNotFoundError):
            return InputError(
                f"{self.path}: the tokenised documents are not on this machine; let {CACHE_VARIABLE} name a cache "
                "folder that all machines share, and start again."
            )
        if isinstance(error, OSError):
            return InputError(f"{self.path}: the tokenised documents cannot be read ({error.strerror or error}).")
        return InputError(f"{self.path}: the tokenised documents are damaged; start again, and they are made anew.")


class _Sample(Split):
    """Some rows of a split."""

    def __init__(self, split: Split, rows: IntArray) -> None:
        self._split = split
        self._rows = rows

    def __reduce__(self) -> tuple[type[_Sample], tuple[Split, IntArray]]:
        return _Sample, (self._split, self._rows)

    @cached_property
    def starts(self) -> npt.NDArray[np.int64]:
        return window_starts(self.words_per_document)

    @cached_property
    def labels(self) -> npt.NDArray[np.int64]:
        return self._split.labels[self._rows]

    @cached_property
    def content_hashes(self) -> npt.NDArray[np.uint64]:
        return self._split.content_hashes[self._rows]

    @cached_property
    def occurrences(self) -> npt.NDArray[np.uint32]:
        return occurrences_of(self.content_hashes)

    @cached_property
    def words_per_document(self) -> IntArray:
        return self._split.words_per_document[self._rows]

    def window(self, number: int) -> Documents:
        start, end = self.starts[number : number + 2]
        return self._split.take(self._rows[start:end])

    def parts(self) -> Iterator[Documents]:
        start = 0
        for part in self._split.parts():
            first, last = np.searchsorted(self._rows, [start, start + len(part)])
            yield part.take(self._rows[first:last] - start)
            start += len(part)


class _Cut(Split):
    """The beginnings of documents."""

    def __init__(self, split: Split, words: int) -> None:
        self._split = split
        self._words = words

    def __reduce__(self) -> tuple[type[_Cut], tuple[Split, int]]:
        return _Cut, (self._split, self._words)

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        return self._split.starts

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        return self._split.labels

    @property
    def content_hashes(self) -> npt.NDArray[np.uint64]:
        return self._split.content_hashes

    @property
    def occurrences(self) -> npt.NDArray[np.uint32]:
        return self._split.occurrences

    @cached_property
    def words_per_document(self) -> IntArray:
        return np.minimum(self._split.words_per_document, self._words)

    def window(self, number: int) -> Documents:
        return self._split.window(number).cut(self._words).with_own_types()

    def parts(self) -> Iterator[Documents]:
        return (part.cut(self._words) for part in self._split.parts())
