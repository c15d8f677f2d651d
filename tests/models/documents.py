"""Small ragged documents for model and training tests, without text or tokeniser."""

import numpy as np

from attnprobe.data.batches import EncodedDocuments
from attnprobe.data.documents import Documents
from attnprobe.data.split import HeldSplit
from attnprobe.training import StreamedSplit


def random_documents(documents=40, classes=3, vocabulary=30, seed=0, planted=True, sentences=5, words=8):
    """Documents whose class is told by a word of its own (word numbers 1 … classes), if ``planted``."""
    rng = np.random.default_rng(seed)
    per_document = rng.integers(1, sentences + 1, documents).astype(np.int32)
    lengths = rng.integers(1, words + 1, per_document.sum()).astype(np.int32)
    labels = rng.integers(0, classes, documents)
    numbers = rng.integers(classes + 1, vocabulary, lengths.sum()).astype(np.int32)
    if planted:
        first_word = np.concatenate([[0], np.cumsum(lengths)])[np.concatenate([[0], np.cumsum(per_document)])[:-1]]
        numbers[first_word] = labels + 1
    return EncodedDocuments(
        Documents.of_words(
            types=[f"word{i}" for i in range(vocabulary)],
            words=numbers,
            sentence_lengths=lengths,
            sentences_per_document=per_document,
            labels=labels,
            content_hashes=rng.integers(0, 2**63, documents).astype(np.uint64),
        ),
        numbers,
    )


def streamed(encoded):
    """Encoded documents as a split that fits into one buffer."""
    return StreamedSplit(HeldSplit(encoded.documents), lambda documents: encoded)
