"""Initial embeddings trained on the dataset itself."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from attnprobe.data.documents import Dataset
from attnprobe.data.vocabulary import Vocabulary
from attnprobe.errors import InputError

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
        list(_sentences(dataset, vocabulary)),
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


def _sentences(dataset: Dataset, vocabulary: Vocabulary) -> Iterator[list[str]]:
    for split in ("train", "dev"):
        documents = dataset.splits[split]
        ids = vocabulary.encode(documents).tolist()
        for start, end in zip(documents.word_offsets[:-1], documents.word_offsets[1:], strict=True):
            yield [vocabulary.words[id_] for id_ in ids[start:end]]
