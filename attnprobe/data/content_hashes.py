"""Hashes of what a dataset holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from attnprobe.data.files.development_split import SPLIT_SEED
from attnprobe.data.files.folder import RawSplit
from attnprobe.data.tokens.given_tokens import Text
from attnprobe.data.tokens.segmenters import Segmenter
from attnprobe.data.tokens.tokeniser import tokeniser_version

FINGERPRINT_BYTES = 16
LABELS_AT_ONCE = 1 << 16


def document_hashes(texts: Sequence[str]) -> npt.NDArray[np.uint64]:
    """uint64 (documents,): the first 8 bytes of each text's blake2b, little-endian."""
    heads = b"".join(hashlib.blake2b(text.encode()).digest()[:8] for text in texts)
    return np.frombuffer(heads, dtype="<u8").astype(np.uint64)


class Fingerprint:
    """Of a dataset: another one whenever texts, labels, columns, split seed or tokeniser are others.

    It is made while the splits are gone through, one after another.

    Args:
        segmenter: that finds the words; None where there is none.
    """

    def __init__(self, segmenter: Segmenter | None = None) -> None:
        self._segmenter = segmenter
        identity = f"{tokeniser_version()} split seed {SPLIT_SEED}\n"
        identity += "" if segmenter is None else f"segmenter {segmenter}\n"
        self._digest = hashlib.blake2b(identity.encode(), digest_size=FINGERPRINT_BYTES)

    def texts_of(self, name: str, split: RawSplit) -> Iterator[Text]:
        """The texts of the next split, taken in as they are gone through."""
        # The number of strings, then each after its length, so that their borders count.
        self._begin(3)
        self._digest.update(b"".join(map(_framed, (name, split.columns.label, split.columns.text))))
        self._begin(len(split))
        framed, codes = [_framed(label) for label in split.labels], split.codes
        for start in range(0, len(codes), LABELS_AT_ONCE):
            some = codes[start : start + LABELS_AT_ONCE].tolist()
            self._digest.update(b"".join(framed[code] for code in some))
        self._begin(len(split))
        for text in split.texts(self._segmenter):
            if isinstance(text, str):
                self._digest.update(_framed(text))
            else:
                self._digest.update(_framed(text.text) + b"%d tokens\n" % len(text.tokens))
                self._digest.update(b"".join(map(_framed, text.tokens)))
            yield text

    def hexdigest(self) -> str:
        """Of all that was taken in."""
        return self._digest.hexdigest()

    def _begin(self, strings: int) -> None:
        self._digest.update(b"%d texts\n" % strings)


def _framed(text: str) -> bytes:
    data = text.encode()
    return b"%d\n%b" % (len(data), data)
