import numpy as np
import pytest
import torch
from hypothesis import given

from attnprobe.identifiability import effective_attention
from tests.fixtures.attention_rows import random_row, rows


@given(rows())
def test_it_is_the_minimum_norm_solution(row):
    found = effective_attention(row.weights, row.values)
    matrix = np.column_stack([row.values - row.values.mean(0), np.ones(len(row.values))])
    expected = np.linalg.lstsq(matrix.T, matrix.T @ row.weights, rcond=1e-10)[0]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert found.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(found @ row.values, row.weights @ row.values, atol=1e-9, rtol=1e-12)


def test_closed_forms():
    weights, _ = random_row(0, 5, 1)
    np.testing.assert_allclose(effective_attention(weights, np.eye(5)), weights, atol=1e-14)
    np.testing.assert_allclose(effective_attention(weights, np.zeros((5, 2))), np.full(5, 0.2), atol=1e-14)


def test_it_may_be_negative():
    weights, values = random_row(3, 40, 8, peak=2.0)
    assert effective_attention(weights, values).min() < 0


def test_all_rows_of_a_head_and_padding():
    generator = torch.Generator().manual_seed(0)
    mask = torch.arange(6) < torch.tensor([[6], [4]])
    scores = torch.randn(2, 3, 6, generator=generator).masked_fill(~mask[:, None], -torch.inf)
    weights, values = torch.softmax(scores, -1), torch.randn(2, 6, 2, generator=generator)
    values[~mask] = torch.nan
    found = effective_attention(weights, values, mask)
    assert found.shape == weights.shape
    assert (found[1, :, 4:] == 0).all()
    for row in range(3):
        alone = effective_attention(weights[1, row, :4], values[1, :4])
        torch.testing.assert_close(found[1, row, :4], alone)
    torch.testing.assert_close(effective_attention(weights[:, 0], values, mask), found[:, 0])


def test_weights_that_are_no_distribution_are_refused():
    with pytest.raises(ValueError, match="row 1 are no distribution"):
        effective_attention(torch.tensor([[0.5, 0.5], [0.5, 0.2]]), torch.zeros(2, 2, 1))
    with pytest.raises(ValueError, match="weights have shape"):
        effective_attention(torch.tensor([0.5, 0.5]), torch.zeros(3, 1))
