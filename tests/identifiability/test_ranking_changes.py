import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from attnprobe.identifiability import (
    lowest_kendall_tau,
    order_flips,
    same_head_output,
    same_layer_output,
    sample_alternatives,
    top_items,
)
from tests.fixtures.attention_rows import assert_same_output, random_row, rows
from tests.fixtures.vertices import vertices

CLEAR = 1e-7


@settings(max_examples=60)
@given(rows())
def test_order_flips_equal_those_of_all_vertices(row):
    corners = vertices(row.weights, row.values - row.values.mean(0))
    flips = order_flips(same_head_output(row.weights, row.values))
    for j, k in itertools.permutations(range(len(row.weights)), 2):
        ahead = row.weights[j] - row.weights[k]
        lead = (corners[:, k] - corners[:, j]).max()
        if abs(ahead) > CLEAR and abs(lead) > CLEAR:
            assert flips[j, k] == (ahead > 0 and lead > 0)
    assert not np.diagonal(flips).any()


@settings(max_examples=60)
@given(rows(max_items=5))
def test_top_items_by_a_fine_search_between_vertices(row):
    corners = vertices(row.weights, row.values - row.values.mean(0))
    found = top_items(same_head_output(row.weights, row.values))
    generator = np.random.default_rng(0)
    mixed = generator.dirichlet(np.full(len(corners), 0.3), 2000) @ corners
    points = np.vstack([corners, mixed])
    for item in range(len(row.weights)):
        others = np.delete(points, item, axis=1)
        lead = (points[:, item] - others.max(1, initial=0.0)).max()
        if lead > CLEAR:
            assert found.can_be_top[item]
        if not np.isnan(found.lead[item]):
            assert found.lead[item] >= lead - 1e-8


def test_closed_form_of_three_items_on_a_line():
    weights, values = np.array([0.4, 0.35, 0.25]), np.array([[0.0], [1.0], [2.0]])
    # a' = (0.4 + e, 0.35 − 2e, 0.25 + e), −0.25 ≤ e ≤ 0.175: the first and third keep their order.
    alternatives = same_head_output(weights, values)
    assert top_items(alternatives).can_be_top.tolist() == [True, True, False]
    expected = [[False, True, False], [False, False, True], [False, False, False]]
    assert order_flips(alternatives).tolist() == expected
    # e < −1/60 puts the second first; e > 1/30 puts it last: never both.
    found = lowest_kendall_tau(alternatives)
    assert found.bound == pytest.approx(1 - 2 * 2 / 3)
    assert found.attained == pytest.approx(1 / 3)
    assert_same_output(found.weights, weights, values)


def test_free_weights_can_be_reversed_and_unique_ones_cannot():
    weights, _ = random_row(0, 6, 1)
    free = lowest_kendall_tau(same_head_output(weights, np.zeros((6, 1))))
    assert free.bound == free.attained == -1.0
    unique = same_head_output(weights, np.eye(6))
    assert lowest_kendall_tau(unique)[:2] == (1.0, 1.0)
    assert top_items(unique).can_be_top.tolist() == (np.arange(6) == weights.argmax()).tolist()
    alone = same_head_output(np.ones(1), np.ones((1, 1)))
    assert top_items(alone).can_be_top.tolist() == [True]
    assert lowest_kendall_tau(alone)[:2] == (1.0, 1.0)


@pytest.mark.parametrize(("items", "dim"), [(4, 1), (4, 2), (5, 1), (5, 2), (5, 3)])
def test_kendall_bounds_hold_the_exact_minimum(items, dim):
    weights, values = random_row(10 * items + dim, items, dim)
    alternatives = same_head_output(weights, values)
    worst = 0
    for ranking in itertools.permutations(range(items)):
        # Some alternative has this strict ranking iff all differences can be positive at once.
        matrix = np.zeros((items - 1, items))
        for position, (first, second) in enumerate(itertools.pairwise(ranking)):
            matrix[position, [first, second]] = -1.0, 1.0
        if alternatives.largest_slack(matrix, np.zeros(items - 1)).value > CLEAR:
            place = np.argsort(ranking)
            pairs = itertools.permutations(range(items), 2)
            worst = max(worst, sum(place[j] > place[k] for j, k in pairs if weights[j] > weights[k]))
    exact = 1 - 4 * worst / (items * (items - 1))
    found = lowest_kendall_tau(alternatives)
    assert_same_output(found.weights, weights, values)
    assert found.bound <= exact + 1e-12
    assert exact <= found.attained + 1e-12
    reversed_pairs = (weights[:, None] > weights) & (found.weights[:, None] < found.weights)
    assert found.attained == pytest.approx(1 - 4 * reversed_pairs.sum() / (items * (items - 1)))


def test_no_sample_changes_more_than_is_said():
    weights, values = random_row(1, 12, 6)
    alternatives = same_head_output(weights, values)
    flips, found = order_flips(alternatives), lowest_kendall_tau(alternatives)
    top = top_items(alternatives)
    reached = 0
    for sample in sample_alternatives(alternatives, 1000, seed=5):
        reversed_pairs = (weights[:, None] > weights) & (sample[:, None] < sample - 1e-9)
        assert not (reversed_pairs & ~flips).any()
        assert top.can_be_top[sample.argmax()]
        tau = 1 - 4 * reversed_pairs.sum() / (12 * 11)
        assert tau >= found.bound - 1e-12
        reached = max(reached, reversed_pairs.sum())
    assert reached > 0
    assert found.attained < 1


def test_rankings_of_several_heads_are_refused():
    several = same_layer_output(np.full((2, 3), 1 / 3), np.ones((2, 3, 1)))
    with pytest.raises(ValueError, match="one head"):
        top_items(several)
    with pytest.raises(ValueError, match="one head"):
        order_flips(several)
