"""The encoder that is trained here is probed like any other model: what it says is what erasing by hand gives."""

import dataclasses

import numpy as np
import pytest
import torch

from attnprobe.base.errors import InputError
from attnprobe.engines.choice import REPLAY, SINGLE_ROW
from attnprobe.engines.head_map import Drawn
from attnprobe.engines.taken_mass import training_vectors
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.registered_ways import OWN as OWN_WAYS
from attnprobe.models.transformer.network import TransformerClassifier
from attnprobe.models.transformer.probe import TransformerProbe
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.transformer import TransformerOptions
from attnprobe.stages.tables import probe_split
from attnprobe.verification.reference_registry import references_otherwise
from tests.fixtures.ragged_documents import random_documents

OPTIONS = TransformerOptions(d_e=16, num_heads=4, d_k=3, d_ff=8, longest=64)
COMBINATIONS = ("concatenate", "add", "add_own")


def make(options, seed=0):
    torch.manual_seed(seed)
    model = TransformerClassifier(30, 3, options).eval()
    with torch.no_grad():  # as if trained: what is attended to decides
        model.encoder.words.weight[model.first_token] = 0.0
        for layer in model.encoder.layers:
            layer.attention.value.weight *= 10
            layer.attention.key.weight *= 10
        model.encoder.head.weight *= 20
    return model


def logits_by_hand(model, batch, erased):
    """The last layer's weights zeroed where ``erased`` (documents, items) and renormalised, the rest as it is."""
    encoder, inputs = model.encoder, model.inputs(batch)
    hidden, mask = encoder.embedded(inputs["input_ids"]), inputs["attention_mask"]
    for layer in encoder.layers[:-1]:
        hidden = layer(hidden, mask)
    layer = encoder.layers[-1]
    weights = torch.softmax(layer.attention.scores(hidden, mask), -1).masked_fill(erased[:, None, None], 0.0)
    weights = weights / weights.sum(-1, keepdim=True).clamp(min=1e-30)
    attended = layer.attention.combined(weights @ layer.attention.values(hidden))
    hidden = layer.attention_norm(hidden + attended)
    return encoder.head(layer.feed_forward_norm(hidden + layer.feed_forward(hidden))[:, 0])


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("combine", COMBINATIONS)
def test_erasures_give_what_erasing_by_hand_gives(combine, layers):
    model = make(dataclasses.replace(OPTIONS, combine=combine, num_layers=layers))
    probe = TransformerProbe(model, AttentionSettings(unit="word"))
    assert probe.attention.engine == SINGLE_ROW
    assert probe.attention.attachment.reads[-1] == "first"
    batch = random_documents(8).batch(np.arange(8))
    erasures = probe.erasures(batch)
    mask = model.inputs(batch)["attention_mask"]
    assert torch.equal(erasures.items.mask, mask)
    with torch.no_grad():
        plain = logits_by_hand(model, batch, torch.zeros_like(mask))
        torch.testing.assert_close(erasures.log_probabilities(), plain.double().log_softmax(-1), atol=1e-5, rtol=1e-4)
        order = torch.stack([torch.randperm(mask.shape[1]) for _ in range(8)])
        order = order.gather(1, (~mask.gather(1, order)).int().argsort(dim=-1, stable=True))  # padding last
        removed = erasures.first_flips(order[None])["removed"][0]
        expected = torch.full((8,), -1)
        for k in range(int(mask.sum(-1).max()), 0, -1):
            erased = torch.zeros_like(mask).scatter_(1, order[:, :k], True) & mask
            flips = logits_by_hand(model, batch, erased).argmax(-1) != plain.argmax(-1)
            expected = torch.where(flips & (k <= mask.sum(-1)), k, expected)
    assert removed.tolist() == expected.tolist()
    assert (removed > 0).any()


def test_a_layer_below_is_replayed():
    model = make(dataclasses.replace(OPTIONS, num_layers=2))
    probe = TransformerProbe(model, AttentionSettings(unit="word", layers="0", heads="1", query="all"))
    assert probe.attention.engine == REPLAY
    batch = random_documents(4).batch(np.arange(4))
    assert (probe.erasures(batch).single_effects().js >= 0).all()


