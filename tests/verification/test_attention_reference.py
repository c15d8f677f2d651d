"""The slow reference of transformers, against attention that is computed by hand and against masking."""

import pytest
import torch

pytest.importorskip("transformers")

from attnprobe.attention.calls import intercepting
from attnprobe.attention.head_outputs import head_outputs
from attnprobe.attention.taps import Tap
from attnprobe.engines.attention_erasures import AttentionErasures
from attnprobe.engines.choice import FORWARD
from attnprobe.engines.items import Items
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.models.transformer.network import TransformerClassifier
from attnprobe.models.transformer.probe import TransformerProbe
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.transformer import TransformerOptions
from attnprobe.verification.attention_otherwise import given_by_hand, stand_ins
from attnprobe.verification.attention_reference import AttentionReference
from tests.fixtures.attached_models import LENGTHS, attached, key_mask, logits_by_hand, words
from tests.fixtures.entries import registered, sure_above
from tests.fixtures.taken_mass import SEEDS, documents_drawn, put_by_hand, trained

CASES = [
    ("bert", "classification", "last", "all", "auto"),
    ("bert", "classification", "all", "0,2", "all"),
    ("gpt2", "language-modelling", "0", "1", "-1,2,40"),
    ("t5", "language-modelling", "cross:all", "all", "all"),
    ("t5", "language-modelling", "encoder:last", "all", "first"),
]


def reference_of(case, selected, document, of_token=None, aggregate="mean", meaning=BY_DEFAULT, stand_in=None):
    """Of one document of the batch, its padding cut away."""
    padded, length = case.inputs["input_ids"].shape[1], LENGTHS[document]
    inputs = {
        name: value[document : document + 1, :length] if value.shape[1] == padded else value[document : document + 1]
        for name, value in case.inputs.items()
    }
    of_token = torch.arange(length) if of_token is None else of_token[document, :length]
    return AttentionReference(case.attachment.call, selected, aggregate, inputs, of_token, meaning, stand_in)


@pytest.mark.parametrize(("family", "task", "layers", "heads", "query"), CASES)
def test_logits_are_those_of_attention_computed_by_hand_in_a_padded_batch(family, task, layers, heads, query):
    case = attached(family, task, dtype=torch.float64)
    selected = case.select(layers, heads, query)
    real = key_mask(case, selected)
    erased = (torch.rand(real.shape, generator=torch.Generator().manual_seed(1)) < 0.4) & real
    for tokens in (erased, real, torch.zeros_like(real)):
        expected = logits_by_hand(case, selected, tokens)
        for document in (1, 3):
            found = reference_of(case, selected, document).logits(tokens[document].nonzero()[:, 0].tolist())
            torch.testing.assert_close(found, expected[document], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("family", "task", "layers", "heads", "query"), CASES)
def test_copies_side_by_side_are_runs_one_by_one(family, task, layers, heads, query):
    case = attached(family, task, dtype=torch.float64)
    reference = reference_of(case, case.select(layers, heads, query), 1)
    sets = [frozenset(range(k)) for k in range(reference.items + 1)]
    reference.run_each(sets)
    for erased in sets:
        torch.testing.assert_close(reference.logits(erased), reference._run(erased), rtol=1e-9, atol=1e-12)
    assert len({float(reference.logits(erased)[0]) for erased in sets}) > 2


@pytest.mark.parametrize("aggregate", ["mean", "max"])
@pytest.mark.parametrize(("family", "task", "layers", "heads", "query"), CASES[:3])
def test_weights_gradients_and_products_of_words_are_those_of_the_engine(family, task, layers, heads, query, aggregate):
    case = attached(family, task, dtype=torch.float64)
    selected = case.select(layers, heads, query)
    of_words = words(case.inputs["attention_mask"].bool())
    engine = AttentionErasures(case.engine(FORWARD, selected), of_words, aggregate)
    for document in (1, 2):
        found = reference_of(case, selected, document, of_words.of_token, aggregate)
        for name in ("weights", "gradients", "products"):
            expected = getattr(engine.attention, name)[document, : found.items]
            torch.testing.assert_close(getattr(found, name), expected, rtol=1e-9, atol=1e-12)


def test_in_a_single_layer_erasing_a_word_is_masking_it():
    torch.manual_seed(0)
    model = TransformerClassifier(30, 3, TransformerOptions(d_e=16, num_heads=2, dropout=0.0)).double().eval()
    probe = TransformerProbe(model, AttentionSettings(unit="word")).attention
    ids = torch.tensor([[model.first_token, 3, 14, 15, 9, 2]])
    mask = torch.ones_like(ids, dtype=torch.bool)
    inputs = {"input_ids": ids, "attention_mask": mask}
    reference = AttentionReference(probe.attachment.call, probe.selected, "mean", inputs, torch.arange(6))
    for erased in ([1], [2, 5], [1, 2, 3, 4, 5]):
        masked = mask.clone()
        masked[0, erased] = False
        expected = model.encoder(ids, masked)[0]
        torch.testing.assert_close(reference.logits(erased), expected, rtol=1e-9, atol=1e-9)


