"""Tokenised documents from plain words or from texts, for tests of what reads their text."""

import numpy as np

from attnprobe.data.content_hashes import document_hashes
from attnprobe.data.documents import Documents
from attnprobe.data.tokens.tokeniser import tokenise_texts


def documents_of(*texts, labels=None):
    """One sentence a document, its words parted at spaces."""
    types: dict[str, int] = {}
    words = [[types.setdefault(word, len(types)) for word in text.split(" ")] for text in texts]
    return Documents.of_words(
        types=list(types),
        words=np.array([number for document in words for number in document], dtype=np.int32),
        sentence_lengths=np.array([len(document) for document in words], dtype=np.int32),
        sentences_per_document=np.ones(len(words), dtype=np.int32),
        labels=np.array(labels if labels is not None else [0] * len(words), dtype=np.int64),
        content_hashes=np.arange(len(words), dtype=np.uint64),
    )


def documents_with(*texts):
    """Documents of these texts, their words and sentences those of the tokeniser of datasets."""
    return Documents(
        **tokenise_texts(texts)._asdict(),
        labels=np.zeros(len(texts), dtype=np.int64),
        content_hashes=document_hashes(texts),
        texts=list(texts),
    )


def documents_of_one_word(texts):
    """Documents of these texts for what does not ask for words: looking for them is what takes time."""
    rows, ones = np.arange(len(texts)), np.ones(len(texts), dtype=np.int32)
    return Documents.of_words(list(texts), rows.astype(np.int32), ones, ones, rows, rows.astype(np.uint64))


def shown(item_texts):
    """All of a document's text that its items show."""
    return "".join(item.before + item.token for item in item_texts if item.before is not None)
