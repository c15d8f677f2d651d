import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import attnprobe
from tests.fixtures.limit_documents import draw
from tests.reference.subset_games import SubsetGame

KINDS = ("plain", "large logits", "without mass", "peaked", "repeated", "alike")
FUNCTIONS = (attnprobe.shapley_values, attnprobe.banzhaf_values)


def keep_of(documents, seed):
    generator = torch.Generator().manual_seed(seed)
    keep = torch.rand(documents.mask.shape, generator=generator, dtype=torch.float64)
    return torch.where(keep < 0.1, 0.0, torch.where(keep > 0.9, 1.0, keep)).masked_fill(~documents.mask, torch.nan)


def assert_equals_sums_over_all_subsets(seeds, batch, items):
    for seed in seeds:
        documents = draw(seed, KINDS[seed % len(KINDS)], 1 + seed % 4, batch, items)
        keep = keep_of(documents, seed)
        shares, equal = (function(*documents.arguments()) for function in FUNCTIONS)
        soft = attnprobe.soft_erasure(documents.values, documents.weights, keep, documents.mask, documents.readout)
        for row, one in enumerate(documents.each()):
            game, real = SubsetGame(*one), documents.mask[row]
            scale = max(1.0, np.abs(game.outcome).max())
            np.testing.assert_allclose(shares[row][real], game.shapley(), rtol=0, atol=1e-12 * scale)
            np.testing.assert_allclose(equal[row][real], game.banzhaf(), rtol=0, atol=1e-12 * scale)
            np.testing.assert_allclose(soft[row], game.expected(keep[row][real].tolist()), rtol=0, atol=1e-12 * scale)
            assert not shares[row][~real].any()


def test_values_equal_sums_over_all_subsets():
    assert_equals_sums_over_all_subsets(range(24), 3, 8)


@pytest.mark.slow
def test_values_equal_sums_over_all_subsets_of_more_items():
    assert_equals_sums_over_all_subsets(range(100, 112), 2, 12)


def two_items(weight):
    values = torch.tensor([[[2.0], [-1.0]]]).double()
    weights = torch.tensor([[1 - weight, weight]]).double()
    return values, weights, None, (torch.ones(1, 1).double(), torch.tensor([0.5]).double())


def test_an_item_of_next_to_no_weight_is_paid_half_of_what_it_says():
    values = attnprobe.shapley_values(*two_items(1e-12))
    torch.testing.assert_close(values[0, 1, 0], torch.tensor(-0.5).double(), rtol=0, atol=1e-9)


def test_an_item_without_weight_is_paid_nothing():
    assert attnprobe.shapley_values(*two_items(0.0))[0].flatten().tolist() == pytest.approx([2.0, 0.0], abs=1e-12)


def test_without_renormalising_it_is_gradient_times_attention_of_the_logit():
    documents = draw(4, "plain", 3, 5, 9)
    weights = documents.weights.clone().requires_grad_(True)
    real = documents.values.masked_fill(~documents.mask[..., None], 0.0)
    pooled = (weights.masked_fill(~documents.mask, 0.0)[..., None] * real).sum(1)
    gradients = [
        torch.autograd.grad((pooled @ documents.readout[0].T)[:, c].sum(), weights, retain_graph=True)[0]
        for c in range(3)
    ]
    expected = (torch.stack(gradients, -1) * documents.weights[..., None]).masked_fill(~documents.mask[..., None], 0.0)
    for function in FUNCTIONS:
        torch.testing.assert_close(function(**documents.named(), erasing="zero"), expected.detach(), rtol=0, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), kind=st.sampled_from(KINDS), items=st.integers(1, 60))
def test_values_add_up_and_neither_padding_nor_scale_matters(seed, kind, items):
    documents = draw(seed, kind, 3, 2, items)
    values, weights, mask, readout = documents.arguments()
    together = attnprobe.shapley_values(values, weights, mask, readout)
    logits = documents.contributions().logits
    torch.testing.assert_close(together.sum(1), logits - readout[1], rtol=1e-11, atol=1e-11)
    pad = torch.nn.functional.pad
    alone = attnprobe.shapley_values(
        pad(values[1:], (0, 0, 0, 3)), pad(8 * weights[1:], (0, 3)), pad(mask[1:], (0, 3)), readout
    )
    torch.testing.assert_close(alone[:, :items], together[1:], rtol=1e-11, atol=1e-11)


def test_values_are_linear_in_the_readout_and_alike_for_alike_items():
    documents = draw(9, "repeated", 2, 4, 10)
    values, weights, mask, (weight, bias) = documents.arguments()
    both = attnprobe.shapley_values(values, weights, mask, (weight, bias))
    summed = attnprobe.shapley_values(values, weights, mask, (weight.sum(0, keepdim=True), bias.sum(0, keepdim=True)))
    torch.testing.assert_close(both.sum(-1, keepdim=True), summed, rtol=1e-11, atol=1e-11)
    for row in range(4):
        rows = torch.cat([values[row], weights[row, :, None]], -1)
        for i in range(10):
            for j in range(i):
                if mask[row, i] and mask[row, j] and torch.equal(rows[i], rows[j]):
                    torch.testing.assert_close(both[row, i], both[row, j], rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("n", [2, 30, 200, 1000])
def test_equal_weights_have_harmonic_numbers(n):
    """To s others, their mean in the mean that of all others, it adds (g_i − that) / (s + 1); to none g_i: each in one
    of n orders. Equal weights are the hardest for the quadrature, too: everything goes at the same time."""
    g = torch.randn(n, generator=torch.Generator().manual_seed(n), dtype=torch.float64)
    harmonic = (1 / torch.arange(1, n + 1).double()).sum()
    others = (g.sum() - g) / (n - 1)
    expected = g / n + (g - others) * (harmonic - 1) / n
    found = attnprobe.shapley_values(g[None, :, None], torch.ones(1, n), None, (torch.ones(1, 1), torch.zeros(1)))
    torch.testing.assert_close(found[0, :, 0], expected, rtol=0, atol=1e-12)


def test_soft_erasure_of_everything_or_nothing():
    documents = draw(2, "plain", 3, 4, 7)
    values, weights, mask, readout = documents.arguments()
    everything = attnprobe.soft_erasure(values, weights, torch.ones_like(weights), mask, readout)
    torch.testing.assert_close(everything, documents.contributions().logits, rtol=1e-12, atol=1e-12)
    nothing = attnprobe.soft_erasure(values, weights, torch.zeros_like(weights), mask, readout)
    torch.testing.assert_close(nothing, readout[1].expand(4, -1), rtol=1e-12, atol=1e-12)


def test_what_does_not_fit_is_refused():
    documents = draw(2, "plain", 3, 4, 7, shortest=7)
    with pytest.raises(ValueError, match="erasing is 'mean', but one of renormalise, zero is needed"):
        attnprobe.shapley_values(**documents.named() | {"erasing": "mean"})
    values, weights, mask, readout = documents.arguments()
    keep = torch.full_like(weights, 0.5)
    keep[1, 3] = 1.5
    with pytest.raises(ValueError, match="keep is no probability in document 1, position 3"):
        attnprobe.soft_erasure(values, weights, keep, mask, readout)
