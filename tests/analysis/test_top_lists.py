"""Likeness of orderings: against scipy, and against the four cases of Fagin, Kumar and Sivakumar, pair by pair."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from attnprobe.analysis import top_lists
from attnprobe.analysis.top_lists import likeness


def pair_by_pair(first, second, p):
    """K^(p) of two lists of items, by the cases of the paper."""
    cost = 0.0
    for i, j in itertools.combinations(sorted({*first, *second}), 2):
        in_first, in_second = [x for x in (i, j) if x in first], [x for x in (i, j) if x in second]
        if len(in_first) == len(in_second) == 2:  # case 1
            cost += (first.index(i) < first.index(j)) != (second.index(i) < second.index(j))
        elif {len(in_first), len(in_second)} == {1, 2}:  # case 2
            both, one = (first, in_second) if len(in_first) == 2 else (second, in_first)
            other = j if one == [i] else i
            cost += both.index(other) < both.index(one[0])
        elif len(in_first) == len(in_second) == 1:  # case 3: each list has another one
            cost += 1
        else:  # case 4
            cost += p
    return cost


def places_of(orders):
    return np.argsort(np.array(orders), axis=1)


@st.composite
def orders(draw):
    items = draw(st.integers(1, 9))
    made = draw(st.lists(st.permutations(range(items)), min_size=2, max_size=4))
    return made, draw(st.integers(1, items)), draw(st.sampled_from([0.0, 0.5, 0.3, 1.0]))


@given(orders())
def test_every_pair_of_orderings_is_as_alike_as_by_the_definitions(case):
    made, k, p = case
    found = likeness(places_of(made), k, p)
    disjoint = k**2 + p * k * (k - 1)
    for i, j in itertools.product(range(len(made)), repeat=2):
        expected = pair_by_pair(made[i][:k], made[j][:k], p) / disjoint
        assert found.distance[i, j] == pytest.approx(expected, abs=1e-12)
        assert found.overlap[i, j] == pytest.approx(len({*made[i][:k]} & {*made[j][:k]}) / k)
        places = places_of(made)
        if places.shape[1] > 1:
            assert found.kendall[i, j] == pytest.approx(kendalltau(places[i], places[j]).statistic)
    assert (found.distance <= 1).all()
    assert (found.distance >= 0).all()


def test_two_lists_without_a_common_item_have_the_full_distance():
    """Where the code of Jain & Wallace (2019) leaves out case 3, and gives .1125 or 0."""
    for p in (0.0, 0.5, 1.0):
        found = likeness(places_of([[0, 1, 2, 3, 4, 5], [3, 4, 5, 0, 1, 2]]), 3, p)
        assert found.distance[0, 1] == 1
        assert pair_by_pair([0, 1, 2], [3, 4, 5], p) == 9 + p * 6
    assert found.overlap[0, 1] == 0


def test_each_of_the_four_cases_alone():
    """Distances in units of a pair, of lists of two: (1) swapped; (2) one item in common, at either place; (3), (4)."""
    for orders, cost in (
        ([[0, 1, 2, 3], [1, 0, 2, 3]], 1.0),  # one pair of case 1
        ([[0, 1, 2, 3], [0, 2, 1, 3]], 1.0),  # 0 stays first: no cost of case 2, one pair of case 3
        ([[0, 1, 2, 3], [1, 2, 0, 3]], 2.0),  # {0, 1}: 1 is the other's alone and second here, case 2; {0, 2}: case 3
        ([[0, 1, 2, 3], [2, 3, 0, 1]], 4 + 2 * 0.5),  # four pairs of case 3, two of case 4
    ):
        found = likeness(places_of(orders), 2, 0.5)
        assert found.distance[0, 1] == pytest.approx(cost / (4 + 0.5 * 2))
        assert pair_by_pair(orders[0][:2], orders[1][:2], 0.5) == cost


def test_parts_add_up_to_the_whole(monkeypatch):
    generator = np.random.default_rng(2)
    places = np.array([generator.permutation(50) for _ in range(5)])
    whole = likeness(places, 7)
    monkeypatch.setattr(top_lists, "_HELD", 1000)
    for one, other in zip(whole, likeness(places, 7), strict=True):
        np.testing.assert_array_equal(one, other)
    assert whole.kendall.diagonal().tolist() == [1] * 5
    turned = likeness(np.stack([places[0], 49 - places[0]]), 7)
    assert turned.kendall[0, 1] == -1
