import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnprobe.identifiability import alternatives as module
from attnprobe.identifiability import same_head_output, same_layer_output
from attnprobe.identifiability.many_objectives import Vertices, basis_at, maximise_each
from tests.fixtures.attention_rows import random_row, rows
from tests.fixtures.vertices import vertices


def polytope(row):
    """(A of full rank, b, all vertices) of the weights with the same output."""
    matrix = np.vstack([row.values.T - row.values.mean(0)[:, None], np.ones(len(row.weights))])
    _, sigma, right = np.linalg.svd(matrix, full_matrices=False)
    matrix = right[sigma > 1e-9]
    return matrix, matrix @ row.weights, vertices(row.weights, row.values - row.values.mean(0))


@given(rows(), st.integers(0, 2**32))
def test_values_are_those_of_the_best_vertex_whatever_vertex_one_begins_at(row, seed):
    matrix, level, corners = polytope(row)
    generator = np.random.default_rng(seed)
    basis = basis_at(corners[generator.integers(len(corners))], matrix, level)
    assert basis is not None
    objectives = np.vstack(
        [np.eye(len(row.weights)), -np.eye(len(row.weights)), generator.normal(size=(5, len(row.weights)))]
    )
    found = maximise_each(objectives, matrix, level, np.ones(len(row.weights)), basis)
    assert found.gaps.max() <= 1e-9
    np.testing.assert_allclose((found.points * objectives).sum(1), (corners @ objectives.T).max(0), atol=1e-9)
    np.testing.assert_allclose(found.points @ matrix.T, np.tile(level, (len(objectives), 1)), atol=1e-12)
    assert found.points.min() >= -1e-12


def test_what_one_objective_gets_does_not_depend_on_the_others():
    weights, values = random_row(3, 40, 5)
    alternatives = same_head_output(weights, values)
    matrix, start = alternatives.space.equalities, alternatives.space.start
    level, ceiling = matrix @ start, np.ones(40)
    basis = basis_at(alternatives.maximise(np.eye(40)[0]).weights[np.argsort(alternatives.space.group)], matrix, level)
    together = maximise_each(np.eye(40), matrix, level, ceiling, basis)
    for item in (0, 7, 39):
        alone = maximise_each(np.eye(40)[[item]], matrix, level, ceiling, basis)
        np.testing.assert_allclose(alone.points[0], together.points[item], atol=1e-12)


def test_columns_that_make_no_vertex_are_none():
    matrix = np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 3.0]])
    level = np.array([1.0, 2.0])
    assert set(basis_at(np.array([0.5, 0.0, 0.5]), matrix, level)) == {0, 2}
    assert basis_at(np.array([0.9, 0.8, 0.0]), matrix, np.array([1.0, 3.0])) is None


@settings(max_examples=30)
@given(rows())
def test_ranges_are_the_same_where_every_program_is_solved_on_its_own(row):
    side_by_side = same_head_output(row.weights, row.values).extremes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "maximise_each", given_up)
        alone = same_head_output(row.weights, row.values).extremes
    np.testing.assert_allclose(side_by_side.low, alone.low, atol=1e-9)
    np.testing.assert_allclose(side_by_side.high, alone.high, atol=1e-9)


def given_up(objectives, *_):
    return Vertices(np.zeros(objectives.shape), np.full(len(objectives), np.inf))


@pytest.mark.parametrize("peak", [1.0, 6.0, 20.0])
def test_long_and_peaked_rows_and_whole_layers(peak):
    """Weights down to 1e-30: what is proven there is as sharp as elsewhere."""
    for items, dim, heads in ((129, 16, 1), (60, 8, 2)):
        rows_of_heads = [random_row(seed, items, dim, peak) for seed in range(heads)]
        weights, values = (np.stack(parts) for parts in zip(*rows_of_heads, strict=True))
        alike = same_head_output(weights[0], values[0]) if heads == 1 else same_layer_output(weights, values)
        found = alike.extremes
        for item in range(0, items, 40):
            objective = np.zeros(alike.observed.shape)
            objective[..., item] = 1.0 if heads == 1 else [1.0, 0.0]
            greatest = alike.maximise(objective)
            assert found.high.reshape(heads, -1)[0, item] == pytest.approx(greatest.value, abs=1e-9)
            least = alike.minimise(objective)
            assert found.low.reshape(heads, -1)[0, item] == pytest.approx(least.value, abs=1e-9)
        assert max(map(alike.residual, found.vertices)) <= 1e-9
