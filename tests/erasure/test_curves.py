import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import attnprobe
from attnprobe.erasure.contributions import Contributions
from attnprobe.erasure.curve_areas import (
    aopc,
    aopc_eraser,
    area_against_random,
    comprehensiveness,
    log_odds,
    sufficiency,
    symmetric_relevance_gain,
)
from attnprobe.erasure.curves import curves
from attnprobe.erasure.erasable import Curves
from attnprobe.erasure.kept_scores import KeptScores
from tests.fixtures.strategies import cases, tied_cases
from tests.reference import curves as brute

SCORES = ("probability", "log_probability", "logit")


def scores_of(case, name):
    weights = None if case.scores is not None else case.weights
    return KeptScores(
        Contributions(case.values, weights, case.mask, (case.weight, case.bias), scores=case.scores), name
    )


@given(st.one_of(cases(max_gap=600.0), tied_cases(dtype=torch.float64)), st.sampled_from(SCORES))
@settings(max_examples=60)
def test_curves_equal_step_by_step_erasure(case, name):
    scores = scores_of(case, name)
    order = attnprobe.rank_at_random(case.mask, 2, torch.arange(len(case.mask)))
    found = curves(scores, order)
    for row, (values, weights) in enumerate(case.documents()):
        n = len(weights)
        for draw in range(2):
            places = order[draw, row, :n].tolist()
            expected = brute.curves(values, weights, places, *(*case.readout(), name))
            for curve, wanted in zip(found, expected, strict=True):
                np.testing.assert_allclose(curve[draw, row, : n + 1], wanted, rtol=1e-9, atol=1e-9)
                assert (curve[draw, row, n:] == curve[draw, row, n]).all()


@given(cases(), st.sampled_from(SCORES), st.integers(1, 4))
@settings(max_examples=30)
def test_padding_and_other_orderings_change_nothing(case, name, extra):
    order = attnprobe.rank_at_random(case.mask, 3, torch.arange(len(case.mask)))
    found = curves(scores_of(case, name), order)
    behind = torch.arange(order.shape[-1], order.shape[-1] + extra).expand(*order.shape[:-1], extra)
    case.values = torch.nn.functional.pad(case.values, (0, 0, 0, extra), value=7.0)
    case.scores = torch.nn.functional.pad(case.scores, (0, extra), value=3.0)
    case.mask = torch.nn.functional.pad(case.mask, (0, extra))
    wide = curves(scores_of(case, name), torch.cat([order, behind], -1))
    one = curves(scores_of(case, name), torch.cat([order, behind], -1)[1])
    for curve, padded, single in zip(found, wide, one, strict=True):
        torch.testing.assert_close(padded[..., :-extra], curve, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(single, padded[1], rtol=1e-12, atol=1e-12)


def test_a_remainder_that_weights_cannot_hold_has_its_own_score():
    """Item 0 has all but e^-740 of the attention; the products of what is left are far below what float64 holds."""
    values = torch.tensor([[[1.0], [-2.0], [0.25]]], dtype=torch.float64)
    scores = torch.tensor([[0.0, -740.0, -740.0]], dtype=torch.float64)
    readout = (torch.tensor([[1e-3], [0.0]], dtype=torch.float64), torch.zeros(2, dtype=torch.float64))
    kept = KeptScores(Contributions(values, None, None, readout, scores=scores), "logit")
    found = curves(kept, torch.tensor([[0, 1, 2]]))
    torch.testing.assert_close(found.erased[0], torch.tensor([1.0, -0.875, 0.25, 0.0]).double() * 1e-3)


def loops(curve, sizes, of_one):
    """``of_one`` of each curve's real part."""
    flat = curve.reshape(-1, *curve.shape[-2:])
    rows = [[of_one(one[row, : n + 1].tolist(), n) for row, n in enumerate(sizes.tolist())] for one in flat]
    return torch.tensor(rows, dtype=torch.float64).reshape(curve.shape[:-1])


def close(found, wanted):
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12, equal_nan=True)


