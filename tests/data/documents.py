"""Small tokenised documents, and whether two are the same."""

import dataclasses

import numpy as np
from hypothesis import strategies as st

from attnprobe.data.documents import Documents


def assert_same_documents(one, other):
    for field in dataclasses.fields(Documents):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if isinstance(left, list):
            assert left == right, field.name
            continue
        assert left.dtype == right.dtype, field.name
        np.testing.assert_array_equal(left, right, err_msg=field.name)


def made_documents(texts, labels=None, hashes=None):
    """Documents given as lists of sentences, which are lists of words."""
    sentences = [sentence for text in texts for sentence in text]
    numbers = {}
    words = [numbers.setdefault(word, len(numbers)) for sentence in sentences for word in sentence]
    return Documents.of_words(
        list(numbers),
        np.array(words, dtype=np.int32),
        np.array([len(sentence) for sentence in sentences], dtype=np.int32),
        np.array([len(text) for text in texts], dtype=np.int32),
        np.array(labels if labels is not None else range(len(texts)), dtype=np.int64),
        np.array(hashes if hashes is not None else range(len(texts)), dtype=np.uint64),
    )


words = st.sampled_from(["a", "A", "film", "naïve", "東京", "\u2028", "'"]) | st.text(min_size=1, max_size=3).filter(
    lambda word: word.isprintable()
)
texts = st.lists(st.lists(st.lists(words, min_size=1, max_size=4), min_size=1, max_size=3), min_size=1, max_size=30)


@st.composite
def documents(draw):
    """Up to 30 documents, some of them of the same content hash."""
    drawn = draw(texts)
    hashes = draw(st.lists(st.integers(0, 5) | st.just(2**64 - 1), min_size=len(drawn), max_size=len(drawn)))
    return made_documents(drawn, hashes=hashes)
