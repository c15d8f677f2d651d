import sys

import numpy as np
import pytest

from attnprobe.base.errors import InputError
from attnprobe.data.vocabulary import Vocabulary
from attnprobe.data.word2vec import word2vec_vectors


def test_same_seed_same_vectors_of_length_one(films):
    pytest.importorskip("gensim")
    vocabulary = Vocabulary.build(films)
    vectors = word2vec_vectors(films, vocabulary, dim=8, seed=3)
    np.testing.assert_array_equal(vectors, word2vec_vectors(films, vocabulary, dim=8, seed=3))
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(vocabulary), 8)
    assert not vectors[0].any()
    np.testing.assert_allclose(np.linalg.norm(vectors[1:], axis=1), 1, rtol=1e-5)
    assert (vectors != word2vec_vectors(films, vocabulary, dim=8, seed=4)).any()


def test_without_gensim(films, monkeypatch):
    monkeypatch.setitem(sys.modules, "gensim", None)
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    with pytest.raises(InputError, match=r"needs gensim: pip install 'attnprobe\[word2vec\]'\."):
        word2vec_vectors(films, Vocabulary.build(films), dim=8, seed=0)
