"""The smallest set that reaches all thresholds: bounds and candidates of weighted sums, against all sets."""

import itertools

import numpy as np
import pytest

from attnprobe.erasure.guarantees.covering_programs import _by_sums, reaches, smallest_cover


def smallest(gains, thresholds):
    """By going through all sets; None: no set reaches them."""
    items = range(gains.shape[1])
    every = (list(of) for size in range(len(items) + 1) for of in itertools.combinations(items, size))
    return next((len(of) for of in every if (gains[:, of].sum(1) >= thresholds).all()), None)


def drawn(seed):
    """Rows of which some give nothing, some items far more than others, and thresholds that all items reach."""
    generator = np.random.default_rng(seed)
    rows, items = generator.integers(1, 6), generator.integers(1, 9)
    gains = generator.random((rows, items)) ** generator.choice([1, 8]) * (generator.random((rows, items)) < 0.8)
    return gains, gains.sum(1) * generator.uniform(0.05, 0.95, rows)


@pytest.mark.parametrize("seed", range(40))
def test_bounds_are_below_and_candidates_above_the_smallest_set(seed):
    gains, thresholds = drawn(seed)
    needed = thresholds > 0
    if not needed.any():
        return
    rows = np.minimum(gains[needed], thresholds[needed, None]) / thresholds[needed, None]
    found, size = _by_sums(rows), smallest(gains, thresholds)
    assert found.bound <= size <= found.chosen.sum()
    everything = np.ones(gains.shape[1], dtype=bool)
    cover = smallest_cover(gains, thresholds, 0, everything)
    assert cover.bound == cover.chosen.sum() == size
    assert reaches(gains, thresholds, cover.chosen)


def test_many_documents_need_no_program(monkeypatch):
    def solve(*_):
        programs.append(1)
        return

    monkeypatch.setattr("attnprobe.erasure.guarantees.covering_programs._solve", solve)
    programs = []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        gains = generator.random((3, 30)) ** 4
        smallest_cover(gains, 0.5 * gains.sum(1), 1, np.ones(30, dtype=bool))
    assert len(programs) < 40  # of 60, each of which would


def test_rows_that_no_set_reaches_leave_all_items():
    found = _by_sums(np.array([[0.2, 0.3, 0.1]]))
    assert found.chosen.all()
    assert found.bound == 3