def test_greedy_choices_are_those_of_the_definition():
    """Of all items not erased yet the one with the steepest fall, by a difference quotient in its weights."""
    case = attached("bert", "classification", dtype=torch.float64)
    selected = case.select()
    reference = reference_of(case, selected, 0)
    erased = []
    for _ in range(3):
        item, certain = reference.next_greedily(erased)
        assert certain
        falls = [_fall(case, selected, erased, other) for other in range(LENGTHS[0]) if other not in erased]
        items = [other for other in range(LENGTHS[0]) if other not in erased]
        assert item == items[max(range(len(items)), key=falls.__getitem__)]
        erased.append(item)


def _fall(case, selected, erased, item, step=1e-5):
    """How much the decision's probability falls when an item's weights shrink a little, their rows' sums kept."""

    class Shrink(Tap):
        def __init__(self, by):
            self.by = by

        def edit(self, weights, scores):
            factor = torch.ones(weights.shape[-1], dtype=weights.dtype)
            factor[erased] = 0
            factor[item] *= 1 - self.by
            row = weights[:, :, :1] * factor
            row = row * (weights[:, :, :1].sum(-1, keepdim=True) / row.sum(-1, keepdim=True))
            return torch.cat([row, weights[:, :, 1:]], dim=2)

    inputs = {name: value[:1] for name, value in case.inputs.items()}
    site = selected[0].site
    decided = case.attachment.call(inputs)[0].argmax()
    p = []
    for by in (0.0, step):
        with torch.no_grad(), intercepting(case.model, dict([site.tapped(Shrink(by), by_mask=False)])):
            p.append(torch.softmax(case.attachment.call(inputs)[0], -1)[decided])
    return float(p[0] - p[1])


def test_the_nearer_a_probability_is_to_one_the_less_exact_are_its_gradients():
    case = attached("bert", "classification", dtype=torch.float64)
    reference = reference_of(case, case.select(), 0)
    before = reference.gradient_rounding
    reference.logits()[reference.decision] += 20
    assert reference.gradient_rounding > 100 * before


@pytest.mark.parametrize(("family", "task", "layers", "heads", "query"), CASES)
def test_another_way_and_decision_are_followed(family, task, layers, heads, query, monkeypatch):
    monkeypatch.setattr("tests.reference.transformers.erase_rows", lambda w, erased: w.masked_fill(erased, 0.0))
    case = attached(family, task, dtype=torch.float64)
    selected = case.select(layers, heads, query)
    real = key_mask(case, selected)
    erased = (torch.rand(real.shape, generator=torch.Generator().manual_seed(1)) < 0.4) & real
    with registered(sure=sure_above(0.45)):
        meaning = Meaning("zero", "sure")
        engine = AttentionErasures(case.engine(FORWARD, selected, meaning=meaning), Items.single_tokens(real), "mean")
        unerased = logits_by_hand(case, selected, torch.zeros_like(real))
        for document in (1, 3):
            found = reference_of(case, selected, document, meaning=meaning)
            assert found.decision == int(unerased[document].softmax(-1).max() > 0.45)
            torch.testing.assert_close(found.gradients, engine.attention.gradients[document, : found.items])
            for tokens in (erased, real):
                expected = logits_by_hand(case, selected, tokens)[document]
                items = tokens[document].nonzero()[:, 0].tolist()
                torch.testing.assert_close(found.logits(items), expected, rtol=1e-9, atol=1e-9)
                flips = int(expected.softmax(-1).max() > 0.45) != found.decision
                assert found.flips(items) in (flips, None)


@pytest.mark.parametrize("way", ["zero", "document_mean", "corpus_mean", "resample"])
@pytest.mark.parametrize(("family", "task", "layers", "heads", "query"), CASES)
@pytest.mark.samples(6)
def test_what_takes_the_mass_that_rows_lose_does_so_by_hand(family, task, layers, heads, query, way):
    case = attached(family, task, dtype=torch.float64)
    selected = case.select(layers, heads, query)
    real, training = key_mask(case, selected), trained(case, selected)
    erased = (torch.rand(real.shape, generator=torch.Generator().manual_seed(1)) < 0.4) & real
    for tokens in (erased, real):
        for draw, drawn in list(enumerate(documents_drawn(way)))[-2:]:
            expected = put_by_hand(case, selected, tokens, way, training, drawn)
            for document in (1, 3):
                made = list(stand_ins(Meaning(way), int(SEEDS[document]), training))
                reference = reference_of(case, selected, document, meaning=Meaning(way), stand_in=made[draw])
                found = reference.logits(tokens[document].nonzero()[:, 0].tolist())
                torch.testing.assert_close(found, expected[document], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("family", "task", "layers", "heads", "query"), CASES)
def test_what_heads_give_of_a_document_by_hand_is_what_the_run_keeps(family, task, layers, heads, query):
    case = attached(family, task, dtype=torch.float64)
    selected = case.select(layers, heads, query)
    kept = head_outputs(case.attachment.call, selected, case.inputs)
    for document in (1, 3):
        inputs = reference_of(case, selected, document)._inputs
        for found, expected in zip(given_by_hand(case.attachment.call, selected, inputs), kept, strict=True):
            torch.testing.assert_close(found, expected[document], rtol=1e-9, atol=1e-9)
