"""Initial embeddings trained on the dataset itself."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from attnprobe.base.errors import InputError
from attnprobe.data.tokenised_dataset import Dataset
from attnprobe.data.vocabulary import Vocabulary

WINDOW = 5
NEGATIVE_SAMPLES = 5
ITERATIONS = 30


def word2vec_vectors(dataset: Dataset, vocabulary: Vocabulary, dim: int, seed: int) -> npt.NDArray[np.float32]:
    """float32 (words, dim): CBOW vectors of length 1 from the sentences of train and dev; zeros for padding.

    Words that the vocabulary lacks are one word here, too. Same seed, same vectors: one thread does it all.

    Raises:
        InputError: gensim is not installed.
    """
    try:
        from gensim.models import Word2Vec
    except ImportError:
        raise InputError("Word2vec initialisation needs gensim: pip install 'attnprobe[word2vec]'.") from None
    model = Word2Vec(
        _Sentences(dataset, vocabulary),
        vector_size=dim,
        window=WINDOW,
        negative=NEGATIVE_SAMPLES,
        epochs=ITERATIONS,
        min_count=1,
        seed=seed,
        workers=1,
    )
    vectors = np.zeros((len(vocabulary), dim), dtype=np.float32)
    for id_, word in enumerate(vocabulary.words):
        if word in model.wv:
            vectors[id_] = model.wv[word] / np.linalg.norm(model.wv[word])
    return vectors


class _Sentences:
    """The sentences of train and dev; gone through once for every iteration, never held."""

    def __init__(self, dataset: Dataset, vocabulary: Vocabulary) -> None:
        self._dataset = dataset
        self._vocabulary = vocabulary

    def __iter__(self) -> Iterator[list[str]]:
        for split in ("train", "dev"):
            for window in self._dataset.splits[split]:
                ids = self._vocabulary.encode(window).tolist()
                for start, end in zip(window.word_offsets[:-1], window.word_offsets[1:], strict=True):
                    yield [self._vocabulary.words[id_] for id_ in ids[start:end]]