@given(cases(batch=5, max_items=12), st.sampled_from(SCORES))
@settings(max_examples=25)
def test_areas_equal_their_definitions(case, name):
    sizes = case.mask.sum(-1)
    order = attnprobe.rank_at_random(case.mask, 4, torch.arange(len(case.mask)))
    found = curves(scores_of(case, name), order)
    comp, suff = comprehensiveness(found), sufficiency(found)
    close(comp, found.kept.gather(-1, sizes[:, None].expand(4, -1, 1)) - found.erased)
    close(aopc(comp, sizes), loops(comp, sizes, lambda c, n: sum(c[1:]) / n))
    close(aopc(suff, sizes), loops(suff, sizes, lambda c, n: sum(c[1:]) / n))
    shares = lambda c, n: sum(c[math.ceil(n * p / 100)] for p in (1, 5, 10, 20, 50)) / 5 if n > 1 else math.nan  # noqa: E731
    close(aopc_eraser(comp, sizes), loops(comp, sizes, shares))
    backwards = torch.where(
        torch.arange(order.shape[-1]) < sizes[:, None],
        order.gather(-1, (sizes[:, None] - 1 - torch.arange(order.shape[-1])).clamp(min=0).expand_as(order)),
        order,
    )
    last_first = curves(scores_of(case, name), backwards)
    gain = aopc(comp, sizes) - aopc(comprehensiveness(last_first), sizes)
    torch.testing.assert_close(symmetric_relevance_gain(found, sizes), gain, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(log_odds(found), -comp)


def trapezoid(heights):
    return sum((a + b) / 2 for a, b in itertools.pairwise(heights))


@given(cases(batch=5, max_items=12))
@settings(max_examples=25)
def test_area_against_random_is_a_share_of_the_area_under_it(case):
    sizes = case.mask.sum(-1)
    order = attnprobe.rank_at_random(case.mask, 4, torch.arange(len(case.mask)))
    erased = curves(scores_of(case, "probability"), order).erased
    at_random = erased.mean(0)
    found = area_against_random(erased, at_random, sizes)
    for row, n in enumerate(sizes.tolist()):
        base = at_random[row, : n + 1].tolist()
        whole = trapezoid([height - base[-1] for height in base])
        for draw in range(4):
            between = trapezoid([b - e for b, e in zip(base, erased[draw, row, : n + 1].tolist(), strict=True)])
            if abs(whole) > 1e-9:
                wanted = between / whole if whole > 0 else math.nan
                assert found[draw, row].item() == pytest.approx(wanted, rel=1e-6, abs=1e-9, nan_ok=True)
    close(area_against_random(at_random, at_random, sizes), torch.where(torch.isnan(found[0]), found[0], 0.0))


def test_eraser_counts_are_rounded_up_and_one_item_has_none():
    curve = torch.arange(701.0).double().expand(4, -1)
    sizes = torch.tensor([700, 30, 2, 1])
    wanted = [(7 + 35 + 70 + 140 + 350) / 5, (1 + 2 + 3 + 6 + 15) / 5, 1.0, math.nan]
    wanted = torch.tensor(wanted, dtype=torch.float64)
    close(aopc_eraser(curve, sizes), wanted)


def test_documents_without_items_have_curves_of_the_bias_and_no_areas():
    values, mask = torch.zeros(2, 0, 3).double(), torch.zeros(2, 0, dtype=torch.bool)
    readout = (torch.randn(2, 3).double(), torch.tensor([0.0, 1.0]).double())
    scores = KeptScores(Contributions(values, torch.zeros(2, 0).double(), mask, readout), "logit")
    found = curves(scores, torch.zeros(3, 2, 0, dtype=torch.int64))
    assert found.erased.shape == (3, 2, 1)
    assert (found.erased == 1).all()
    assert torch.isnan(aopc(comprehensiveness(found), scores.sizes)).all()
    assert torch.isnan(symmetric_relevance_gain(Curves(*found), scores.sizes)).all()
