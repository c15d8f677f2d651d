"""Another way of erasing, and another decision: every engine against the slow reference that does the same by hand."""

import pytest
import torch

from attnprobe.attention.edited_runs import run_with
from attnprobe.attention.taps import Use
from attnprobe.engines.attention_erasures import AttentionErasures
from attnprobe.engines.choice import FORWARD, SINGLE_ROW, fastest_engine
from attnprobe.engines.greedy import greedy_order
from attnprobe.engines.items import Items
from attnprobe.erasure.battery import run_battery
from attnprobe.erasure.meaning import Meaning
from tests.fixtures.attached_models import (
    attached,
    engines_of,
    flips_by_hand,
    key_mask,
    logits_by_hand,
    orderings,
    sets_to_tokens,
    token_sets,
    words,
)
from tests.fixtures.entries import HALVES, registered, sure_above

CASES = [
    ("bert", "classification", "sdpa", ("last", "all", "auto")),
    ("gpt2", "language-modelling", "eager", ("last", "0,2", "all")),
    ("llama", "classification", "sdpa", ("all", "all", "all")),
    ("t5", "classification", "sdpa", ("cross:last", "all", "all")),
]

BY_HAND = {
    "zero": lambda weights, erased: weights.masked_fill(erased, 0.0),
    "halves": lambda weights, erased: torch.where(erased, weights / 2, weights),
}


@pytest.fixture(params=BY_HAND)
def way(request, monkeypatch):
    """The name of a way of erasing that the reference has, too."""
    monkeypatch.setattr("tests.reference.transformers.erase_rows", BY_HAND[request.param])
    with registered(halves=HALVES, sure=sure_above(0.45)):
        yield request.param


@pytest.fixture(params=CASES, ids=lambda case: case[0])
def chosen(request):
    """(case, what is selected) in float64, so that no decision hangs on rounding."""
    family, task, implementation, selection = request.param
    case = attached(family, task, implementation, "right", torch.float64)
    return case, case.select(*selection)


def test_sets_of_tokens_give_the_logits_of_the_reference(way, chosen):
    case, selected = chosen
    for kind in engines_of(case, selected):
        engine = case.engine(kind, selected, meaning=Meaning(way))
        for tokens in token_sets(key_mask(case, selected)):
            ((_, found),) = engine.evaluate(torch.arange(len(tokens)), tokens)
            torch.testing.assert_close(found, logits_by_hand(case, selected, tokens), rtol=0, atol=1e-10)


@pytest.mark.parametrize("decision", ["class", "sure"])
@pytest.mark.samples(5)
def test_flips_are_those_of_a_loop_over_prefixes_and_items(way, chosen, decision):
    case, selected = chosen
    meaning = Meaning(way, decision)
    items = words(key_mask(case, selected))
    order = orderings(items)
    expected = flips_by_hand(case, selected, items, order, meaning.decide)
    nothing = meaning.decide(logits_by_hand(case, selected, torch.zeros_like(items.of_token, dtype=torch.bool)))
    alone = torch.zeros_like(items.mask)
    for item in range(items.mask.shape[1]):
        sets = [[item] if item < size else [] for size in items.sizes.tolist()]
        after = meaning.decide(logits_by_hand(case, selected, sets_to_tokens(items, sets)))
        alone[:, item] = (after != nothing) & items.mask[:, item]
    for kind in engines_of(case, selected):
        engine = case.engine(kind, selected, meaning=meaning)
        assert torch.equal(engine.decision(), nothing)
        assert torch.equal(engine.first_flips(order, items), expected)
        assert torch.equal(engine.single_effects(items).flips, alone)


