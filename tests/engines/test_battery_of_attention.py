"""The whole battery on erasures in a transformer."""

import math

import pytest
import torch

from attnprobe.engines.attention_erasures import AttentionErasures
from attnprobe.engines.items import Items
from attnprobe.erasure.battery import run_battery
from attnprobe.erasure.registered_orderings import GREEDY, ORDERINGS, Role, always, chosen_orderings
from tests.fixtures.attached_models import (
    Case,
    attached,
    engines_of,
    erased_weights,
    key_mask,
    logits_by_hand,
    orderings,
    sets_to_tokens,
    words,
)
from tests.reference.transformers import reference_attention

DOCUMENTS = {
    "decision", "n", "p_decision", "output_entropy", "attention_entropy", "attention_entropy_normalised",
    "attention_kl_uniform", "attention_js_uniform", "weight_second", "js_second", "flip_second", "weight_lowest",
    "js_lowest", "flip_lowest", "weight_second_lowest", "js_second_lowest", "flip_second_lowest",
}  # fmt: skip
OF_EACH_ORDERING = {
    "top_item", "top_weight", "js_top", "js_other", "delta_js_negative", "delta_js_zero", "flip_top", "flip_other",
}  # fmt: skip


def battery(case, selected, items, kind, *, greedy=False):
    erasures = AttentionErasures(case.engine(kind, selected), items, "mean", greedy=greedy)
    return run_battery(erasures, torch.arange(len(items.mask)))


@pytest.mark.parametrize(("family", "task"), [("bert", "classification"), ("gpt2", "language-modelling")])
def test_every_column_is_there_whatever_the_engine(family, task):
    case = attached(family, task)
    selected = case.select()
    items = words(key_mask(case, selected))
    results = [battery(case, selected, items, kind, greedy=True) for kind in engines_of(case, selected)]
    for result in results:
        suffixes = [
            "" if name == "attention" else f"_{name}"
            for name in chosen_orderings()
            if (ordering := ORDERINGS[name]).fits is always and ordering.role in (Role.EXPLANATION, Role.CONTROL)
        ]
        expected = DOCUMENTS | {column + suffix for column in OF_EACH_ORDERING for suffix in suffixes}
        assert set(result.documents) >= expected
        assert {name for name, _ in result.erasures} == {
            name for name in chosen_orderings() if ORDERINGS[name].fits is always or name == GREEDY
        }
        assert set(result.items) >= {"weight", "gradient", "js", "flips"}
        for columns in result.erasures.values():
            assert set(columns) >= {"removed", "fraction", "mass", "emptied_rows"}
            never = columns["removed"] < 0
            assert all(torch.equal(columns[name].isnan(), never) for name in ("fraction", "mass", "emptied_rows"))
            share = columns["removed"].double() / items.sizes
            assert torch.equal(columns["fraction"][~never], share[~never])
        assert torch.equal(result.mask, items.mask)
        assert result.contributions is None
        weights = result.items["weight"]
        torch.testing.assert_close(weights.sum(-1), torch.ones(5, dtype=torch.float64))
        assert not weights[~items.mask].any()
    for result in results[1:]:
        for name, columns in result.erasures.items():
            assert torch.equal(columns["removed"], results[0].erasures[name]["removed"])
            torch.testing.assert_close(columns["mass"], results[0].erasures[name]["mass"], equal_nan=True)


@pytest.mark.parametrize(("family", "task"), [("bert", "classification"), ("gpt2", "classification")])
def test_first_flips_and_mass_are_the_engines_own(family, task):
    case = attached(family, task)
    selected = case.select()
    items = Items.single_tokens(key_mask(case, selected))
    for kind in engines_of(case, selected):
        result = battery(case, selected, items, kind)
        weights = result.items["weight"]
        for document in range(5):
            size = int(items.sizes[document])
            by_weight = weights[document, :size].argsort(descending=True, stable=True).tolist()
            order = torch.arange(11).repeat(1, 5, 1)
            order[0, document] = torch.tensor([*by_weight, *range(size, 11)])
            removed = int(case.engine(kind, selected).first_flips(order, items)[0, document])
            columns = {name: column[document].item() for name, column in result.erasures["attention", 0].items()}
            assert columns["removed"] == removed
            if removed > 0:
                expected = weights[document, by_weight[:removed]].sum().item()
                assert columns["mass"] == pytest.approx(expected)


