"""Pooled models set by set: with renormalising and classes the closed forms, otherwise a plain loop over items."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import attnprobe
from attnprobe.erasure.battery import run_battery
from attnprobe.erasure.curve_names import SCORES
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.models.pooled import stepwise
from attnprobe.models.pooled.closed_forms import PooledErasures
from attnprobe.models.pooled.stepwise import StepwiseErasures
from tests.fixtures.entries import HALVES, registered, sure_above
from tests.fixtures.strategies import cases
from tests.reference import erasure as brute

THRESHOLD = 0.5


def arguments(case):
    linear = torch.nn.Linear(case.weight.shape[1], len(case.weight), dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(case.weight)
        linear.bias.copy_(case.bias)
    return case.values.masked_fill(~case.mask[..., None], 0.0), case.scores, case.mask, linear


def random_orders(case, orderings=3):
    return attnprobe.rank_at_random(case.mask, orderings, torch.arange(len(case.mask)))


def both(case):
    """By closed forms, and set by set."""
    return PooledErasures(*arguments(case)), StepwiseErasures(*(*arguments(case), BY_DEFAULT))


@given(cases(dtype=torch.float64))
def test_with_renormalising_and_classes_numbers_are_those_of_the_closed_forms(case):
    closed, by_steps = both(case)
    for one, other in zip(closed.attention, by_steps.attention, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-9, atol=1e-11)
    for name in ("log_probabilities", "probability"):
        torch.testing.assert_close(getattr(by_steps, name)(), getattr(closed, name)(), rtol=1e-9, atol=1e-11)
    single, stepped = closed.single_effects(), by_steps.single_effects()
    torch.testing.assert_close(stepped.js, single.js, rtol=1e-6, atol=1e-9)


@given(cases(dtype=torch.float64))
def test_with_renormalising_and_classes_limits_of_few_items_are_those_of_the_closed_forms(case):
    closed, by_steps = both(case)
    documents = torch.nonzero((case.mask.sum(-1) <= 12) & (closed.decision() == by_steps.decision()))[:, 0]
    for score in SCORES:
        one, other = closed.aopc_limits(documents, score), by_steps.aopc_limits(documents, score)
        scale = float(one.abs().max().clamp(min=1.0)) if len(documents) else 1.0
        torch.testing.assert_close(other, one, rtol=0, atol=1e-8 * scale)


@given(cases(dtype=torch.float64))
def test_with_renormalising_and_classes_decisions_are_those_of_the_closed_forms(case):
    """But where rounding decides."""
    closed, by_steps = both(case)
    single, stepped = closed.single_effects(), by_steps.single_effects()
    order = random_orders(case)
    flips, found = closed.first_flips(order), by_steps.first_flips(order)
    for row, (values, weights) in enumerate(case.documents()):
        unerased = brute.logits_after(values, weights, [], *case.readout())
        decision = brute.decide(unerased)
        if brute.margin(unerased, decision) > 1e-9:
            assert by_steps.decision()[row] == closed.decision()[row] == decision
        for item in range(len(weights)):
            after = brute.logits_after(values, weights, [item], *case.readout())
            if min(brute.margin(after, decision), brute.margin(unerased, decision)) > 1e-9:
                assert stepped.flips[row, item] == single.flips[row, item]
        for ordering, positions in enumerate(order[:, row, : len(weights)].tolist()):
            _, margin = brute.first_flip(values, weights, positions, *case.readout())
            if margin > 1e-9:
                one, other = (
                    torch.stack([column[ordering, row].double() for column in each.values()]) for each in (found, flips)
                )
                torch.testing.assert_close(one, other, rtol=0, atol=1e-12, equal_nan=True)


def edited(weights, erased, way):
    after = weights.copy()
    after[list(erased)] *= {"zero": 0.0, "halves": 0.5}[way]
    return after


def decided(logits, decision):
    """(number, how far from another one) of a document."""
    if decision == "class":
        number = brute.decide(logits)
        return number, brute.margin(logits, number)
    shares = np.exp(logits - logits.max())
    largest = shares.max() / shares.sum()
    return int(largest > THRESHOLD), abs(largest - THRESHOLD)


@settings(max_examples=60)
@given(cases(dtype=torch.float64, max_items=6), st.sampled_from(["zero", "halves"]), st.sampled_from(["class", "sure"]))
def test_any_way_and_decision_equal_a_loop_over_items_and_prefixes(case, way, decision):
    with registered(halves=HALVES, sure=sure_above(THRESHOLD)):
        erasures = StepwiseErasures(*(*arguments(case), Meaning(way, decision)))
        order = random_orders(case)
        single, flips, first = erasures.single_effects(), erasures.first_flips(order), erasures.decision()
    weight, bias = case.readout()
    for row, (values, weights) in enumerate(case.documents()):

        def decide(erased):
            return decided(weight @ (edited(weights, erased, way) @ values) + bias, decision)  # noqa: B023

        number, margin = decide([])
        if margin <= 1e-9:
            continue
        assert first[row] == number
        for item in range(len(weights)):
            after, apart = decide([item])
            assert apart <= 1e-9 or bool(single.flips[row, item]) == (after != number)
        for ordering, positions in enumerate(order[:, row, : len(weights)].tolist()):
            after = [decide(positions[:count]) for count in range(1, len(weights) + 1)]
            if min(apart for _, apart in after) <= 1e-9:
                continue
            count = next((count for count, (other, _) in enumerate(after, start=1) if other != number), -1)
            assert flips["removed"][ordering, row] == count
            left = weights[positions[max(0, count) :]].sum()
            assert flips["emptied"][ordering, row] == (count > 0 and left == 0)


@settings(max_examples=20)
@given(cases(dtype=torch.float64, max_gap=3.0))
def test_gradients_are_of_the_decision_s_probability(case):
    """By central differences in a free weight, whatever the decision."""
    with registered(sure=sure_above(THRESHOLD)):
        meaning = Meaning(decision="sure")
        erasures = StepwiseErasures(*(*arguments(case), meaning))
        values, _, mask, readout = arguments(case)
        weights, decision = erasures.attention.weights, erasures.decision()
        for item in range(mask.shape[1]):
            step = torch.zeros_like(weights)
            step[:, item] = 1e-6
            p = [
                meaning.probability(readout(torch.einsum("bi,bid->bd", moved, values)), decision)
                for moved in (weights + step, weights - step)
            ]
            slope = ((p[0] - p[1]) / 2e-6).masked_fill(~mask[:, item], 0.0).detach()
            top = readout(torch.einsum("bi,bid->bd", weights, values)).topk(2).values
            smooth = (top[:, 0] - top[:, 1]) > 1e-3  # where the largest logit changes the probability has a corner
            torch.testing.assert_close(erasures.attention.gradients[smooth, item], slope[smooth], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("at_once", [1, 7])
def test_how_many_sets_are_edited_at_once_changes_nothing(at_once, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    mask = torch.arange(9) < torch.tensor([[9], [4], [1]])
    values, scores = torch.randn(3, 9, 4, generator=generator), torch.randn(3, 9, generator=generator)
    torch.manual_seed(0)
    readout = torch.nn.Linear(4, 3)
    whole = run_battery(StepwiseErasures(values, scores, mask, readout, Meaning("zero")), torch.arange(3))
    monkeypatch.setattr(stepwise, "_GATHERED", at_once * 27)
    cut = run_battery(StepwiseErasures(values, scores, mask, readout, Meaning("zero")), torch.arange(3))
    assert "oracle" not in {name for name, _ in whole.erasures}
    assert whole.contributions is None
    for key, columns in whole.erasures.items():
        for name, column in columns.items():
            torch.testing.assert_close(cut.erasures[key][name], column, rtol=1e-12, atol=0, equal_nan=True)
    for name, column in whole.items.items():
        torch.testing.assert_close(cut.items[name], column, rtol=1e-9, atol=1e-12)
