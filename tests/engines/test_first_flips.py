"""Where decisions first flip, and what single erasures do: every engine against a plain loop over the reference."""

from functools import cache

import pytest
import torch
from scipy.spatial.distance import jensenshannon

from attnprobe.attention.attachment import attach
from attnprobe.attention.model_call import ModelCall
from attnprobe.engines.items import Items
from tests.fixtures.attached_models import (
    MODELS,
    Case,
    attached,
    engines_of,
    flips_by_hand,
    forgotten,
    inputs_of,
    key_mask,
    logits_by_hand,
    orderings,
    sets_to_tokens,
    words,
)
from tests.reference.transformers import tiny_model

SELECTIONS = [("last", "all", "auto"), ("all", "0,2", "all")]


def case_in_float64(family, task):
    """No rounding stands between the engine and the loop, and no decision hangs on it."""
    return attached(family, task, "eager" if family == "deberta-v2" else "sdpa", "right", torch.float64)


SEVERAL_LAYERS_OFTEN = ("bert", "llama", "t5")


@cache
def flips_of_tokens(family, task, selection):
    """(case, what is selected, items, orderings, first flips by the loop)."""
    case = case_in_float64(family, task)
    selected = case.select(*selection)
    items = Items.single_tokens(key_mask(case, selected))
    order = orderings(items)
    return case, selected, items, order, flips_by_hand(case, selected, items, order)


@pytest.mark.parametrize(
    ("family", "task", "selection"),
    [
        pytest.param(*model, selection, marks=[pytest.mark.slow] * seldom)
        for model in MODELS
        for selection, seldom in ((SELECTIONS[0], False), (SELECTIONS[1], model[0] not in SEVERAL_LAYERS_OFTEN))
    ],
)
@pytest.mark.samples(5)
def test_first_flips_are_those_of_a_loop_over_prefixes(family, task, selection):
    case, selected, items, order, expected = flips_of_tokens(family, task, selection)
    assert (expected > 0).any()
    for kind in engines_of(case, selected):
        engine = case.engine(kind, selected)
        assert torch.equal(engine.first_flips(order, items), expected)
        for at_once in (1, 12):
            engine.at_once = at_once
            assert torch.equal(engine.first_flips(order, forgotten(items)), expected)


@pytest.mark.parametrize(("family", "task"), MODELS)
@pytest.mark.samples(4)
def test_words_go_with_all_of_their_tokens(family, task):
    case = case_in_float64(family, task)
    selected = case.select()
    items = words(key_mask(case, selected))
    order = orderings(items, draws=3)
    expected = flips_by_hand(case, selected, items, order)
    for kind in engines_of(case, selected):
        assert torch.equal(case.engine(kind, selected).first_flips(order, items), expected)


def test_the_loop_finds_flips_of_every_kind():
    """What the tests above compare are numbers of many kinds, and not one."""
    found = []
    for family, task in MODELS:
        *_, expected = flips_of_tokens(family, task, SELECTIONS[0])
        found += expected.flatten().tolist()
    assert {-1, 1, 2, 3} < set(found)


@pytest.fixture(scope="module")
def shifted():
    """A model whose head favours class 0 so much that one document flips with its last item only; and that document."""
    model = tiny_model("bert", dtype=torch.float64, implementation="sdpa")
    inputs = inputs_of("bert", "classification", lengths=[9, 6, 8, 9, 7, 9, 5])
    case = Case(attach(ModelCall(model), inputs), inputs)
    selected = case.select()
    items = Items.single_tokens(key_mask(case, selected))
    order = orderings(items, draws=6)
    for draw, one in enumerate(order.tolist()):
        margins = []
        for length in range(10):
            tokens = sets_to_tokens(items, [ranking[:length] for ranking in one])
            logits = logits_by_hand(case, selected, tokens)
            margins.append(logits[:, 1:].amax(-1) - logits[:, 0])
        margins = torch.stack(margins)  # (lengths, documents), those of padding as with everything erased
        for document, size in enumerate(items.sizes.tolist()):
            before, at_last = margins[:size, document].max(), margins[size, document]
            if at_last > before + 1e-3:
                with torch.no_grad():
                    model.classifier.bias[0] += (before + at_last) / 2
                return case, selected, items, order[draw : draw + 1], document
    raise AssertionError("no document whose decision is weakest with everything erased")


def test_a_decision_may_flip_with_the_last_item_only(shifted):
    case, selected, items, order, document = shifted
    expected = flips_by_hand(case, selected, items, order)
    assert expected[0, document] == items.sizes[document]
    for kind in engines_of(case, selected):
        assert torch.equal(case.engine(kind, selected).first_flips(order, items), expected)


def test_a_decision_may_never_flip():
    model = tiny_model("bert", implementation="sdpa")
    with torch.no_grad():
        model.classifier.bias[1] += 100
    inputs = inputs_of("bert", "classification")
    case = Case(attach(ModelCall(model), inputs), inputs)
    selected = case.select()
    items = Items.single_tokens(key_mask(case, selected))
    for kind in engines_of(case, selected):
        engine = case.engine(kind, selected)
        assert (engine.first_flips(orderings(items), items) == -1).all()
        assert not engine.single_effects(items).flips.any()


@pytest.mark.parametrize("unit", ["token", "word"])
@pytest.mark.parametrize(("family", "task"), MODELS)
@pytest.mark.samples(6)
def test_single_effects_are_those_of_a_loop_over_items(family, task, unit):
    case = case_in_float64(family, task)
    selected = case.select(heads="0,1,3")
    real = key_mask(case, selected)
    items = words(real) if unit == "word" else Items.single_tokens(real)
    effects = [case.engine(kind, selected).single_effects(items) for kind in engines_of(case, selected)]
    plain = logits_by_hand(case, selected, torch.zeros_like(real))
    for item in range(items.mask.shape[1]):
        after = logits_by_hand(case, selected, sets_to_tokens(items, [[item]] * len(real)))
        for document in items.mask[:, item].nonzero()[:, 0].tolist():
            one, other = (logits[document].softmax(-1).numpy() for logits in (plain, after))
            for found in effects:
                assert found.js[document, item].item() == pytest.approx(jensenshannon(one, other) ** 2, abs=1e-9)
                assert found.flips[document, item].item() == (one.argmax() != other.argmax())
    for found in effects:
        assert not found.js[~items.mask].any()
        assert not found.flips[~items.mask].any()


def test_real_tokens_behind_the_last_item_are_not_erased():
    """Items may be the tokens at their own positions in every document, and yet end before the tokens do."""
    case = case_in_float64("bert", "classification")
    selected = case.select()
    real = key_mask(case, selected)
    of_token = torch.arange(11).expand(5, -1).masked_fill(~real, -1).clone()
    of_token[1, 6:] = of_token[3, 4:] = -1
    items = Items.of(of_token)
    order = orderings(items, draws=4)
    expected = flips_by_hand(case, selected, items, order)
    plain = logits_by_hand(case, selected, torch.zeros_like(real))[3].softmax(-1)
    for kind in engines_of(case, selected):
        engine = case.engine(kind, selected)
        js = engine.single_effects(items).js
        for item in range(4):
            after = logits_by_hand(case, selected, sets_to_tokens(items, [[item]] * 5))[3].softmax(-1)
            assert js[3, item].item() == pytest.approx(jensenshannon(plain, after) ** 2, abs=1e-9)
        assert torch.equal(engine.first_flips(order, items), expected)
