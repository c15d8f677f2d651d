import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attnprobe.identifiability import distance_from_keys, logit_rank, same_head_output, sample_alternatives


def random_logits(seed, n, d_k):
    generator = torch.Generator().manual_seed(seed)
    q, k = (torch.randn(n, d_k, generator=generator, dtype=torch.float64) for _ in range(2))
    return q @ k.T / d_k**0.5


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(2, 9), st.integers(1, 9))
def test_rank_is_the_least_over_all_constants_of_rows(seed, n, d_k):
    logits = random_logits(seed, n, d_k)
    found = logit_rank(torch.log_softmax(logits, -1))
    assert found.rank == min(d_k, n - 1)
    assert logit_rank(logits + 5 * torch.arange(n)[:, None]).rank == found.rank
    # The paper takes off the first column instead of the mean: the same number.
    logs = torch.log_softmax(logits, -1)
    assert torch.linalg.matrix_rank(logs - logs[:, :1], rtol=1e-9) == found.rank
    # No constants give less.
    generator = np.random.default_rng(seed)
    for _ in range(5):
        shifted = logs.numpy() + generator.normal(size=(n, 1))
        assert np.linalg.matrix_rank(shifted, tol=1e-9) >= found.rank


def test_random_alternatives_have_full_rank_whatever_the_keys():
    # This is no evidence that no alternative is realisable; see the search for some.
    n, d_k, d_v = 12, 4, 4
    logits = random_logits(0, n, d_k)
    values = torch.randn(n, d_v, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights = torch.softmax(logits, -1)
    other = np.stack([sample_alternatives(same_head_output(row, values), 1)[0] for row in weights])
    assert logit_rank(np.log(other)).rank == n - 1
    assert logit_rank(torch.log(weights)).rank == d_k


def test_a_single_row_is_always_realisable():
    # Any row is that of a rank-one logit matrix: with one read-out row the width of the keys restricts nothing.
    logs = torch.log_softmax(torch.randn(1, 7, generator=torch.Generator().manual_seed(0)), -1)
    assert logit_rank(logs).rank == 1
    realised = torch.softmax(torch.ones(7, 1) @ logs, -1)
    torch.testing.assert_close(realised[0], logs[0].exp())


def test_padding_changes_nothing():
    logits = random_logits(2, 6, 3)
    padded = torch.full((9, 9), torch.nan, dtype=torch.float64)
    padded[:6, :6] = logits
    padded[6:, :6] = 7.0 * torch.randn(3, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    mask = torch.arange(9) < 6
    # Rows of padding hold numbers, columns of padding nothing.
    found = logit_rank(padded, mask)
    assert found.rank == 3
    torch.testing.assert_close(found.singular_values[:3], logit_rank(logits).singular_values[:3])


def test_weights_of_zero_have_no_logits():
    with pytest.raises(ValueError, match="NaN or infinite"):
        logit_rank(torch.tensor([[0.5, 0.5], [1.0, 0.0]]).log())


def test_distance_from_given_keys():
    generator = torch.Generator().manual_seed(4)
    keys = torch.randn(2, 8, 3, generator=generator, dtype=torch.float64)
    logits = (keys @ torch.randn(2, 3, 1, generator=generator, dtype=torch.float64)).squeeze(-1)
    logs = torch.log_softmax(logits, -1)
    assert (distance_from_keys(logs, keys) < 1e-12).all()
    logs[0, 0] += 0.5
    found = distance_from_keys(logs, keys)
    assert found[0] > 0.01 > found[1]
    matrix = torch.cat([keys[0], torch.ones(8, 1)], 1)
    rest = logs[0] - matrix @ torch.linalg.lstsq(matrix, logs[0][:, None]).solution[:, 0]
    torch.testing.assert_close(found[0], rest.square().mean().sqrt())
    mask = torch.arange(8) < torch.tensor([[5], [8]])
    padded = distance_from_keys(logs.masked_fill(~mask, torch.nan), keys, mask)
    torch.testing.assert_close(padded[0], distance_from_keys(logs[0, :5], keys[0, :5]))