def test_items_are_the_first_token_and_the_words():
    documents = random_documents(12)
    probe = TransformerProbe(make(OPTIONS), AttentionSettings(unit="word"))
    tables = probe_split(probe, documents, 0, torch.device("cpu"))
    items = tables.items.to_pandas()
    for row in range(12):
        expected = ["[CLS]", *documents.documents.words_of(row)]
        assert items.loc[items["document"] == row, "token"].tolist() == expected
    assert tables.documents.column("n").to_pylist() == [len(documents.documents.words_of(row)) + 1 for row in range(12)]
    chosen = np.arange(12) % 5 == 1
    texts = probe.item_texts(documents, chosen).token.to_pylist()
    assert texts == items.loc[items["document"].isin(np.flatnonzero(chosen)), "token"].tolist()


def test_results_do_not_depend_on_who_shares_a_batch(monkeypatch):
    documents, probe = random_documents(12), TransformerProbe(make(OPTIONS), AttentionSettings(unit="word"))
    one = probe_split(probe, documents, 0, torch.device("cpu")).documents.to_pandas()
    monkeypatch.setattr(TransformerProbe, "batch_documents", 3)
    other = probe_split(probe, documents, 0, torch.device("cpu")).documents.to_pandas()
    assert one["decision"].tolist() == other["decision"].tolist()
    for column in one.select_dtypes("float"):
        np.testing.assert_allclose(one[column], other[column], atol=1e-4, rtol=1e-3)


def test_the_map_of_heads_has_a_row_for_each():
    documents, model = random_documents(6), make(dataclasses.replace(OPTIONS, num_layers=2))
    probe = TransformerProbe(model, AttentionSettings(unit="word", head_map_documents=4))
    assert probe.head_map_documents == 4
    numbers = np.array([3, 5, 8, 13, 21, 34])
    drawn = Drawn(documents, numbers, np.array([4, 1, 0, 2, 5, 3]), torch.arange(6))
    table = probe.map_of_heads(drawn, torch.device("cpu"))
    assert table["document"].to_pylist() == np.repeat(numbers, 2 * 4).tolist()


def test_a_model_whose_documents_mix_is_refused():
    with pytest.raises(InputError, match="can be trained, but not tested"):
        TransformerProbe(make(dataclasses.replace(OPTIONS, as_released=("mask",))), AttentionSettings(unit="word"))


@pytest.mark.parametrize("layers", ["last", "all"])
@pytest.mark.samples(1)
def test_further_ways_are_those_of_the_slow_reference_document_by_document(layers):
    model = make(dataclasses.replace(OPTIONS, num_layers=2)).double()
    probe = TransformerProbe(model, AttentionSettings(unit="word", layers=layers))
    documents, seeds = random_documents(5), torch.arange(5) + 40
    batch = documents.batch(np.arange(5))
    probe.others = [Meaning(name) for name in OWN_WAYS[1:]]
    probe.training = {
        name: training_vectors(of)
        for name, of in probe.training_vectors(random_documents(9).batch(np.arange(9))).items()
    }
    (others,) = probe.erasures(batch, seeds).otherwise()
    effects, flipped = others.single_effects(), 0
    numbers = {stand_in: number for number, stand_in in enumerate(others.stand_ins)}
    for document in (0, 3):
        alone = documents.batch(np.array([document]))
        for way, references in references_otherwise(probe, alone, int(seeds[document])):
            for draw, reference in enumerate(references):
                number = numbers[way, draw]
                for item in range(reference.items):
                    js = effects.js[number, document, item].item()
                    assert js == pytest.approx(reference.js([item]), rel=1e-4, abs=1e-9)
                    flips = reference.flips([item])
                    assert flips is None or flips == bool(effects.flips[number, document, item])
                    flipped += bool(flips)
    assert flipped > 0