@pytest.mark.parametrize("query", ["all", "last", "1,-2"])
@pytest.mark.parametrize("layers", ["last", "all"])
def test_emptied_rows_of_a_causal_model(layers, query):
    """Early rows see few tokens, and lose them all before the decision flips."""
    case = attached("gpt2", "classification", "eager", "left")
    selected = case.select(layers, "0,3", query)
    items = words(key_mask(case, selected))
    seen = {key: weights > 0 for key, weights in reference_attention(case.model, case.inputs).items()}
    real = case.inputs["attention_mask"].bool()
    order = orderings(items, draws=4)
    counts = []
    for kind in engines_of(case, selected):
        erasures = AttentionErasures(case.engine(kind, selected), items, "mean")
        columns = erasures.first_flips(order)
        for ranking, removed, found in zip(
            order.tolist(), columns["removed"].tolist(), columns["emptied_rows"].tolist(), strict=True
        ):
            sets = [one[: max(0, count)] for one, count in zip(ranking, removed, strict=True)]
            erased = erased_weights(case, selected, sets_to_tokens(items, sets))
            for document in range(5):
                if removed[document] < 0:
                    assert math.isnan(found[document])
                    continue
                emptied = [
                    seen[key][document].any(-1) & ~(seen[key][document] & ~mask[document]).any(-1)
                    for key, mask in erased.items()
                ]
                assert found[document] == sum(int(rows[:, real[document]].sum()) for rows in emptied)
                counts.append(found[document])
    if query == "all":
        assert any(counts)
        assert not all(counts)


@pytest.mark.parametrize("query", ["first", "1,-2"])
def test_tokens_that_no_selected_row_sees(query):
    """They have no attention at all, come last by attention and first in ascending order, and flip nothing."""
    case = attached("gpt2", "classification")
    selected = case.select("0", "all", query)
    items = Items.single_tokens(key_mask(case, selected))
    for kind in engines_of(case, selected):
        result = battery(case, selected, items, kind)
        last_row = torch.zeros(5, 1) if query == "first" else items.sizes[:, None] - 2
        visible = torch.arange(11) <= last_row
        assert torch.equal(result.items["weight"] > 0, visible & items.mask)
        assert (result.items["js"][~visible] < 1e-9).all()
        assert not result.items["flips"][~visible].any()
        ascending = result.documents["top_item_attention_ascending"]
        assert not visible.gather(1, ascending[:, None]).any()


def test_documents_with_one_item():
    case = attached("bert", "classification")
    selected = case.select()
    inputs = {name: tensor[:3, :4].clone() for name, tensor in case.inputs.items()}
    of_token = torch.tensor([[0, 0, 0, 0], [-1, 0, 0, -1], [0, 1, 2, 3]])
    for kind in engines_of(case, selected):
        small = Case(case.attachment, inputs)
        result = battery(small, selected, Items.of(of_token), kind, greedy=True)
        assert result.documents["n"].tolist() == [1, 1, 4]
        for column in ("js_other", "flip_other", "js_second", "js_lowest", "delta_js_negative"):
            assert result.documents[column].isnan().tolist() == [True, True, False]
        assert result.items["weight"][:2, 0].tolist() == pytest.approx([1, 1])
        for columns in result.erasures.values():
            assert set(columns["removed"][:2].tolist()) <= {-1, 1}


@pytest.mark.parametrize(("family", "task"), [("bert", "classification"), ("gpt2", "language-modelling")])
def test_how_sure_a_model_is_without_sets_of_items_is_what_it_says_when_they_are_erased(family, task):
    case = attached(family, task)
    selected = case.select()
    items = words(key_mask(case, selected))
    rows = torch.arange(len(items.mask)).flip(0)[:2]
    erased = torch.rand(3, 2, items.mask.shape[1], generator=torch.Generator().manual_seed(1)) < 0.5
    for kind in engines_of(case, selected):
        erasures = AttentionErasures(case.engine(kind, selected), items, "mean")
        found = erasures.probability_without(erased, rows)
        for which, sets in enumerate(erased):
            whole = torch.zeros_like(items.mask)
            whole[rows] = sets & items.mask[rows]
            of_each = [set(row.nonzero()[:, 0].tolist()) for row in whole]
            logits = logits_by_hand(case, selected, sets_to_tokens(items, of_each))
            expected = logits.double().softmax(-1).gather(1, erasures.decision()[:, None])[rows, 0]
            torch.testing.assert_close(found[which], expected, rtol=0, atol=1e-5)
        assert erasures.largest_falls(rows, torch.tensor([1, 1])) is None
