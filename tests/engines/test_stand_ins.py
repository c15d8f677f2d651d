"""What takes the mass that rows lose: every engine gives the logits of a forward written out by hand, in every way."""

import pytest
import torch

import attnprobe
from attnprobe.attention import head_outputs as seeing
from attnprobe.attention.head_outputs import head_outputs, require_standing_in
from attnprobe.attention.refusals import RefusedError
from attnprobe.base.errors import InputError
from attnprobe.engines.attention_erasures import AttentionErasures
from attnprobe.engines.choice import FORWARD, INNER_REPLAY, REPLAY, SINGLE_ROW, fastest_engine
from attnprobe.engines.greedy import greedy_order
from attnprobe.engines.items import Items
from attnprobe.engines.taken_mass import training_vectors
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.stand_ins import TrainingVectors
from tests.fixtures.attached_models import (
    MODELS,
    attached,
    decision_logits,
    engines_of,
    inputs_of,
    key_mask,
    orderings,
    rows_named,
    sets_to_tokens,
    token_sets,
    words,
)
from tests.fixtures.entries import registered, sure_above
from tests.fixtures.taken_mass import SEEDS, documents_drawn, put_by_hand, trained
from tests.reference.transformers import reference_logits_replaced, reference_outputs

RIGHT = [(family, task, "eager" if family == "deberta-v2" else "sdpa", "right") for family, task in MODELS]
LEFT = [(family, task, "eager", "left") for family, task in MODELS if family != "deberta-v2"]
SELECTIONS = [("last", "all", "auto"), ("last", "1", "all"), ("0", "0,2", "all"), ("all", "all", "all")]
WAYS = ["zero", "document_mean", "corpus_mean", "resample"]


def often(number, selection, way):
    """Whether a case is one of every run of the suite: every model has two ways, every selection every way."""
    return (SELECTIONS.index(selection) + WAYS.index(way) - number) % 8 in (0, 5)


CASES = [
    pytest.param(*case, selection, way, marks=[] if often(number, selection, way) else [pytest.mark.slow])
    for number, case in enumerate(RIGHT + LEFT)
    for selection in SELECTIONS
    for way in WAYS
]


def in_each_draw(case, kind, selected, way, training):
    """An engine of each draw, and by document which training documents stand in."""
    engines = case.engine(kind, selected).under(Meaning(way), SEEDS, training)
    return list(zip(engines, documents_drawn(way), strict=True))


