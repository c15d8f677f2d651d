"""What is said of sets that flip decisions and that guarantee them, held against runs of the model for every subset."""

import dataclasses

import numpy as np
import pytest

from attnprobe.erasure.certified_names import (
    FLIP_BOUND,
    FLIP_SMALLEST,
    FLIPPING_ITEM,
    NECESSARY,
    SUFFICIENT_BOUND,
    SUFFICIENT_ITEM,
    SUFFICIENT_SMALLEST,
)
from attnprobe.erasure.registered_orderings import SMALLEST_SET
from attnprobe.verification.comparison import Comparison
from attnprobe.verification.sets_by_subsets import ITEMS, MADE, compare_asked_sets
from tests.verification.test_comparison import FOLDER, stored_and_reference


def as_asked(stored):
    """What sums say of a document, as if sets had been erased to find it."""
    smallest = stored.erasures[SMALLEST_SET, 0].removed
    keep, bound, necessary = stored.sufficient
    sizes = (smallest, smallest, keep, bound, necessary)
    names = (FLIP_BOUND, FLIP_SMALLEST, SUFFICIENT_SMALLEST, SUFFICIENT_BOUND, NECESSARY)
    rank = stored.items[f"rank_{SMALLEST_SET}"]
    marks = {
        FLIPPING_ITEM: ((rank >= 0) & (rank < smallest)).astype(np.int8),
        SUFFICIENT_ITEM: stored.items["sufficient"].astype(np.int8),
    }
    asked = dict(zip(names, sizes, strict=True))
    return dataclasses.replace(stored, asked=asked, items=stored.items | marks)


@pytest.fixture(scope="module")
def cases():
    made = [*stored_and_reference(sentences=3, words=2), *stored_and_reference(5, sentences=4, words=12)]
    cases = [(as_asked(stored), *others) for stored, *others in made]
    assert {stored.n <= ITEMS for stored, *_ in cases} == {True, False}
    return cases


def differing(cases):
    comparison = Comparison(FOLDER)
    for stored, reference, orders in cases:
        compare_asked_sets(comparison, stored, reference, orders)
    return comparison


def test_what_sums_say_all_subsets_say_too(cases):
    comparison = differing(cases)
    assert comparison.differing == []
    assert comparison.made[MADE] > 5 * len(cases)
    assert comparison.within_rounding < 0.02 * comparison.made[MADE]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({FLIP_SMALLEST: 1}, "flip_smallest is"),
        ({SUFFICIENT_SMALLEST: 1}, "sufficient_smallest is"),
        ({SUFFICIENT_BOUND: 1, SUFFICIENT_SMALLEST: 1}, "sufficient_bound is"),
        ({NECESSARY: 1}, "sufficient_necessary is"),
        ({NECESSARY: -1}, "sufficient_necessary is"),
    ],
)
def test_a_number_that_is_another_one_is_named(cases, changed, said):
    found = 0
    for stored, reference, orders in cases:
        if stored.n <= ITEMS and 0 < stored.asked[FLIP_SMALLEST] < stored.n and stored.asked[NECESSARY]:
            asked = {name: number + changed.get(name, 0) for name, number in stored.asked.items()}
            told = differing([(dataclasses.replace(stored, asked=asked), reference, orders)]).differing
            assert any(said in each for each in told)
            found += 1
    assert found


def test_sets_that_do_not_do_what_is_said_are_named(cases):
    for name, what in ((SUFFICIENT_ITEM, "guarantees the decision"), (FLIPPING_ITEM, "items flips the decision")):
        found = set()
        for stored, reference, orders in cases:
            marks = stored.items[name]
            if 0 < marks.sum() < stored.n:
                wrong = np.roll(np.sort(marks), int(stored.number))  # as many items, others
                other = dataclasses.replace(stored, items=stored.items | {name: wrong})
                told = differing([(other, reference, orders)]).differing
                found |= {stored.n <= ITEMS} if any(what in each for each in told) else set()
        assert True in found


def test_a_set_of_a_long_document_beside_which_an_erasure_flips_is_named(cases):
    found = 0
    for stored, reference, orders in cases:
        if stored.n > ITEMS and stored.asked[SUFFICIENT_SMALLEST]:
            asked = stored.asked | {SUFFICIENT_BOUND: 0, SUFFICIENT_SMALLEST: 0}
            items = stored.items | {SUFFICIENT_ITEM: np.zeros(stored.n, dtype=np.int8)}
            told = differing([(dataclasses.replace(stored, asked=asked, items=items), reference, orders)]).differing
            found += any("keeping 0 items guarantees the decision" in each for each in told)
    assert found


def test_an_ordering_whose_count_is_off_is_named(cases):
    stored, reference, orders = next(case for case in cases if case[0].n <= ITEMS and case[0].asked[NECESSARY])
    flip = stored.erasures["attention", 0]
    for off in (-1, 1):
        erasures = {("attention", 0): flip._replace(sufficient=flip.sufficient + off)}
        told = differing([(dataclasses.replace(stored, erasures=erasures), reference, orders)]).differing
        if 0 <= flip.sufficient + off <= stored.n:
            assert any("of attention" in each for each in told)
