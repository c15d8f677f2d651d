"""Every engine gives the logits of the slow reference, for any set of tokens, in any layers, heads and rows."""

import pytest
import torch

from attnprobe.engines.choice import REPLAY, SINGLE_ROW, fastest_engine
from tests.fixtures.attached_models import (
    MODELS,
    READS_ONE_ROW,
    attached,
    engines_of,
    key_mask,
    logits_by_hand,
    sets_to_tokens,
    token_sets,
    words,
)

RIGHT = [(family, task, "eager" if family == "deberta-v2" else "sdpa", "right") for family, task in MODELS]
LEFT = [(family, task, "eager", "left") for family, task in MODELS if family != "deberta-v2"]
SELECTIONS = [
    ("last", "all", "auto"),
    ("last", "1", "all"),
    ("0", "0,2", "first"),
    ("0", "all", "last"),
    ("all", "all", "all"),
    ("all", "3", "1,-2"),
]
WHOLE = ("bert", "gpt2", "t5")
"""Families of which the suite tries every selection: the first row is read, the last, and those of two stacks."""


def often(number, case, selection):
    """Whether a case is one of every run of the suite: each family has every padding, each selection many models."""
    family, task, _, side = case
    whole = family in WHOLE and side == "right" and task == "classification"
    return whole or (SELECTIONS.index(selection) - number) % 6 in ((0, 3) if side == "right" else (0,))


CASES = [
    pytest.param(*case, selection, marks=[] if often(number, case, selection) else [pytest.mark.slow])
    for number, case in enumerate(RIGHT + LEFT)
    for selection in SELECTIONS
]


def assert_same(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert torch.equal(found.argmax(-1), expected.argmax(-1))


def assert_engines_agree_with_the_reference(case, selected, sets):
    documents = torch.arange(len(sets[0]))
    engines = [case.engine(kind, selected) for kind in engines_of(case, selected)]
    for tokens in sets:
        expected = logits_by_hand(case, selected, tokens)
        for engine in engines:
            ((_, found),) = engine.evaluate(documents, tokens)
            assert_same(found, expected)
    return expected


@pytest.mark.parametrize(("family", "task", "implementation", "side", "selection"), CASES)
@pytest.mark.samples(9)
def test_token_sets_give_the_logits_of_the_reference(family, task, implementation, side, selection):
    case = attached(family, task, implementation, side)
    layers, heads, query = selection
    for stack in case.attachment.sites.stacks():
        selected = case.select(f"{stack}:{layers}", heads, query)
        assert_engines_agree_with_the_reference(case, selected, token_sets(key_mask(case, selected)))


@pytest.mark.parametrize(("family", "task"), MODELS)
def test_erasing_means_something(family, task):
    """What the tests above compare differs from the untouched model by far more than they allow."""
    case = attached(family, task, "eager" if family == "deberta-v2" else "sdpa")
    for stack in case.attachment.sites.stacks():
        selected = case.select(f"{stack}:all")
        engine = case.engine(engines_of(case, selected)[1], selected)
        _, many, _ = token_sets(key_mask(case, selected))
        ((_, found),) = engine.evaluate(torch.arange(len(many)), many)
        assert torch.equal((found - engine.logits).abs().amax(-1) > 1e-3, many.any(-1))


@pytest.mark.parametrize(("family", "task", "implementation", "side"), RIGHT + LEFT)
def test_words_of_several_tokens_give_the_logits_of_the_reference(family, task, implementation, side):
    case = attached(family, task, implementation, side)
    selected = case.select()
    items = words(key_mask(case, selected))
    sets = [[0, 2], [1], list(range(9)), [], [0]]
    tokens = sets_to_tokens(items, sets)
    assert torch.equal(items.tokens(torch.arange(5), torch.stack([member(s, items) for s in sets])), tokens)
    assert_engines_agree_with_the_reference(case, selected, [tokens])


def member(chosen, items):
    return torch.tensor([item in chosen for item in range(items.mask.shape[1])])


@pytest.mark.parametrize(("family", "task", "implementation", "side"), RIGHT + LEFT)
@pytest.mark.samples(6)
def test_documents_may_come_in_any_order_and_number(family, task, implementation, side):
    case = attached(family, task, implementation, side)
    documents = torch.tensor([3, 0, 3, 1, 4])
    for stack in case.attachment.sites.stacks():
        selected = case.select(f"{stack}:last")
        tokens, *_ = token_sets(key_mask(case, selected), seed=1)
        expected = logits_by_hand(case, selected, tokens)[documents]
        for kind in engines_of(case, selected):
            ((_, found),) = case.engine(kind, selected).evaluate(documents, tokens[documents])
            assert_same(found, expected)
            ((_, found),) = case.engine(kind, selected).evaluate(documents[:2], tokens[documents[:2]])
            assert_same(found, expected[:2])


@pytest.mark.parametrize(("family", "task"), READS_ONE_ROW)
@pytest.mark.samples(4)
def test_the_row_that_is_read_is_found_and_run_alone(family, task):
    case = attached(family, task, "eager" if family == "deberta-v2" else "sdpa")
    read = "last" if family in ("gpt2", "llama") else "first"
    assert case.attachment.reads == ["all", "all", read]
    for query in ("auto", read, "all"):
        assert fastest_engine(case.attachment, case.select(query=query), case.inputs) == SINGLE_ROW


@pytest.mark.parametrize(("family", "task"), [model for model in MODELS if model not in READS_ONE_ROW])
def test_elsewhere_the_model_is_replayed(family, task):
    case = attached(family, task)
    reads = ["all", "all", "all", "all", "last", "last"] if family == "t5" else ["all"] * 3
    assert case.attachment.reads == reads
    assert fastest_engine(case.attachment, case.select(), case.inputs) == REPLAY
