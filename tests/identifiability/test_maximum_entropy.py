import numpy as np
import pytest
import torch
from hypothesis import given, settings

import attnprobe
from attnprobe.identifiability import maxent_attention, maximum_entropy, same_head_output, sample_alternatives
from tests.fixtures.attention_rows import assert_same_output, random_row, rows


@given(rows(zeros=False))
def test_it_gives_the_output_and_has_the_form_of_a_softmax(row):
    found = maxent_attention(row.values, row.weights @ row.values)
    assert_same_output(found, row.weights, row.values)
    # log p lies in the span of the values and 1: the stationarity that makes it the maximum.
    matrix = np.column_stack([row.values - row.values.mean(0), np.ones(len(row.values))])
    logs = np.log(found)
    fitted = matrix @ np.linalg.lstsq(matrix, logs, rcond=1e-10)[0]
    np.testing.assert_allclose(fitted, logs, atol=1e-6 * max(1, np.abs(logs).max()))


@settings(max_examples=20)
@given(rows(zeros=False))
def test_no_alternative_has_more_entropy(row):
    found = maxent_attention(row.values, row.weights @ row.values)
    others = sample_alternatives(same_head_output(row.weights, row.values), 50)
    most = attnprobe.entropy(np.log(found))
    with np.errstate(divide="ignore"):
        assert (attnprobe.entropy(np.log(others)) <= most + 1e-9).all()
    assert attnprobe.entropy(np.log(row.weights)) <= most + 1e-9


@settings(max_examples=40)
@given(rows())
def test_outputs_on_the_boundary_of_the_hull(row):
    # Weights of zero can put the output on a face: its multipliers diverge, its weights do not.
    found = maxent_attention(row.values, row.weights @ row.values)
    assert_same_output(found, row.weights, row.values, 1e-8)


def test_closed_forms():
    np.testing.assert_allclose(maxent_attention(np.zeros((4, 2)), np.zeros(2)), np.full(4, 0.25))
    weights, _ = random_row(0, 5, 1)
    np.testing.assert_allclose(maxent_attention(np.eye(5), weights), weights, atol=1e-9)
    np.testing.assert_allclose(maxent_attention(np.array([[0.0], [1.0], [2.0]]), np.array([2.0])), [0, 0, 1], atol=1e-9)
    assert maxent_attention(torch.ones(1, 3), torch.ones(3)).tolist() == [1.0]


def test_it_depends_on_the_output_alone():
    weights, values = random_row(1, 40, 8)
    other = sample_alternatives(same_head_output(weights, values), 1)[0]
    assert np.abs(other - weights).sum() > 0.1
    np.testing.assert_allclose(
        maxent_attention(values, other @ values), maxent_attention(values, weights @ values), atol=1e-9
    )


def test_peaked_rows():
    for seed in range(5):
        weights, values = random_row(seed, 60, 16, peak=10.0)
        assert_same_output(maxent_attention(values, weights @ values), weights, values, 1e-8)


def test_the_face_of_an_output_on_the_boundary_is_found(monkeypatch):
    # Newton's iteration, cut short, leaves everything to the program that finds the face.
    values = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [1.0, 1.0], [0.5, 2.0]])
    expected = maxent_attention(values, np.array([1.2, 0.0]))
    assert_same_output(expected, np.array([0.4, 0.0, 0.6, 0, 0]), values)
    np.testing.assert_allclose(expected[3:], 0, atol=1e-9)
    honest, calls = maximum_entropy._newton, []

    def first_time_late(problem):
        weights, missed = honest(problem)
        calls.append(len(problem.real[0]))
        return (weights, missed) if len(calls) > 1 else (torch.full_like(weights, 0.2), torch.ones_like(missed))

    monkeypatch.setattr(maximum_entropy, "_newton", first_time_late)
    np.testing.assert_allclose(maxent_attention(values, np.array([1.2, 0.0])), expected, atol=1e-8)
    assert len(calls) == 2


def test_outputs_in_float32_and_padding():
    generator = torch.Generator().manual_seed(0)
    mask = torch.arange(9) < torch.tensor([[9], [5], [1]])
    weights = torch.softmax(torch.randn(3, 9, generator=generator).masked_fill(~mask, -torch.inf), -1)
    values = torch.randn(3, 9, 4, generator=generator)
    output = (weights[..., None] * values).sum(1)
    values[~mask] = torch.nan
    found = maxent_attention(values, output, mask)
    assert (found[~mask] == 0).all()
    torch.testing.assert_close(found.sum(-1), torch.ones(3))
    torch.testing.assert_close((found[..., None] * values.nan_to_num()).sum(1), output)
    torch.testing.assert_close(found[1, :5], maxent_attention(values[1, :5], output[1]))


def test_an_output_that_is_no_average_is_refused():
    values = torch.tensor([[[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]])
    with pytest.raises(ValueError, match="row 1 is no average"):
        maxent_attention(values, torch.tensor([[0.5, 0.0], [2.0, 0.0]]))
    with pytest.raises(ValueError, match="row 0 is no average"):
        maxent_attention(values, torch.tensor([[0.5, 0.1], [0.5, 0.0]]))
    with pytest.raises(ValueError, match="output has shape"):
        maxent_attention(values, torch.zeros(2, 3))
