"""Kendall's tau of many documents at once is scipy's of each."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from attnprobe.erasure import rank_correlation
from attnprobe.erasure.rank_correlation import kendall_tau


@given(st.data())
def test_it_is_scipys_with_ties_and_padding(data):
    sizes = data.draw(st.lists(st.integers(2, 9), min_size=1, max_size=6))
    longest = max(sizes)
    numbers = st.lists(st.integers(0, 4), min_size=longest, max_size=longest)
    first, second = (torch.tensor([data.draw(numbers) for _ in sizes]).double() for _ in range(2))
    mask = torch.arange(longest) < torch.tensor(sizes)[:, None]
    found = kendall_tau(first, second, mask).numpy()
    expected = [kendalltau(a[:n], b[:n]).statistic for a, b, n in zip(first, second, sizes, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-15)


def test_one_item_or_one_value_has_none():
    mask = torch.tensor([[True, False], [True, True]])
    ones, others = torch.ones(2, 2), torch.tensor([[1.0, 2.0], [1.0, 2.0]])
    assert kendall_tau(ones, others, mask).isnan().all()


def test_documents_do_not_see_one_another(monkeypatch):
    torch.manual_seed(0)
    first, second = torch.randn(20, 7), torch.randn(20, 7)
    mask = torch.rand(20, 7) < 0.8
    mask[:, :2] = True
    together = kendall_tau(first, second, mask)
    monkeypatch.setattr(rank_correlation, "_PAIRS", 3 * 49)
    assert torch.equal(kendall_tau(first, second, mask), together)


@pytest.mark.parametrize("sign", [1, -1])
def test_its_ends(sign):
    numbers = torch.randn(3, 6).double()
    found = kendall_tau(numbers, sign * numbers.exp(), torch.ones(3, 6, dtype=torch.bool))
    torch.testing.assert_close(found, torch.full((3,), float(sign)).double())
