"""Texts that repeat what other texts say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SHINGLE_WORDS = 8
REPEATED_SHARE = 0.5
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def without_near_duplicates(texts: Sequence[str]) -> list[int]:
    """Indices of the texts to keep, ascending.

    In their order, a text is dropped if at least half of its distinct shingles (eight successive words,
    lower-cased) occur in texts kept before it. Texts of fewer than eight words are kept.
    """
    if not texts:
        return []
    shingles = [np.unique(part) for part in np.split(*_shingles(texts))]
    distinct, codes = np.unique(np.concatenate(shingles), return_inverse=True)
    seen = np.zeros(len(distinct), dtype=bool)
    kept = []
    ends = np.cumsum([len(part) for part in shingles])
    for text, own in enumerate(np.split(codes, ends[:-1])):
        if len(own) == 0 or seen[own].mean() < REPEATED_SHARE:
            kept.append(text)
            seen[own] = True
    return kept


def _shingles(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Hashes of all shingles of all texts, and the places where the second and later texts' begin."""
    words = [text.lower().split() for text in texts]
    ids: dict[str, int] = {}
    codes = np.array([ids.setdefault(word, len(ids)) for text in words for word in text], dtype=np.int64)
    random_bits = np.random.default_rng(0).integers(2**64, size=len(ids), dtype=np.uint64)
    lengths = np.array([len(text) for text in words], dtype=np.int64)

    hashes = np.zeros(max(len(codes) - SHINGLE_WORDS + 1, 0), dtype=np.uint64)
    for offset in range(SHINGLE_WORDS):  # a polynomial modulo 2**64
        hashes = hashes * MULTIPLIER + random_bits[codes[offset : offset + len(hashes)]]
    text_of_word = np.repeat(np.arange(len(texts)), lengths)
    text_of_shingle = text_of_word[: len(hashes)]
    inside_one_text = text_of_shingle == text_of_word[SHINGLE_WORDS - 1 :]
    counts = np.bincount(text_of_shingle[inside_one_text], minlength=len(texts))
    return hashes[inside_one_text], np.cumsum(counts)[:-1]
