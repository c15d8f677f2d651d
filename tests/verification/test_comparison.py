"""Every stored number that is another one is named; what hangs on rounding is let pass, and counted."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from attnprobe.erasure.battery import run_battery
from attnprobe.erasure.registered_orderings import SMALLEST_SET
from attnprobe.models.pooled.probe import PooledProbe
from attnprobe.runs.run_folder import RunFolder
from attnprobe.settings.verification import Sample
from attnprobe.verification.comparison import FOLLOWED, Comparison
from attnprobe.verification.orders import orders_of
from attnprobe.verification.pooled_reference import PooledReference
from attnprobe.verification.stored_results import StoredDocument, StoredFlip
from attnprobe.verification.sufficient_sets import compare_sufficient_sets
from attnprobe.verification.truth import drawn
from tests.fixtures.ragged_documents import random_documents
from tests.verification.test_pooled_reference import CLASSES, model_of

FOLDER = RunFolder(Path("run"))


def seed_of(document):
    return 100 + document


def stored_and_reference(documents=12, model="flan-none", **shape):
    """What the engine says of documents in one padded batch, their references, and their orders."""
    model, encoded = model_of(model), random_documents(documents, CLASSES, **shape)
    seeds = torch.tensor([seed_of(row) for row in range(documents)])
    result = run_battery(PooledProbe(model).erasures(encoded.batch(np.arange(documents))), seeds)
    for row in range(documents):
        reference = PooledReference(model, encoded.batch(np.array([row])))
        real = result.mask[row]
        stored = StoredDocument(
            row,
            int(result.documents["n"][row]),
            int(result.documents["decision"][row]),
            float(result.documents["p_decision"][row]),
            {
                key: StoredFlip(
                    int(of["removed"][row]),
                    float(of["mass"][row]),
                    bool(of["emptied"][row]),
                    int(of["sufficient"][row]),
                )
                for key, of in result.erasures.items()
            },
            {name: column[row, real].numpy() for name, column in result.items.items()},
            sufficient=tuple(
                int(result.documents[f"sufficient_{name}"][row]) for name in ("smallest", "bound", "necessary")
            ),
        )
        others = stored.orders(["runner_up_margin"])
        yield stored, reference, orders_of(reference, int(seeds[row]), greedy=False, others=others)


@pytest.fixture(scope="module")
def cases():
    return list(stored_and_reference(sentences=3, words=3))


def compared(cases):
    comparison = Comparison(FOLDER)
    for stored, reference, orders in cases:
        if comparison.compare(stored, reference, orders, seed_of(stored.number)):
            compare_sufficient_sets(comparison, stored, reference, orders)
    return comparison


def test_the_engine_and_the_reference_agree(cases):
    comparison = compared(cases)
    assert comparison.differing == []
    assert comparison.made["documents"] == len(cases)
    assert comparison.made["weight"] == sum(stored.n for stored, _, _ in cases)
    assert comparison.first_flips == 11 * len(cases)
    assert comparison.within_rounding < 0.02 * comparison.made["prefixes"]


@pytest.mark.parametrize("off", [-1, 1])
def test_a_first_flip_that_is_off_by_one_is_named_with_both_numbers(cases, off):
    found = 0
    for stored, reference, orders in cases:
        for key, flip in stored.erasures.items():
            removed = flip.removed
            if not 1 <= removed + off <= stored.n or removed < 1:
                continue
            # Without items, so that the rank, which no longer fits, is not named too.
            wrong = flip._replace(removed=removed + off)
            wrong = dataclasses.replace(stored, items=None, erasures=stored.erasures | {key: wrong})
            comparison = compared([(wrong, reference, orders)])
            found += 1
            if comparison.within_rounding:
                continue
            draw = f", draw {key[1]}" if key[1] else ""
            (sentence,) = comparison.differing
            assert sentence == (
                f"run/erasures.parquet, document {stored.number}, ordering {key[0]}{draw}: "
                f"removed is {removed + off}, the reference finds {removed}"
            )
    assert found > 20


def test_a_first_flip_for_never_and_never_for_a_first_flip(cases):
    named = 0
    for stored, reference, orders in cases:
        for key, flip in stored.erasures.items():
            never = StoredFlip(-1, float("nan"), False)
            other = StoredFlip(stored.n, 1.0, True) if flip.removed < 0 else never
            wrong = dataclasses.replace(stored, erasures={key: other})
            comparison = compared([(wrong, reference, orders)])
            named += len(comparison.differing)
            assert comparison.differing or comparison.within_rounding
    assert named > 40


@pytest.mark.parametrize(
    ("column", "by", "message"),
    [
        ("weight", 2e-5, "position 0: weight is"),
        ("gradient", 1e-3, "position 0: gradient is"),
        ("js", 1e-3, "position 0: js is"),
        ("flips", None, "position 0: flips is"),
    ],
)
def test_an_item_whose_number_is_another(cases, column, by, message):
    stored, reference, orders = cases[0]
    values = stored.items[column].copy()
    values[0] = not values[0] if by is None else values[0] + by
    wrong = dataclasses.replace(stored, items=stored.items | {column: values})
    (sentence,) = compared([(wrong, reference, orders)]).differing
    assert sentence.startswith(f"run/items.parquet, document 0, {message}")
    assert "the reference finds" in sentence


@pytest.mark.parametrize(
    ("field", "by", "message"),
    [("n", 1, "n is"), ("decision", 1, "decision is"), ("p_decision", 1e-2, "p_decision is")],
)
def test_a_document_whose_number_is_another(cases, field, by, message):
    stored, reference, orders = cases[1]
    value = getattr(stored, field) + by
    wrong = dataclasses.replace(stored, **{field: value % CLASSES if field == "decision" else value})
    (sentence,) = compared([(wrong, reference, orders)]).differing
    assert sentence.startswith(f"run/documents.parquet, document 1: {message}")


@pytest.mark.parametrize("off", [-1, 1])
@pytest.mark.samples(1)
def test_a_number_of_items_that_guarantee_the_decision_that_is_off_by_one_is_named(cases, off):
    named = 0
    for stored, reference, orders in cases:
        for key, flip in stored.erasures.items():
            if key[0] == SMALLEST_SET or not 0 <= flip.sufficient + off <= stored.n:
                continue
            wrong = flip._replace(sufficient=flip.sufficient + off)
            wrong = dataclasses.replace(stored, items=None, erasures=stored.erasures | {key: wrong})
            differing = compared([(wrong, reference, orders)]).differing
            assert all("sufficient: by the reference keeping" in sentence for sentence in differing)
            assert all(f"ordering {key[0]}" in sentence for sentence in differing)
            named += bool(differing)
    assert named > 10


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ((1, 1, 0), "the smallest set that guarantees the decision has"),
        ((0, 0, 1), "sufficient_necessary is"),
    ],
)
def test_a_smallest_set_that_guarantees_the_decision_of_another_size_is_named(cases, changed, message):
    named = 0
    for stored, reference, orders in cases:
        if stored.sufficient[0] + 1 < stored.n:
            numbers = tuple(number + more for number, more in zip(stored.sufficient, changed, strict=True))
            wrong = dataclasses.replace(stored, sufficient=numbers, items=None)
            differing = compared([(wrong, reference, orders)]).differing
            named += any(message in sentence for sentence in differing)
    assert named > 4


def test_another_set_than_the_smallest_that_guarantees_the_decision_is_named(cases):
    named = 0
    for stored, reference, orders in cases:
        chosen = stored.items["sufficient"]
        if 0 < chosen.sum() < stored.n:
            wrong = dataclasses.replace(stored, items=stored.items | {"sufficient": ~chosen})
            named += bool(compared([(wrong, reference, orders)]).differing)
    assert named > 4


def test_a_mass_that_is_another(cases):
    stored, reference, orders = cases[0]
    key = next(key for key, flip in stored.erasures.items() if flip.removed > 0 and key[0] != SMALLEST_SET)
    flip = stored.erasures[key]
    wrong = dataclasses.replace(stored, erasures={key: flip._replace(mass=flip.mass + 1e-3)})
    assert "mass is" in compared([(wrong, reference, orders)]).differing[0]


def test_an_order_that_was_not_erased_is_named(cases):
    """Of every ordering, two neighbours at the flip change places: those with other keys are found."""
    found = set()
    for stored, reference, orders in cases:
        for name in ("random", "attention", "gradient", "gradient_attention", SMALLEST_SET):
            rank = stored.items[f"rank_{name}"].copy()
            swapped = np.where(rank == 0, 1, np.where(rank == 1, 0, rank)) if name != SMALLEST_SET else -rank
            wrong = dataclasses.replace(stored, items=stored.items | {f"rank_{name}": swapped})
            differing = compared([(wrong, reference, orders)]).differing
            if differing:
                assert f"rank_{name} is not the order" in differing[0]
                found.add(name)
    assert found == {"random", "attention", "gradient", "gradient_attention", SMALLEST_SET}


def test_emptied_for_a_flip_and_a_flip_for_emptied_are_named():
    seen = set()
    for stored, reference, orders in stored_and_reference(sentences=1, words=3):
        for key, flip in stored.erasures.items():
            if flip.removed > 0 and key[1] == 0:
                wrong = dataclasses.replace(stored, erasures={key: flip._replace(emptied=not flip.emptied)})
                assert "but emptied is" in compared([(wrong, reference, orders)]).differing[0]
                seen.add(flip.emptied)
    assert seen == {True, False}


def test_a_flip_within_rounding_is_let_pass_and_counted(cases):
    """The reference's logits of the prefix before the first flip are made all but equal."""
    (stored, reference, orders), key, removed = next(
        (case, key, flip.removed)
        for case in cases
        for key, flip in case[0].erasures.items()
        if flip.removed > 1 and key[0] != SMALLEST_SET
    )
    items = frozenset(orders[key].prefix(removed - 1).items)
    before = reference.logits(items)
    flip = StoredFlip(removed - 1, float(reference.weights[list(items)].sum()), False)
    early = dataclasses.replace(stored, erasures={key: flip}, items=None)
    try:
        assert compared([(early, reference, orders)]).differing
        reference._seen[items] = torch.zeros(CLASSES, dtype=torch.float64)
        comparison = compared([(early, reference, orders)])
        assert comparison.differing == []
        assert comparison.within_rounding >= 1
    finally:
        reference._seen[items] = before


