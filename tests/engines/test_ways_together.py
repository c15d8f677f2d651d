"""Several ways of erasing that are run side by side give what each of them gives by itself, and no set is run twice."""

import pytest
import torch

from attnprobe.engines.attention_erasures import AttentionErasures, TogetherOtherwise
from attnprobe.engines.choice import FORWARD, INNER_REPLAY, REPLAY, SINGLE_ROW
from attnprobe.engines.known_flips import KnownFlips
from attnprobe.engines.rows_together import RowsTogether
from attnprobe.engines.single_row import SingleRow
from attnprobe.engines.ways_together import WaysTogether
from attnprobe.erasure.erasable import StandIn
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.other_ways import OneByOne
from tests.fixtures.attached_models import attached, forgotten, key_mask, orderings, token_sets, words
from tests.fixtures.taken_mass import SEEDS, trained

WAYS = ["zero", "document_mean", "corpus_mean", "resample", "renormalise"]

CASES = [
    ("bert", REPLAY, ("all", "all", "all")),
    ("t5", FORWARD, ("cross:all", "all", "all")),
    ("bert", INNER_REPLAY, ("all", "all", "all")),
    ("llama", INNER_REPLAY, ("0,2", "1,2", "auto")),
    ("bert", SINGLE_ROW, ("last", "all", "auto")),
    ("llama", SINGLE_ROW, ("last", "0,2", "auto")),
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}, {case[1]}")
def case(request):
    """(engine, engines by what stands in, items) in float64, so that no decision hangs on rounding."""
    family, kind, chosen = request.param
    case = attached(family, "classification", "sdpa", "right", torch.float64)
    selected = case.select(*chosen)
    engine = case.engine(kind, selected)
    training = trained(case, selected)
    engines = {
        StandIn(way, draw): each
        for way in WAYS
        for draw, each in enumerate(engine.under(Meaning(way), SEEDS, training))
    }
    return engine, engines, words(key_mask(case, selected))


def test_ways_side_by_side_are_each_one_by_itself(case):
    engine, engines, items = case
    order = orderings(items, draws=3)
    batch = AttentionErasures(engine, items, "mean", otherwise=lambda: engines)
    (together,) = batch.otherwise()
    assert not isinstance(together, OneByOne)
    assert together.stand_ins == list(engines)
    apart = OneByOne({each: AttentionErasures(of, forgotten(items), "mean") for each, of in engines.items()})
    one, other = together.single_effects(), apart.single_effects()
    assert torch.equal(one.flips, other.flips)
    torch.testing.assert_close(tuple(one), tuple(other), rtol=0, atol=1e-12)
    pairs = [(row, number) for number in range(len(engines)) for row in ((0, 1, 2) if number < 3 else (number % 3,))]
    one, other = (each.first_flips(order, pairs) for each in (together, apart))
    assert one.keys() == other.keys()
    for name, column in one.items():
        assert torch.equal(column.nan_to_num(7), other[name].nan_to_num(7)), name
    assert len(one["removed"].unique()) > 3


def test_any_sets_side_by_side_are_each_one_by_itself(case):
    engine, engines, items = case
    batch = AttentionErasures(engine, items, "mean", otherwise=lambda: engines)
    (together,) = batch.otherwise()
    assert isinstance(together, TogetherOtherwise)
    documents = torch.randperm(len(items.mask) * len(engines), generator=torch.Generator().manual_seed(0))
    rows = documents % len(items.mask)
    erased = token_sets(items.of_token >= 0)[0][rows]
    found = torch.cat([logits for _, logits in together.sets.evaluate(documents, erased)])
    for number, one in enumerate(engines.values()):
        here = documents // len(items.mask) == number
        ((_, expected),) = one.evaluate(rows[here], erased[here])
        torch.testing.assert_close(found[here], expected, rtol=0, atol=1e-12)


def test_labels_flip_where_they_do_by_themselves(case):
    engine, _, items = case
    labelled = Meaning("zero", "multi_label")
    (one, other), order = (engine.under(labelled, SEEDS)[0] for _ in range(2)), orderings(items)
    together = (RowsTogether if isinstance(engine, SingleRow) else WaysTogether)([one, other])
    documents = together.documents_of(torch.tensor([1, 0]))
    found = together.first_flips_of_labels_of(order, documents, together.items_of(items))
    assert torch.equal(found, one.first_flips_of_labels(order, items))
    assert bool((found > 0).any())


@pytest.mark.parametrize("kind", [REPLAY, SINGLE_ROW])
def test_no_set_is_run_twice(kind):
    case = attached("bert", "classification", "sdpa", "right", torch.float64)
    selected = case.select("last", "all", "auto")
    engine = case.engine(kind, selected)
    items = words(key_mask(case, selected))
    order = orderings(items, draws=1)
    expected = engine.first_flips(order.repeat(3, 1, 1), items)
    assert torch.equal(expected[0], expected[2])
    engine.rows_run = 0.0
    assert torch.equal(engine.first_flips(order, items), expected[:1])
    assert engine.rows_run == 0
    new = orderings(items, draws=1, seed=1)
    after = engine.first_flips(new, items)
    rows, engine.rows_run = engine.rows_run, 0.0
    assert torch.equal(engine.first_flips(new, items), after)
    assert engine.rows_run == rows, "what is asked for later hangs on nothing but what was asked for first"
    assert torch.equal(engine.first_flips(new, forgotten(items)), after)


def test_documents_too_long_to_number_their_sets_are_run_as_they_come():
    items = words(torch.ones(2, 300, dtype=torch.bool))
    known = KnownFlips(items)
    order = orderings(items, draws=1)[0]
    numbers = known.of_prefixes(order, torch.arange(2))
    assert len(numbers.unique()) == numbers.numel()
    known.keep(numbers[0], torch.ones(numbers.shape[1], 1, dtype=torch.bool))
    assert not known.look_up(numbers)[0].any()
