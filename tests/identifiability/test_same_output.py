import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from attnprobe.identifiability import (
    joint_nullity,
    nullity,
    range_of,
    same_decision,
    same_head_output,
    same_layer_output,
    same_logits,
    same_normed_output,
    same_probabilities,
    sample_alternatives,
)
from tests.fixtures.attention_rows import random_row, rows
from tests.fixtures.vertices import vertices


def logits_of(weights, row):
    return weights @ row.values @ row.readout[0].T + row.readout[1]


def probabilities(weights, row):
    logits = logits_of(weights, row)
    p = np.exp(logits - logits.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True)


@settings(max_examples=40)
@given(rows())
def test_each_rung_of_the_ladder_holds_the_one_before(row):
    arguments = (row.weights, row.values)
    ladder = [
        same_head_output(*arguments),
        same_logits(*arguments, row.readout),
        same_probabilities(*arguments, row.readout, 0.05),
    ]
    ranges = [range_of(alternatives) for alternatives in ladder]
    for inner, outer in itertools.pairwise(ranges):
        assert (outer.low <= inner.low + 1e-8).all()
        assert (outer.high >= inner.high - 1e-8).all()
    logits, decision = ranges[1], range_of(same_decision(*arguments, row.readout))
    assert (decision.high >= logits.high - 1e-8).all()


@settings(max_examples=40)
@given(rows())
def test_same_logits_equal_all_vertices_and_keep_the_logits(row):
    contrasts = (row.values - row.values.mean(0)) @ (row.readout[0][1:] - row.readout[0][:1]).T
    corners = vertices(row.weights, contrasts - contrasts.mean(0))
    alternatives = same_logits(row.weights, row.values, row.readout)
    found = range_of(alternatives)
    np.testing.assert_allclose(found.low, corners.min(0), atol=1e-7)
    np.testing.assert_allclose(found.high, corners.max(0), atol=1e-7)
    observed = logits_of(row.weights, row)
    for vertex in alternatives.extremes.vertices:
        change = logits_of(vertex, row) - observed
        assert np.ptp(change) < 1e-8 * max(1, np.abs(row.values).max())


@settings(max_examples=40)
@given(rows(max_items=5))
def test_same_decision_equals_all_vertices(row):
    observed = logits_of(row.weights, row)
    y = observed.argmax()
    alone = logits_of(np.eye(len(row.weights)), row)
    margins = np.delete((alone - alone[:, [y]]).T, y, axis=0)
    scaled = margins / np.abs(margins).max(1, keepdims=True)
    corners = vertices(row.weights, np.zeros((len(row.weights), 0)), scaled, np.zeros(len(margins)))
    alternatives = same_decision(row.weights, row.values, row.readout)
    found = range_of(alternatives)
    np.testing.assert_allclose(found.low, corners.min(0), atol=1e-7)
    np.testing.assert_allclose(found.high, corners.max(0), atol=1e-7)
    for vertex in alternatives.extremes.vertices:
        logits = logits_of(vertex, row)
        assert logits[y] >= logits.max() - 1e-8 * max(1, np.abs(alone).max())
    assert len(sample_alternatives(alternatives, 10)) == 10


@settings(max_examples=40)
@given(rows(max_items=5))
def test_probabilities_of_two_classes_are_exact(row):
    row = row._replace(readout=(row.readout[0][:2], row.readout[1][:2]))
    observed = probabilities(row.weights, row)
    for epsilon in (0.02, 0.3):
        alternatives = same_probabilities(row.weights, row.values, row.readout, epsilon)
        for vertex in alternatives.extremes.vertices:
            assert np.abs(probabilities(vertex, row) - observed).max() <= epsilon + 1e-7
        # Any distribution within ε is inside: points on the way from the observed weights to a single item.
        low, high, _ = alternatives.extremes
        for item in np.eye(len(row.weights)):
            path = row.weights + np.linspace(0, 1, 101)[:, None] * (item - row.weights)
            admissible = path[np.abs(probabilities(path, row) - observed).max(1) <= epsilon]
            assert (admissible >= low - 1e-8).all()
            assert (admissible <= high + 1e-8).all()


