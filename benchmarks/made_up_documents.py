"""Documents made of random words that are as long and as many-sentenced as docstrings."""

from __future__ import annotations

import numpy as np

from attnprobe.data.batches import EncodedDocuments
from attnprobe.data.documents import Documents

WORDS, CLASSES = 5500, 12


def made_up_documents(documents: int, seed: int) -> EncodedDocuments:
    """Documents of about 100 words (median 60), in sentences of about 12, words as frequent as Zipf's law has them."""
    rng = np.random.default_rng(seed)
    words_per_document = np.clip(rng.lognormal(4.1, 1.0, documents).astype(np.int64), 3, 1000)
    sentences = np.maximum(1, words_per_document // 12).astype(np.int32)
    lengths = np.concatenate([_cut(rng, *pair) for pair in zip(words_per_document, sentences, strict=True)])
    words = np.minimum(rng.zipf(1.3, lengths.sum()), WORDS - 1).astype(np.int32)
    return EncodedDocuments(
        Documents.of_words(
            types=[f"word{number}" for number in range(WORDS)],
            words=words,
            sentence_lengths=lengths.astype(np.int32),
            sentences_per_document=sentences,
            labels=rng.integers(0, CLASSES, documents),
            content_hashes=rng.integers(0, 2**63, documents).astype(np.uint64),
        ),
        words,
    )


def _cut(rng: np.random.Generator, words: int, sentences: int) -> np.ndarray:
    """Lengths of sentences that end at random."""
    ends = np.sort(rng.choice(np.arange(1, words), sentences - 1, replace=False))
    return np.diff(ends, prepend=0, append=words)
