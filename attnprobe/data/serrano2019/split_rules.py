"""Which document goes into which split, as in 2019 but seeded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SPLIT_SEED = 0
"""A constant, not the run's seed: all runs on a dataset have the same data."""

SPLITS = ("train", "dev", "test")
TRAIN, DEV, TEST = range(3)
UNSPLIT = -1
TOO_MANY_SENTENCES, TOO_LONG_SENTENCE, CLASS_IS_FULL = -2, -3, -4
REASONS = {
    TOO_MANY_SENTENCES: "too many sentences",
    TOO_LONG_SENTENCE: "a sentence too long",
    CLASS_IS_FULL: "more than wanted of the class",
}

Codes = npt.NDArray[np.int8]


class Pool(NamedTuple):
    """What is known of all documents when they are split; parallel arrays.

    Attributes:
        labels: the number of each one's class.
        given: ``TRAIN``, ``DEV`` or ``TEST`` as the source has it, or ``UNSPLIT``.
        unfit: 0, or the reason why the length of the document keeps it out of a split that is cut.
    """

    labels: npt.NDArray[np.integer]
    given: Codes
    unfit: Codes


@dataclass(frozen=True)
class ClassSizes:
    """Documents of a class; a class with fewer gives each split its share.

    Attributes:
        test: drawn first, of any length.
        pool: training and development together, drawn of those that are not too long.
    """

    test: int
    pool: int


YAHOO_SIZES = ClassSizes(test=5_000, pool=140_000)
DEVELOPMENT_SHARE = 0.1
IMDB_TRAINING_SHARE, IMDB_DEVELOPMENT_SHARE = 0.8, 0.1


def split_yahoo(pool: Pool) -> Codes:
    """Of each class some for testing, whatever their length; of the others that fit, a tenth for development."""
    random = np.random.default_rng(SPLIT_SEED)
    codes = np.full(len(pool.labels), CLASS_IS_FULL, dtype=np.int8)
    for label in np.unique(pool.labels):
        members = random.permutation(np.flatnonzero(pool.labels == label))
        share = min(1.0, len(members) / (YAHOO_SIZES.test + YAHOO_SIZES.pool))
        test, rest = np.split(members, [round(YAHOO_SIZES.test * share)])
        fitting = rest[pool.unfit[rest] == 0][: YAHOO_SIZES.pool]
        development, training = np.split(fitting, [round(DEVELOPMENT_SHARE * len(fitting))])
        codes[rest] = np.where(pool.unfit[rest] != 0, pool.unfit[rest], CLASS_IS_FULL)
        codes[test], codes[development], codes[training] = TEST, DEV, TRAIN
    return codes


def split_imdb(pool: Pool) -> Codes:
    """Each document by a draw of its own: .8, .1 and .1."""
    draws = np.random.default_rng(SPLIT_SEED).random(len(pool.labels))
    bounds = [IMDB_TRAINING_SHARE, IMDB_TRAINING_SHARE + IMDB_DEVELOPMENT_SHARE]
    return np.digitize(draws, bounds).astype(np.int8)


def split_as_given(pool: Pool) -> Codes:
    """As the source has it, which says of every document where it goes."""
    return pool.given


def split_reviews(pool: Pool) -> Codes:
    """The test split as given; of the others each by a draw: .9, of which those that fit train, and .1."""
    draws = np.random.default_rng(SPLIT_SEED).random(len(pool.labels))
    training = np.where(pool.unfit != 0, pool.unfit, TRAIN)
    codes = np.where(draws < 1 - DEVELOPMENT_SHARE, training, DEV)
    return np.where(pool.given == TEST, TEST, codes).astype(np.int8)
