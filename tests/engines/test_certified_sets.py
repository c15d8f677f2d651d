"""What flips a transformer's decisions and what guarantees them, against all subsets by the slow reference."""

import itertools

import pytest
import torch

from attnprobe.engines.attention_erasures import AttentionErasures
from attnprobe.engines.items import Items
from attnprobe.erasure.battery import run_battery
from attnprobe.erasure.certified_columns import Certify
from attnprobe.erasure.certified_names import ENUMERATED, FLIP_BOUND, FLIP_SMALLEST, NECESSARY, SUFFICIENT_SMALLEST
from attnprobe.erasure.guarantees import certified_sets
from attnprobe.erasure.meaning import Meaning
from tests.fixtures.attached_models import (
    attached,
    engines_of,
    key_mask,
    logits_by_hand,
    orderings,
    sets_to_tokens,
    words,
)
from tests.fixtures.entries import HALVES, registered, sure_above

BY_HAND = {
    "renormalise": None,
    "zero": lambda weights, erased: weights.masked_fill(erased, 0.0),
    "halves": lambda weights, erased: torch.where(erased, weights / 2, weights),
}


@pytest.fixture(params=BY_HAND)
def meaning(request, monkeypatch):
    """A way of erasing that the reference has, too, and a decision that flips now and then."""
    if BY_HAND[request.param] is not None:
        monkeypatch.setattr("tests.reference.transformers.erase_rows", BY_HAND[request.param])
    with registered(halves=HALVES, sure=sure_above(0.43)):
        yield Meaning(request.param, "sure")


@pytest.fixture(scope="module")
def case():
    return attached("bert", "classification", "sdpa", "right", torch.float64)


def subsets(size):
    return [frozenset(of) for k in range(size + 1) for of in itertools.combinations(range(size), k)]


def flipping_by_hand(case, selected, items, meaning):
    """Of each document all sets of items whose erasure flips its decision."""
    sizes = items.sizes.tolist()
    decided = {
        chosen: meaning.decide(
            logits_by_hand(case, selected, sets_to_tokens(items, [chosen & set(range(n)) for n in sizes]))
        )
        for chosen in subsets(max(sizes))
    }
    whole = decided[frozenset()]
    return [
        [chosen for chosen in subsets(size) if bool(decided[chosen][document] != whole[document])]
        for document, size in enumerate(sizes)
    ]


def marked(row):
    return frozenset(torch.nonzero(row == 1)[:, 0].tolist())


@pytest.mark.samples(1)
def test_short_documents_have_what_all_subsets_say_whatever_the_engine_and_the_way_of_erasing(case, meaning):
    selected = case.select("all", "all", "all")
    items = words(key_mask(case, selected))
    assert int(items.sizes.max()) <= 8
    flipping = flipping_by_hand(case, selected, items, meaning)
    assert any(flipping)
    order, documents = orderings(items), torch.arange(len(items.sizes))
    for kind in engines_of(case, selected):
        erasures = AttentionErasures(case.engine(kind, selected, meaning=meaning), items, "mean")
        found = erasures.certified_sets(documents, 1, torch.zeros_like(items.mask))
        along = found.count_along(order)
        for document, size in enumerate(items.sizes.tolist()):
            sufficient = [kept for kept in subsets(size) if all(kept & erased for erased in flipping[document])]
            assert marked(found.kept[document]) in sufficient
            assert found.keep_smallest[document] == found.keep_bound[document] == min(map(len, sufficient))
            assert found.necessary[document] == len(frozenset.intersection(*sufficient))
            least = min(map(len, flipping[document]), default=-1)
            assert found.flip_smallest[document] == found.flip_bound[document] == least
            assert least == -1 or marked(found.erased[document]) in flipping[document]
            for draw, one in enumerate(order[:, document].tolist()):
                expected = next(k for k in range(size + 1) if frozenset(one[:k]) in sufficient)
                assert along[draw, document] == expected


@pytest.mark.parametrize("longest", [14, 0])
def test_what_is_found_does_not_hang_on_the_batch_or_its_padding(case, longest, monkeypatch):
    monkeypatch.setattr(certified_sets, "EVERY_SET", longest)
    with registered(sure=sure_above(0.43)):
        selected, meaning = case.select(), Meaning(decision="sure")
        items = Items.single_tokens(key_mask(case, selected))
        together = AttentionErasures(case.engine("single row", selected, meaning=meaning), items, "mean")
        found = together.certified_sets(torch.arange(5), 2, torch.zeros_like(items.mask))
        for document in (3, 1):
            size = int(items.sizes[document])
            inputs = {name: part[[document, document], :size] for name, part in case.inputs.items()}
            engine = case.engine("single row", selected, inputs, meaning)
            of_one = Items.single_tokens(torch.ones(2, size, dtype=torch.bool))
            alone = AttentionErasures(engine, of_one, "mean")
            same = alone.certified_sets(torch.tensor([1]), 2, torch.zeros(1, size, dtype=torch.bool))
            for name in ("flip_bound", "flip_smallest", "keep_bound", "keep_smallest", "necessary"):
                assert getattr(same, name)[0] == getattr(found, name)[document]
            for name in ("kept", "erased"):
                assert marked(getattr(same, name)[0]) == marked(getattr(found, name)[document])


def test_the_battery_lays_it_beside_the_documents_that_were_asked_alone_and_runs_no_set_twice(case):
    with registered(sure=sure_above(0.43)):
        selected = case.select()
        items = words(key_mask(case, selected))
        engine = case.engine("single row", selected, meaning=Meaning(decision="sure"))
        sets = []
        evaluate = engine.evaluate
        engine.evaluate = lambda documents, erased: sets.append(len(documents)) or evaluate(documents, erased)
        erasures = AttentionErasures(engine, items, "mean")
        asked, seeds = torch.tensor([0, 3]), torch.arange(5)
        plain = run_battery(erasures, seeds, limited=asked)
        before = sum(sets)
        result = run_battery(erasures, seeds, limited=asked, certify=Certify(asked, 2))
        assert sum(sets) == before  # limits had all sets of these documents asked for
        for name in (SUFFICIENT_SMALLEST, NECESSARY, FLIP_BOUND, FLIP_SMALLEST, ENUMERATED):
            assert torch.isfinite(result.documents[name]).nonzero()[:, 0].tolist() == [0, 3]
        for key, columns in plain.erasures.items():
            along = result.erasures[key].pop("sufficient")
            assert torch.isfinite(along).nonzero()[:, 0].tolist() == [0, 3]
            assert all(torch.equal(of, columns[name]) or of.isnan().any() for name, of in result.erasures[key].items())
        kept = result.items["sufficient"]
        assert (kept[[1, 2, 4]] == -1).all()
        assert ((kept[[0, 3]] == 1).sum(-1) == result.documents[SUFFICIENT_SMALLEST][[0, 3]]).all()


def test_a_document_of_one_item_is_kept_or_erased_whole(case):
    with registered(sure=sure_above(0.43)):
        selected, meaning = case.select(), Meaning(decision="sure")
        real = key_mask(case, selected)
        items = Items.of(torch.where(real, 0, -1))
        engine = case.engine("single row", selected, meaning=meaning)
        found = AttentionErasures(engine, items, "mean").certified_sets(
            torch.arange(5), 3, torch.zeros_like(items.mask)
        )
        ((_, logits),) = engine.evaluate(torch.arange(5), real)
        flips = engine.flips(logits, torch.arange(5))
        assert torch.equal(found.flip_smallest, torch.where(flips, 1, -1))
        assert torch.equal(found.keep_smallest, flips.long())
        assert torch.equal(found.necessary, flips.long())
