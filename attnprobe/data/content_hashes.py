"""Hashes of what a dataset holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from attnprobe.data.files.development_split import SPLIT_SEED
from attnprobe.data.files.reading import RawDocuments
from attnprobe.data.tokens.tokeniser import tokeniser_version

FINGERPRINT_BYTES = 16


class Digest(Protocol):
    """A hash under way, as ``hashlib`` has it."""

    def update(self, data: bytes, /) -> None:
        """Take in more."""


def document_hashes(texts: Sequence[str]) -> npt.NDArray[np.uint64]:
    """uint64 (documents,): the first 8 bytes of each text's blake2b, little-endian."""
    heads = b"".join(hashlib.blake2b(text.encode()).digest()[:8] for text in texts)
    return np.frombuffer(heads, dtype="<u8").astype(np.uint64)


def fingerprint(raw: Mapping[str, RawDocuments]) -> str:
    """Hexadecimal; another one whenever texts, labels, columns, split seed or tokeniser are others."""
    digest = hashlib.blake2b(f"{tokeniser_version()} split seed {SPLIT_SEED}\n".encode(), digest_size=FINGERPRINT_BYTES)
    for split, documents in raw.items():
        update_with_texts(digest, [split, documents.columns.label, documents.columns.text])
        update_with_texts(digest, documents.labels)
        update_with_texts(digest, documents.texts)
    return digest.hexdigest()


def update_with_texts(digest: Digest, texts: Sequence[str]) -> None:
    """Take in the number of texts, and then each after its length, so that their borders count."""
    digest.update(b"%d texts\n" % len(texts))
    for text in texts:
        data = text.encode()
        digest.update(b"%d\n" % len(data))
        digest.update(data)