def assert_same(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert torch.equal(found.argmax(-1), expected.argmax(-1))


@pytest.mark.parametrize(("family", "task", "implementation", "side", "selection", "way"), CASES)
@pytest.mark.samples(18)
def test_token_sets_give_the_logits_of_a_forward_by_hand(family, task, implementation, side, selection, way):
    case = attached(family, task, implementation, side)
    layers, heads, query = selection
    for stack in case.attachment.sites.stacks():
        selected = case.select(f"{stack}:{layers}", heads, query)
        training = trained(case, selected)
        _, many, everything = token_sets(key_mask(case, selected))
        engines = [in_each_draw(case, kind, selected, way, training)[-1] for kind in engines_of(case, selected)]
        for tokens in (many, everything):
            expected = put_by_hand(case, selected, tokens, way, training, engines[0][1])
            for engine, _ in engines:
                ((_, found),) = engine.evaluate(torch.arange(5), tokens)
                assert_same(found, expected)


@pytest.fixture(params=[("bert", "classification"), ("llama", "classification"), ("t5", "classification")])
def exact(request):
    """(case, what is selected) in float64, so that no decision hangs on rounding."""
    family, task = request.param
    case = attached(family, task, "sdpa", "right", torch.float64)
    return case, case.select(*(("cross:last", "all", "all") if family == "t5" else ("last", "all", "auto")))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.samples(4)
def test_flips_are_those_of_a_loop_over_prefixes_and_items(exact, way):
    case, selected = exact
    training, items = trained(case, selected), words(key_mask(case, selected))
    order = orderings(items, draws=1)
    sizes = items.sizes.tolist()
    for kind in engines_of(case, selected):
        for engine, drawn in in_each_draw(case, kind, selected, way, training)[:2]:

            def after(sets, drawn=drawn):
                tokens = sets_to_tokens(items, sets)
                return put_by_hand(case, selected, tokens, way, training, drawn).argmax(-1)

            decision = after([[]] * 5)
            assert torch.equal(engine.decision(), decision)
            flipped = [
                after([one[: min(k, size)] for one, size in zip(order[0].tolist(), sizes, strict=True)]) != decision
                for k in range(1, max(sizes) + 1)
            ]
            expected = [
                next((k + 1 for k in range(size) if flipped[k][document]), -1) for document, size in enumerate(sizes)
            ]
            assert engine.first_flips(order, items)[0].tolist() == expected
            alone = torch.stack([after([[k] if k < size else [] for size in sizes]) for k in range(max(sizes))], 1)
            assert torch.equal(engine.single_effects(items).flips, (alone != decision[:, None]) & items.mask)


def test_the_ways_above_flip_other_decisions():
    """Else the test above compares nothing."""
    found = {}
    for family, layers in (("bert", "last"), ("llama", "all"), ("gpt2", "all")):
        case = attached(family, "classification", "sdpa", "right", torch.float64)
        selected = case.select(layers)
        items = words(key_mask(case, selected))
        for way in ("renormalise", *WAYS):
            engine = case.engine(FORWARD, selected).under(Meaning(way), SEEDS, trained(case, selected))[0]
            found.setdefault(way, []).append(engine.first_flips(orderings(items), items).flatten())
    flips = {way: torch.cat(each) for way, each in found.items()}
    assert all(bool((each > 0).any()) for each in flips.values())
    assert len({tuple(each.tolist()) for each in flips.values()}) == len(flips)


def test_with_everything_erased_the_mean_of_training_documents_is_what_every_head_gives(exact):
    """Wherever it stood before: what is put in by hand has the whole weight of the row, and nothing else any."""
    case, selected = exact
    key = (selected[0].site.stack, selected[0].site.layer)
    rows = rows_named(selected[0].query, case.real(key[0], "queries"))
    given = reference_outputs(case.model, case.inputs)[key]
    (mean,) = [training.mean for training in trained(case, selected)]
    for kind in engines_of(case, selected):
        engine = case.engine(kind, selected).under(Meaning("corpus_mean"), SEEDS, trained(case, selected))[0]
        (_, found), *_ = engine.evaluate(torch.arange(5), key_mask(case, selected))
        change = {key: torch.ones_like(given[..., :1]).expand(*given.shape[:3], int(key_mask(case, selected).shape[1]))}
        change = {key: (change[key] > 0) & rows[:, None, :, None]}
        expected = reference_logits_replaced(
            case.model, case.inputs, change, lambda _key, _values: mean[None, :, None].expand(given.shape)
        )
        torch.testing.assert_close(found, decision_logits(expected, case.inputs), rtol=0, atol=1e-10)


@pytest.mark.parametrize("way", WAYS)
def test_with_nothing_erased_nothing_changes(exact, way):
    case, selected = exact
    nothing = torch.zeros_like(key_mask(case, selected))
    for kind in engines_of(case, selected):
        whole = case.engine(kind, selected)
        for engine in whole.under(Meaning(way), SEEDS, trained(case, selected)):
            ((_, found),) = engine.evaluate(torch.arange(5), nothing)
            torch.testing.assert_close(found, whole.logits, rtol=0, atol=1e-12)


def test_what_heads_give_of_a_document_is_the_mean_over_its_rows_as_computed_by_hand(exact):
    case, selected = exact
    key = (selected[0].site.stack, selected[0].site.layer)
    given = reference_outputs(case.model, case.inputs)[key]
    rows = rows_named(selected[0].query, case.real(key[0], "queries"))
    if selected[0].query == "all":  # of real tokens alone
        rows &= case.real(key[0], "queries")
    (found,) = head_outputs(case.attachment.call, selected, case.inputs)
    for document, which in enumerate(rows):
        torch.testing.assert_close(found[document], given[document][:, which].mean(1), rtol=0, atol=1e-10)


def test_a_row_that_a_document_does_not_have_gives_nothing():
    case = attached("bert", "classification")
    selected = case.select("last", "all", "9")
    (found,) = head_outputs(case.attachment.call, selected, case.inputs)
    assert found.isnan().flatten(1).all(-1).tolist() == [False, True, False, True, False]
    assert len(training_vectors(found).sample) == 3
    torch.testing.assert_close(training_vectors(found).mean, found[[0, 2, 4]].mean(0))
    assert not training_vectors(found[[1, 3]]).mean.any()


@pytest.mark.parametrize("way", ["document_mean", "resample"])
@pytest.mark.parametrize(("family", "task"), [("bert", "classification"), ("gpt2", "language-modelling")])
def test_from_inside_a_layer_on_single_heads_are_as_in_whole_runs(family, task, way):
    case = attached(family, task)
    selected = case.select("1", "all", "all")
    training, meaning = trained(case, selected), Meaning(way)
    assert fastest_engine(case.attachment, selected, case.inputs, meaning, inside=True) == INNER_REPLAY
    mask, generator = key_mask(case, selected), torch.Generator().manual_seed(2)
    documents = torch.randint(5, (30,), generator=generator)
    erased = (torch.rand(30, mask.shape[1], generator=generator) < 0.6) & mask[documents]
    heads = torch.rand(30, 4, generator=generator) < 0.4
    inside, whole = (
        torch.cat([logits for _, logits in engine.evaluate(documents, erased, heads)])
        for engine in (
            case.engine(kind, selected).under(meaning, SEEDS, training)[-1] for kind in (INNER_REPLAY, FORWARD)
        )
    )
    torch.testing.assert_close(inside, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("way", ["renormalise", *WAYS])
@pytest.mark.parametrize(
    ("family", "task", "chosen"),
    [
        ("bert", "classification", ("all", "all", "all")),
        ("torch", "mean-classification", ("0,2", "all", "auto")),
        ("gpt2", "language-modelling", ("1,2", "0,3", "last")),
    ],
    ids=str,
)
def test_from_inside_the_lowest_of_several_layers_is_as_in_whole_runs(family, task, chosen, way):
    case = attached(family, task, dtype=torch.float64)
    selected = case.select(*chosen)
    training, meaning = trained(case, selected), Meaning(way)
    assert fastest_engine(case.attachment, selected, case.inputs, meaning, inside=True) == INNER_REPLAY
    mask, generator = key_mask(case, selected), torch.Generator().manual_seed(3)
    documents = torch.randint(5, (20,), generator=generator)
    erased = (torch.rand(20, mask.shape[1], generator=generator) < 0.6) & mask[documents]
    inside, whole = (
        torch.cat([logits for _, logits in engine.evaluate(documents, erased)])
        for engine in (
            case.engine(kind, selected).under(meaning, SEEDS, training)[-1] for kind in (INNER_REPLAY, FORWARD)
        )
    )
    torch.testing.assert_close(inside, whole, rtol=0, atol=1e-12)


def test_where_the_row_that_is_read_has_more_behind_it_than_one_attention_layers_are_run_as_a_whole():
    """The last block of a decoder that reads an encoder attends twice: its row alone is not all that it takes."""
    case = attached("t5", "classification", dtype=torch.float64)
    selected = case.select("encoder:all")
    assert fastest_engine(case.attachment, selected, case.inputs, Meaning("zero"), inside=True) == REPLAY


@pytest.mark.samples(1)
def test_greedy_erasure_ends_where_the_decision_flips(exact):
    case, selected = exact
    with registered(sure=sure_above(0.45)):
        items = Items.single_tokens(key_mask(case, selected))
        for way in ("document_mean", "resample"):
            for kind in engines_of(case, selected):
                engine = case.engine(kind, selected, meaning=Meaning("renormalise", "sure"))
                engine = engine.under(Meaning(way, "sure"), SEEDS, trained(case, selected))[0]
                order = greedy_order(engine, items)
                named = (order >= 0).sum(-1)
                rest = torch.arange(order.shape[1]).expand_as(order)
                whole = [torch.cat([o[o >= 0], r[~torch.isin(r, o)]]) for o, r in zip(order, rest, strict=True)]
                removed = engine.first_flips(torch.stack(whole)[None], items)[0]
                assert torch.equal(torch.where(removed < 0, items.sizes, removed), named)


def test_one_row_is_still_run_alone_and_what_was_run_once_is_not_run_again():
    case = attached("bert", "classification")
    selected = case.select()
    further, training = [Meaning(way) for way in WAYS], trained(case, selected)
    assert all(fastest_engine(case.attachment, selected, case.inputs, each) == SINGLE_ROW for each in further)
    engine = case.engine(SINGLE_ROW, selected)
    calls = []
    with case.model.register_forward_hook(lambda *_: calls.append(1)):
        others = [each for meaning in further for each in engine.under(meaning, SEEDS, training)]
    assert len(others) == 1 + 1 + 1 + 5
    assert not calls
    assert all(torch.equal(each.logits, engine.logits) for each in others)
    attention = [AttentionErasures(each, Items.single_tokens(key_mask(case, selected)), "mean") for each in others]
    assert all(torch.equal(each.attention.gradients, attention[0].attention.gradients) for each in attention)


@pytest.mark.parametrize(("family", "task", "implementation", "side"), RIGHT[::2] + LEFT[1::2])
def test_models_in_which_something_can_stand_in_are_seen_to_be_such(family, task, implementation, side):
    case = attached(family, task, implementation, side)
    attachment = case.attachment
    sites = [site for site, rows in zip(attachment.sites.attention, attachment.reads, strict=True) if rows != "none"]
    require_standing_in(attachment.call, sites, case.inputs)


@pytest.mark.parametrize("wrong", ["heads exchanged", "half of it", "of another document"])
def test_what_does_not_do_what_a_value_does_is_refused(monkeypatch, wrong):
    case = attached("bert", "classification")
    change = {
        "heads exchanged": lambda put_in: put_in.roll(1, 1),
        "half of it": lambda put_in: put_in / 2,
        "of another document": lambda put_in: put_in.roll(1, 0),
    }[wrong]
    own = seeing._PutIn.added
    monkeypatch.setattr(seeing._PutIn, "added", lambda self, values: change(own(self, values)))
    with pytest.raises(
        RefusedError, match="does not reach the output as values do, so that nothing can stand in there"
    ):
        require_standing_in(case.attachment.call, case.attachment.sites.attention[:1], case.inputs)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.samples(2)
def test_an_attached_model_erases_and_flips_so_too(way):
    case = attached("bert", "classification")
    reference = [inputs_of("bert", "classification", lengths=[6, 8, 5]), inputs_of("bert", "classification", "left")]
    reference[1] = {name: each.flip(0)[:4] for name, each in reference[1].items()}
    model = attnprobe.AttachedModel(case.model, case.inputs, reference)
    selected = case.select("last", "0,2", "first")
    given = [reference_outputs(case.model, batch)["self", 2] for batch in reference]
    first = [batch["attention_mask"].int().argmax(-1) for batch in reference]
    rows = [of[torch.arange(len(of)), :, place] for of, place in zip(given, first, strict=True)]
    training = [TrainingVectors(torch.cat(rows).mean(0), torch.cat(rows))]
    _, tokens, _ = token_sets(key_mask(case, selected))
    seeds = torch.arange(5)
    order = orderings(Items.single_tokens(key_mask(case, selected)), draws=1)
    flips = model.first_flip(case.inputs, order, layers="last", heads="0,2", query="first", erase_by=way)
    for draw, drawn in enumerate(documents_drawn(way, seeds, len(training[0].sample))):
        with torch.no_grad(), model.erasing(tokens, layers="last", heads="0,2", query="first", erase_by=way, draw=draw):
            found = case.model(**case.inputs).logits
        assert_same(found, put_by_hand(case, selected, tokens, way, training, drawn))
        counts = (flips.count[draw] if way == "resample" else flips.count)[0]
        for document, count in enumerate(counts.tolist()):
            sets = [order[0, document, :k] for k in range(1, int(case.inputs["attention_mask"][document].sum()) + 1)]
            few = torch.stack([torch.isin(torch.arange(tokens.shape[1]), one) for one in sets])
            decided = []
            for one in few:
                erased = torch.zeros_like(tokens)
                erased[document] = one
                decided.append(int(put_by_hand(case, selected, erased, way, training, drawn)[document].argmax()))
            decision = int(case.model(**case.inputs).logits[document].argmax())
            assert count == next((k + 1 for k, each in enumerate(decided) if each != decision), -1)


def test_what_needs_documents_and_has_none_says_what_to_give():
    case = attached("bert", "classification")
    model = attnprobe.AttachedModel(case.model, case.inputs)
    erased = torch.zeros(5, 11, dtype=torch.bool)
    sentence = "puts what attention gives of training documents in the place of what is erased: give AttachedModel"
    with pytest.raises(InputError, match=sentence), model.erasing(erased, erase_by="corpus_mean"):
        pass
    with pytest.raises(InputError, match="draw is 1, but document_mean has 1, from 0 on"):
        model.erasing(erased, erase_by="document_mean", draw=1).__enter__()
    with pytest.raises(InputError, match="There is no way of erasing 'nothing'"):
        model.erasing(erased, erase_by="nothing").__enter__()


class BySum(torch.nn.Module):
    """A classifier whose attention is multiplied with the values entry by entry, in no product that can be seen."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.project, self.head = torch.nn.Linear(8, 24), torch.nn.Linear(8, 3)

    def forward(self, src: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        queries, keys, values = self.project(src).chunk(3, -1)
        scores = (queries @ keys.mT).masked_fill(~mask[:, None], -torch.inf)
        weights = scores.softmax(-1)
        return self.head((weights[..., None] * values[:, None]).sum(2)[:, 0])


def test_where_what_heads_give_cannot_be_seen_nothing_stands_in_and_weights_are_still_edited():
    generator = torch.Generator().manual_seed(1)
    inputs = {"src": torch.randn(4, 7, 8, generator=generator), "mask": torch.ones(4, 7, dtype=torch.bool)}
    net = BySum()
    model = attnprobe.AttachedModel(net, inputs)
    erased = torch.zeros(4, 7, dtype=torch.bool)
    erased[:, 2] = True
    with pytest.raises(RefusedError, match=r"heads of BySum at .* give cannot be seen, so that nothing can stand in"):
        model.erasing(erased, erase_by="corpus_mean").__enter__()
    queries, keys, values = net.project(inputs["src"]).chunk(3, -1)
    weights = (queries @ keys.mT).softmax(-1)
    left = weights.masked_fill(erased[:, None], 0.0)
    lost = weights[:, :, 2:3]
    for way, edited in (("zero", left), ("document_mean", left + lost / 7)):
        with torch.no_grad(), model.erasing(erased, layers="all", erase_by=way):
            torch.testing.assert_close(net(**inputs), net.head((edited @ values)[:, 0]))