def test_the_decisions_above_flip_and_are_not_those_for_classes(monkeypatch):
    """Else the tests above compare nothing."""
    monkeypatch.setattr("tests.reference.transformers.erase_rows", BY_HAND["zero"])
    counts = {}
    for family, task, implementation, selection in CASES:
        case = attached(family, task, implementation, "right", torch.float64)
        selected = case.select(*selection)
        items = words(key_mask(case, selected))
        with registered(sure=sure_above(0.45)):
            for meaning in (Meaning(), Meaning("zero"), Meaning("zero", "sure")):
                engine = case.engine(FORWARD, selected, meaning=meaning)
                counts.setdefault(meaning, []).append(engine.first_flips(orderings(items), items))
    flips = [torch.cat(each, dim=1) for each in counts.values()]
    assert all(bool((each > 0).any()) for each in flips)
    assert len({tuple(each.flatten().tolist()) for each in flips}) == len(flips)


@pytest.mark.parametrize(("family", "task"), [("bert", "classification"), ("gpt2", "classification")])
def test_gradients_are_of_the_decision_s_own_probability(family, task):
    """By central differences, weight by weight, at the unerased documents and behind an erasure."""
    case = attached(family, task, "eager", "right", torch.float64)
    selected = case.select()
    site, real = selected[0].site, key_mask(case, selected)
    few, *_ = token_sets(real, seed=2)
    with registered(sure=sure_above(0.45)):
        meaning = Meaning("zero", "sure")
        for kind in engines_of(case, selected):
            engine = case.engine(kind, selected, meaning=meaning)
            documents = torch.arange(len(real))
            for attended in (engine.attended[0], engine.attended_after(documents, few)[0]):
                whole = case.engine(FORWARD, selected, meaning=meaning)
                there = whole.attended[0] if attended is engine.attended[0] else whole.attended_after(documents, few)[0]
                row = there.rows.int().argmax(-1)
                mine = row if attended.weights.shape[2] == there.weights.shape[2] else torch.zeros_like(row)
                for key in range(3):
                    moved = []
                    for step in (1e-6, -1e-6):
                        weights = there.weights.clone()
                        weights[documents, 1, row, key] += step
                        logits = run_with(case.attachment.call, case.inputs, [site], [Use(weights)])
                        moved.append(meaning.probability(logits, engine.decision()))
                    slope = (moved[0] - moved[1]) / 2e-6
                    torch.testing.assert_close(
                        attended.gradients[documents, 1, mine, key], slope.detach(), rtol=1e-4, atol=1e-7
                    )


def test_what_is_read_from_one_row_is_computed_from_one_row_however_it_is_erased():
    case = attached("bert", "classification")
    assert fastest_engine(case.attachment, case.select(), case.inputs, Meaning("zero")) == SINGLE_ROW


def test_greedy_erasure_ends_where_the_decision_flips(chosen):
    case, selected = chosen
    with registered(sure=sure_above(0.45)):
        meaning = Meaning("zero", "sure")
        items = Items.single_tokens(key_mask(case, selected))
        for kind in engines_of(case, selected):
            engine = case.engine(kind, selected, meaning=meaning)
            order = greedy_order(engine, items)
            named = (order >= 0).sum(-1)
            rest = torch.arange(order.shape[1]).expand_as(order)
            whole = torch.stack(
                [torch.cat([o[o >= 0], r[~torch.isin(r, o)]]) for o, r in zip(order, rest, strict=True)]
            )
            removed = engine.first_flips(whole[None], items)[0]
            assert torch.equal(torch.where(removed < 0, items.sizes, removed), named)


def test_the_battery_says_what_is_decided_and_how_sure_the_model_is():
    case = attached("bert", "classification")
    selected = case.select()
    items = Items.single_tokens(key_mask(case, selected))
    with registered(sure=sure_above(0.45)):
        meaning = Meaning("zero", "sure")
        engine = case.engine(FORWARD, selected, meaning=meaning)
        result = run_battery(AttentionErasures(engine, items, "mean"), torch.arange(5))
    largest = engine.logits.double().softmax(-1).amax(-1)
    assert result.documents["decision"].tolist() == (largest > 0.45).tolist()
    torch.testing.assert_close(result.documents["p_decision"], torch.where(largest > 0.45, largest, 1 - largest))
