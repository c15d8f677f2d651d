"""Words as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from attnprobe.base.atomic_files import replacing
from attnprobe.base.bounds import MOST_VOCABULARY_BYTES, MOST_WORDS
from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import read_plain
from attnprobe.data.documents import Documents
from attnprobe.data.tokenised_dataset import Dataset

SMALLEST_COUNT = 5
PADDING = "@@PADDING@@"
UNKNOWN = "@@UNKNOWN@@"


class Vocabulary:
    """Lower-cased words and their ids: 0 is padding, the last id stands for every word that is not known."""

    def __init__(self, words: Sequence[str]) -> None:
        """``words``: lower-cased and distinct, the first one's id is 1; without padding and unknown word."""
        self.words = [PADDING, *words, UNKNOWN]
        self.unknown_id = len(self.words) - 1
        self._ids = {word: id_ for id_, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def build(cls, dataset: Dataset) -> Vocabulary:
        """The words that occur at least five times in train and dev together, in order of first sight."""
        counts: dict[str, int] = {}
        for split in ("train", "dev"):
            for part in dataset.splits[split].parts():
                occurrences = np.bincount(part.words, minlength=len(part.types)).tolist()
                for word, count in zip(part.types, occurrences, strict=True):
                    lowered = word.lower()
                    counts[lowered] = counts.get(lowered, 0) + count
        return cls([word for word, count in counts.items() if count >= SMALLEST_COUNT])

    def encode(self, documents: Documents) -> npt.NDArray[np.int32]:
        """int32 (tokens,): the id of each of the documents' words."""
        id_of_type = [self._ids.get(word.lower(), self.unknown_id) for word in documents.types]
        return np.array(id_of_type, dtype=np.int32)[documents.words]

    def save(self, path: Path) -> None:
        """Write one word a line, in the order of the ids."""
        with replacing(path) as temporary:
            temporary.write_bytes("".join(f"{word}\n" for word in self.words).encode())

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read what ``save`` wrote.

        Raises:
            InputError: the file cannot be read, is not a vocabulary, or is larger than one can be.
        """
        try:
            content = read_plain(path, MOST_VOCABULARY_BYTES)
            if content.count(b"\n") > MOST_WORDS:
                raise InputError(f"{path}: the vocabulary has more than {MOST_WORDS:,} words.")
            lines = content.decode().split("\n")
        except OSError as error:
            raise InputError(f"{path}: the vocabulary cannot be read ({error.strerror}).") from error
        except UnicodeDecodeError:
            raise InputError(f"{path}: the vocabulary is not UTF-8.") from None
        if len(lines) < 3 or (lines[0], *lines[-2:]) != (PADDING, UNKNOWN, ""):
            raise InputError(f"{path}: not a whole vocabulary; it begins with {PADDING} and ends with {UNKNOWN}.")
        if len(set(lines)) < len(lines):
            raise InputError(f"{path}: a word occurs twice in the vocabulary.")
        return cls(lines[1:-2])
