"""Erasing in rows: what remains keeps the sum that the row had."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.attention.taps import fused_mask
from attnprobe.erasure.edits import emptied_rows, erase_rows, masked_softmax


@st.composite
def rows(draw):
    """Weights (2, 3, Q, K) of which some are masked, some rows altogether; sinks take a share; and what is erased."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    queries, keys = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    gap = draw(st.sampled_from([0.0, 3.0, 30.0]))
    scores = torch.rand(2, 3, queries, keys, generator=generator, dtype=torch.float64) * gap
    visible = torch.rand(scores.shape, generator=generator) < draw(st.sampled_from([1.0, 0.6]))
    scores = scores.masked_fill(~visible, -torch.inf)
    weights = torch.softmax(scores, -1).nan_to_num(0.0)
    share = torch.rand(2, 3, queries, 1, generator=generator) if draw(st.booleans()) else torch.ones(2, 3, queries, 1)
    shape = draw(st.sampled_from([scores.shape, (2, 1, 1, keys), (2, 3, 1, keys), (1, 1, 1, keys)]))
    erased = torch.rand(shape, generator=generator) < draw(st.sampled_from([0.0, 0.3, 1.0]))
    return weights * share, scores, erased


@pytest.mark.parametrize("with_scores", [False, True])
@given(rows())
def test_erasing_is_zeroing_and_rescaling(with_scores, case):
    weights, scores, erased = case
    found = erase_rows(weights, erased, scores if with_scores else None)
    for row in torch.cartesian_prod(*(torch.arange(size) for size in weights.shape[:-1])).tolist():
        before, after, gone = weights[tuple(row)], found[tuple(row)], erased.expand(weights.shape)[tuple(row)]
        kept = before * ~gone
        if not (before > 0).logical_and(gone).any():
            assert torch.equal(after, before)
        elif not kept.any():
            assert not after.any()
        else:
            torch.testing.assert_close(after, kept / kept.sum() * before.sum(), rtol=1e-9, atol=0)
            torch.testing.assert_close(after.sum(), before.sum())
    assert torch.equal(emptied_rows(weights > 0, erased), count_emptied(weights, erased))


def count_emptied(weights, erased):
    left = (weights * ~erased).sum(-1)
    return ((left == 0) & (weights.sum(-1) > 0)).sum((1, 2))


@pytest.mark.parametrize("share", [1e-5, 1e-20, 1e-30, 1e-60])
def test_what_remains_is_exact_however_small_it_is(share):
    """In float32, where 1 − 1e-8 is 1 and 1e-60 is 0."""
    others = torch.log(torch.tensor([0.5, 0.3, 0.2])) + math.log(share)
    scores = torch.cat([torch.zeros(1), others])[None]
    weights = torch.softmax(scores, -1)
    found = erase_rows(weights, torch.tensor([[True, False, False, False]]), scores)
    torch.testing.assert_close(found, torch.tensor([[0.0, 0.5, 0.3, 0.2]]), rtol=3e-5, atol=0)


def test_masks_of_the_smallest_number_are_no_weights():
    """A mask may be the smallest finite number and not −∞: a row whose visible keys go is empty all the same."""
    scores = torch.tensor([[1.0, 2.0, torch.finfo(torch.float32).min]])
    weights = torch.softmax(scores, -1)
    erased = torch.tensor([[True, True, False]])
    assert not erase_rows(weights, erased, scores).any()
    assert emptied_rows((weights > 0)[None, None], erased).tolist() == [1]


@given(rows())
def test_gradients_are_finite_differences(case):
    weights, scores, erased = case
    weights = weights.clamp(min=1e-6) * (weights > 0)
    assert_gradients(lambda free: erase_rows(free * (weights > 0), erased), weights)
    real = scores.masked_fill(scores == -torch.inf, 0.0)

    def through_scores(free):
        masked = free.masked_fill(scores == -torch.inf, -torch.inf)
        own = masked_softmax(masked, scores > -torch.inf)
        return erase_rows(own, erased, masked)

    assert_gradients(through_scores, real)


def assert_gradients(function, at):
    free = at.clone().requires_grad_()
    direction = torch.randn(at.shape, generator=torch.Generator().manual_seed(0), dtype=at.dtype)
    (gradient,) = torch.autograd.grad((function(free) * direction).sum(), free)
    assert torch.isfinite(gradient).all()
    step = 1e-6 * torch.randn(at.shape, generator=torch.Generator().manual_seed(1), dtype=at.dtype)
    step = step * at.clamp(max=1.0).abs()
    difference = ((function(at + step) - function(at - step)) * direction).sum() / 2
    torch.testing.assert_close((gradient * step).sum(), difference, rtol=1e-4, atol=1e-10)


def test_emptied_rows_have_zero_gradients():
    scores = torch.randn(1, 1, 2, 3, requires_grad=True)
    erased = torch.tensor([[True, True, True], [True, False, False]])
    found = erase_rows(torch.softmax(scores, -1), erased, scores)
    (gradient,) = torch.autograd.grad(found.square().sum(), scores)
    assert not gradient[0, 0, 0].any()
    assert torch.isfinite(gradient).all()
    assert gradient[0, 0, 1, 1:].any()


@given(st.integers(0, 2**32), st.booleans(), st.booleans())
def test_the_mask_of_a_fused_attention_allows_what_all_of_its_parts_allow(seed, causal, has_mask):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.rand(2, 1, 3, 4, generator=generator) < 0.7 if has_mask else None
    erased = torch.rand(2, 2, 1, 4, generator=generator) < 0.5
    found = fused_mask(mask, causal, erased, 3, 4).expand(2, 2, 3, 4)
    for b, h, q, k in torch.cartesian_prod(*(torch.arange(n) for n in (2, 2, 3, 4))).tolist():
        allowed = (mask is None or mask[b, 0, q, k]) and (not causal or k <= q) and not erased[b, h, 0, k]
        assert bool(found[b, h, q, k]) == bool(allowed)


def test_a_bias_is_no_mask():
    assert (
        fused_mask(torch.zeros(2, 2), causal=False, erased=torch.zeros(1, 2, dtype=torch.bool), queries=2, keys=2)
        is None
    )