def test_long_orderings_are_followed_for_some_removals_and_then_at_their_end(monkeypatch):
    (case,) = stored_and_reference(1, sentences=90, words=9, planted=False)
    stored, reference, orders = case
    assert stored.n > FOLLOWED + 10
    keys = [key for key, flip in stored.erasures.items() if key[0] != SMALLEST_SET and flip.removed > 12]
    assert keys
    monkeypatch.setattr("attnprobe.verification.comparison.FOLLOWED", 10)
    whole = dataclasses.replace(stored, erasures={key: stored.erasures[key] for key in keys})
    comparison = compared([(whole, reference, orders)])
    assert comparison.differing == []
    assert comparison.cut == len(keys)
    assert comparison.made["prefixes"] == 12 * len(keys)
    flip = stored.erasures[keys[0]]
    removed = flip.removed
    later = dataclasses.replace(stored, erasures={keys[0]: flip._replace(removed=removed + 1)})
    sentence = compared([(later, reference, orders)]).differing[0]
    assert f"removed is {removed + 1}, the reference finds none up to 10" in sentence


def test_the_sample_is_seeded_and_half_of_it_has_items():
    numbers, kept = np.arange(1000) * 2, np.zeros(1000, dtype=bool)
    kept[::100] = True
    one = drawn(numbers, kept, Sample(12, seed=3))
    assert len(set(one.tolist())) == 12
    assert (np.diff(one) > 0).all()
    assert kept[one // 2].sum() >= 6
    np.testing.assert_array_equal(one, drawn(numbers, kept, Sample(12, seed=3)))
    assert not np.array_equal(one, drawn(numbers, kept, Sample(12, seed=4)))
    np.testing.assert_array_equal(drawn(numbers, ~kept, Sample(5000)), numbers)


def test_of_an_older_run_what_it_says_is_compared(cases):
    """Neither orders nor whether anything was left were kept."""
    for stored, reference, orders in cases[:3]:
        items = {name: column for name, column in stored.items.items() if not name.startswith("rank_")}
        erasures = {key: flip._replace(emptied=None) for key, flip in stored.erasures.items()}
        older = dataclasses.replace(stored, items=items, erasures=erasures)
        comparison = compared([(older, reference, orders)])
        assert comparison.differing == []
        assert comparison.made["ranks"] == 0
        assert comparison.made["weight"] == stored.n
