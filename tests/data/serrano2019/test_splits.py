from collections import Counter

import numpy as np
import pytest

from attnprobe.data.serrano2019 import split_rules as splits
from attnprobe.data.serrano2019.lengths import text_lengths
from attnprobe.data.serrano2019.split_rules import (
    CLASS_IS_FULL,
    DEV,
    TEST,
    TOO_LONG_SENTENCE,
    TOO_MANY_SENTENCES,
    TRAIN,
    UNSPLIT,
    ClassSizes,
    Pool,
)
from attnprobe.data.tokens.tokenisation import map_chunks
from tests.fixtures.serrano2019_originals import document


def pool(labels, given=UNSPLIT, unfit=0):
    n = len(labels)
    return Pool(
        np.asarray(labels, np.int8),
        np.broadcast_to(np.asarray(given, np.int8), n),
        np.broadcast_to(np.asarray(unfit, np.int8), n),
    )


@pytest.fixture
def random_pool():
    random = np.random.default_rng(1)
    labels, unfit = random.integers(0, 3, 2000), random.choice([0, 0, 0, TOO_MANY_SENTENCES, TOO_LONG_SENTENCE], 2000)
    return pool(labels, random.choice([TRAIN, TEST], 2000), unfit)


def test_yahoo_takes_test_documents_of_any_length_first(random_pool, monkeypatch):
    monkeypatch.setattr(splits, "YAHOO_SIZES", ClassSizes(test=50, pool=200))
    codes = splits.split_yahoo(random_pool)
    for label in range(3):
        own = random_pool.labels == label
        assert Counter(codes[own & (codes >= 0)].tolist()) == {TRAIN: 180, DEV: 20, TEST: 50}
        unfit = random_pool.unfit[own]
        in_test = codes[own] == TEST
        assert 0 < (unfit[in_test] != 0).sum() < 50
        np.testing.assert_array_equal(codes[own][~in_test & (unfit != 0)], unfit[~in_test & (unfit != 0)])
        assert (codes[own] == CLASS_IS_FULL).sum() == (unfit[~in_test] == 0).sum() - 200


def test_yahoo_with_few_documents_gives_each_split_its_share():
    codes = splits.split_yahoo(pool([0] * 290 + [1] * 29))
    assert Counter(codes[:290].tolist()) == {TRAIN: 252, DEV: 28, TEST: 10}
    assert Counter(codes[290:].tolist()) == {TRAIN: 25, DEV: 3, TEST: 1}


def test_imdb_shares():
    codes = splits.split_imdb(pool([0] * 20_000))
    np.testing.assert_allclose(np.bincount(codes) / 20_000, [0.8, 0.1, 0.1], atol=0.01)
    draws = np.random.default_rng(splits.SPLIT_SEED).random(20_000)
    assert codes.tolist() == [TRAIN if u < 0.8 else DEV if u < 0.9 else TEST for u in draws]


def test_reviews_keep_the_given_test_split_and_cut_training_alone(random_pool):
    codes = splits.split_reviews(random_pool)
    draws = np.random.default_rng(splits.SPLIT_SEED).random(2000)
    for code, given, unfit, draw in zip(codes, random_pool.given, random_pool.unfit, draws, strict=True):
        assert code == (TEST if given == TEST else DEV if draw >= 0.9 else unfit or TRAIN)
    assert set(codes) == {TRAIN, DEV, TEST, TOO_MANY_SENTENCES, TOO_LONG_SENTENCE}


def test_lengths_by_construction():
    shapes = [[3], [5, 2, 9], [2] * 40, [12, 13]]
    found = text_lengths([document(shape) for shape in shapes])
    assert found.sentences.tolist() == [len(shape) for shape in shapes]
    assert found.longest.tolist() == [max(shape) for shape in shapes]


@pytest.mark.slow
def test_lengths_are_the_same_in_processes_and_at_home():
    chunks = [[document([i + 2, j + 2]) for j in range(3)] for i in range(6)]
    away = list(map_chunks(text_lengths, iter(chunks), workers=2))
    for one, chunk in zip(away, chunks, strict=True):
        np.testing.assert_array_equal(one, text_lengths(chunk))