@settings(max_examples=30)
@given(rows(max_items=5))
def test_probabilities_of_many_classes_lie_between_the_two_relaxations(row):
    observed = probabilities(row.weights, row)
    epsilon = 0.1
    inner = same_probabilities(row.weights, row.values, row.readout, epsilon, "inner")
    outer = same_probabilities(row.weights, row.values, row.readout, epsilon)
    for vertex in inner.extremes.vertices:
        assert np.abs(probabilities(vertex, row) - observed).max() <= epsilon + 1e-7
    generator = np.random.default_rng(0)
    anywhere = generator.dirichlet(np.full(len(row.weights), 0.5), 500)
    path = row.weights + generator.random((500, 1)) * (anywhere - row.weights)
    admissible = path[np.abs(probabilities(path, row) - observed).max(1) <= epsilon]
    for weights in admissible:
        assert outer.residual(weights) <= 1e-8
    assert len(admissible) > 0


def test_dimensions_of_the_rungs():
    weights, values = random_row(0, 20, 6)
    generator = np.random.default_rng(0)
    readout = generator.normal(size=(4, 6)), generator.normal(size=4)
    assert same_head_output(weights, values).dimension == nullity(values).nullity == 20 - 6 - 1
    assert same_logits(weights, values, readout).dimension == 20 - 4
    assert same_decision(weights, values, readout).dimension == 19


def layer(seed, heads=3, items=5, dim=4):
    generator = np.random.default_rng(seed)
    weights = generator.dirichlet(np.ones(items), heads)
    return weights, generator.normal(size=(heads, items, dim)), generator.normal(size=dim)


def test_same_layer_output_lets_heads_make_up_for_each_other():
    weights, values, _ = layer(0)
    alternatives = same_layer_output(weights, values)
    assert alternatives.dimension == joint_nullity(values).nullity == 15 - 4 - 3
    observed = np.einsum("hi,hid->d", weights, values)
    found = range_of(alternatives)
    for vertex in alternatives.extremes.vertices:
        np.testing.assert_allclose(vertex.sum(1), 1.0, atol=1e-9)
        assert vertex.min() >= 0
        np.testing.assert_allclose(np.einsum("hi,hid->d", vertex, values), observed, atol=1e-9)
    for head in range(3):
        own = range_of(same_head_output(weights[head], values[head]))
        assert (found.high[head] >= own.high - 1e-9).all()
    assert (found.high > 0.9).any()
    one = same_layer_output(weights[:1], values[:1])
    np.testing.assert_allclose(range_of(one).high[0], range_of(same_head_output(weights[0], values[0])).high, atol=1e-9)


def test_same_layer_output_equals_all_vertices():
    weights, values, _ = layer(1, heads=2, items=3, dim=2)
    blocks = np.kron(np.eye(2), np.ones((3, 1)))
    corners = vertices(weights.reshape(-1), np.column_stack([values.reshape(6, 2), blocks[:, :1]]))
    found = range_of(same_layer_output(weights, values))
    np.testing.assert_allclose(found.high.reshape(-1), corners.max(0), atol=1e-9)
    np.testing.assert_allclose(found.low.reshape(-1), corners.min(0), atol=1e-9)


def test_same_normed_output_allows_scale_and_shift():
    weights, values, residual = layer(2)
    alternatives = same_normed_output(weights, values, residual)
    # Scale and shift are two more directions.
    assert alternatives.dimension == joint_nullity(values).nullity + 2
    norm = torch.nn.LayerNorm(4, eps=0.0, dtype=torch.float64)
    before = residual + np.einsum("hi,hid->d", weights, values)
    wider = 0
    for vertex in alternatives.extremes.vertices:
        after = residual + np.einsum("hi,hid->d", vertex, values)
        scale = (after - after.mean()) @ (before - before.mean())
        if scale > 1e-6:  # s = 0 stands for a limit that is not reached
            np.testing.assert_allclose(
                norm(torch.tensor(after)).detach(), norm(torch.tensor(before)).detach(), atol=1e-6
            )
            wider += np.abs(after - before).max() > 1e-3
    assert wider > 0
    found, strict = range_of(alternatives), range_of(same_layer_output(weights, values))
    assert (found.high >= strict.high - 1e-9).all()
    single = same_normed_output(weights[0], values[0], residual)
    assert single.observed.shape == (5,)


def test_bad_input_is_named():
    weights, values, residual = layer(3)
    with pytest.raises(ValueError, match="residual has shape"):
        same_normed_output(weights, values, residual[:2])
    with pytest.raises(ValueError, match="epsilon is 0"):
        same_probabilities(weights[0], values[0], (np.ones((2, 4)), np.zeros(2)), 0)
    with pytest.raises(ValueError, match="weights have shape"):
        same_head_output(weights, values[0])
    with pytest.raises(ValueError, match="values have shape"):
        same_logits(weights[0], values[0], (np.ones((2, 3)), np.zeros(2)))
