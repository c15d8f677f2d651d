"""Texts that repeat what other texts say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, count

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
    hashes, text_of_hash = _shingles(texts)
    distinct, codes = np.unique(hashes, return_inverse=True)
    pairs = np.sort(text_of_hash * len(distinct) + codes)  # of a text and a shingle, as numbers
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]  # a shingle counts once in its text
    text_of_pair, shingle_of_pair = np.divmod(pairs, max(len(distinct), 1))
    ends = np.cumsum(np.bincount(text_of_pair, minlength=len(texts))).tolist()

    seen = np.zeros(len(distinct), dtype=bool)
    kept = []
    for text, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        own = shingle_of_pair[start:end]
        if start == end or np.count_nonzero(seen[own]) < REPEATED_SHARE * len(own):
            kept.append(text)
            seen[own] = True
    return kept


def _shingles(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Hashes of all shingles of all texts, and the text that each is of."""
    words = [text.lower().split() for text in texts]
    ids: defaultdict[str, int] = defaultdict(count().__next__)
    lengths = np.array([len(text) for text in words], dtype=np.int64)
    codes = np.fromiter(map(ids.__getitem__, chain.from_iterable(words)), dtype=np.int64, count=lengths.sum())
    random_bits = np.random.default_rng(0).integers(2**64, size=len(ids), dtype=np.uint64)

    hashes = np.zeros(max(len(codes) - SHINGLE_WORDS + 1, 0), dtype=np.uint64)
    for offset in range(SHINGLE_WORDS):  # a polynomial modulo 2**64
        hashes = hashes * MULTIPLIER + random_bits[codes[offset : offset + len(hashes)]]
    text_of_word = np.repeat(np.arange(len(texts)), lengths)
    text_of_shingle = text_of_word[: len(hashes)]
    inside_one_text = text_of_shingle == text_of_word[SHINGLE_WORDS - 1 :]
    return hashes[inside_one_text], text_of_shingle[inside_one_text]
