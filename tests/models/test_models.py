import numpy as np
import pytest
import torch
from torch import nn

import attnprobe
from attnprobe.models.bit_dropout import BitDropout
from attnprobe.models.pooled.architectures import POOLED
from attnprobe.models.pooled.encoders import ConvolutionalEncoder, RecurrentEncoder
from attnprobe.models.pooled.probe import PooledProbe
from attnprobe.settings.dropout import Dropout
from tests.fixtures.ragged_documents import random_documents

every_model = pytest.mark.parametrize("name", list(POOLED))


def make(name, classes=3, seed=0):
    torch.manual_seed(seed)
    return POOLED[name](30, classes, Dropout())


def test_the_models_are_there_in_the_papers_order():
    serrano = ["han-rnn", "han-conv", "han-none", "flan-rnn", "flan-conv", "flan-none"]
    assert list(POOLED) == [*serrano, "jain-lstm", "jain-cnn", "jain-average"]


@every_model
def test_padding_and_batching_change_rounding_only(name):
    model, documents = make(name).eval(), random_documents(30)
    together = model(documents.batch(np.arange(30)))
    for rows in np.array_split(np.random.default_rng(0).permutation(30), 7):
        torch.testing.assert_close(model(documents.batch(rows)), together[torch.from_numpy(rows)], atol=1e-5, rtol=1e-5)


@every_model
def test_what_is_trained_is_what_is_tested(name):
    """Training pads nothing: without dropout logits and gradients are the same to rounding."""
    model, documents = make(name).double(), random_documents(20)
    for module in model.modules():
        if isinstance(module, BitDropout):
            module.rate = 0.0
    batch = documents.batch(np.arange(20))
    found = []
    for mode in (True, False):
        model.train(mode).zero_grad()
        logits = model(batch)
        nn.functional.cross_entropy(logits, batch.labels).backward()
        found.append([logits, *(parameter.grad.to_dense().clone() for parameter in model.parameters())])
    for trained, tested in zip(*found, strict=True):
        torch.testing.assert_close(trained, tested, atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(model.logits(batch), model(batch), atol=1e-10, rtol=1e-10)


@every_model
def test_hook_path_and_closed_form_agree(name):
    model, documents = make(name), random_documents(20)
    batch = documents.batch(np.arange(20))
    probe = PooledProbe(model)
    values, scores, mask = probe.read(batch)
    logits = attnprobe.single_erasures(values, None, mask, probe.readout, scores=scores)
    order = attnprobe.rank_at_random(mask, 1, torch.arange(20))[0]
    for k in (0, 1, 2):
        chosen = order[:, : k + 1]
        erased = torch.zeros_like(mask).scatter_(1, chosen, True) & mask
        with torch.no_grad(), attnprobe.erasing(model.attention, erased):
            hooked = model(batch)
        if k == 0:
            closed = logits[torch.arange(20), order[:, 0]]
            torch.testing.assert_close(hooked, closed, atol=1e-5, rtol=1e-5)
        count = attnprobe.first_flip(values, None, mask, order, probe.readout, scores=scores).count
        with torch.no_grad():
            plain = model(batch)
        flipped = hooked.argmax(-1) != plain.argmax(-1)
        clear = (hooked.topk(2).values.diff().abs() > 1e-4).squeeze(-1)
        assert (flipped[clear] >= (count == k + 1)[clear]).all()


@every_model
def test_only_the_rows_of_words_in_the_batch_get_gradients(name):
    model, documents = make(name), random_documents(4)
    batch = documents.batch(np.arange(4))
    model(batch).sum().backward()
    gradient = model.embedding.weight.grad.to_sparse(1) if name.startswith("jain") else model.embedding.weight.grad
    assert set(gradient.coalesce().indices()[0].tolist()) <= {0, *batch.words.tolist()}
    assert (model.embedding.weight[0] == 0).all()


@every_model
def test_what_is_pooled_is_an_affine_function_away_from_the_logits(name):
    model, documents = make(name).eval(), random_documents(10)
    batch = documents.batch(np.arange(10))
    values, mask = model.items(batch)
    expected_items = batch.sentences_per_document if name.startswith("han") else batch.document_lengths
    assert mask.sum(-1).tolist() == expected_items.tolist()
    weights = model.attention(values, mask)
    torch.testing.assert_close(weights.sum(-1), torch.ones(10))
    assert (weights[~mask] == 0).all()
    torch.testing.assert_close(model.head((weights[..., None] * values).sum(1)), model(batch))


def test_the_recurrent_encoder_is_a_packed_bidirectional_gru():
    torch.manual_seed(0)
    ours, theirs = RecurrentEncoder(6, 5), nn.GRU(6, 5, batch_first=True, bidirectional=True)
    with torch.no_grad():
        for kind in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            for gru, suffix in ((ours.forwards, ""), (ours.backwards, "_reverse")):
                nn.init.normal_(getattr(gru, kind))
                getattr(theirs, kind + suffix).copy_(getattr(gru, kind))
    lengths = torch.tensor([7, 1, 4])
    values = torch.randn(3, 7, 6)
    mask = torch.arange(7) < lengths[:, None]
    packed = nn.utils.rnn.pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
    expected = nn.utils.rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True)[0]
    torch.testing.assert_close(ours(values, mask)[mask], expected[mask])


def test_a_convolution_sees_two_words_to_each_side_and_no_padding():
    torch.manual_seed(0)
    encoder = ConvolutionalEncoder(6).eval()
    values = torch.randn(1, 9, 6)
    mask = torch.ones(1, 9, dtype=torch.bool)
    before = encoder(values, mask)
    values[0, 0] += 1
    changed = (encoder(values, mask) != before).any(-1)[0]
    assert changed.tolist() == [True] * 3 + [False] * 6
    short = encoder(values[:, :5], mask[:, :5])
    mask[0, 5:] = False
    torch.testing.assert_close(encoder(values, mask)[:, :5], short)


def test_initialisation():
    model = make("flan-rnn")
    assert model.head.bias.eq(0).all()
    norms = model.embedding.weight.norm(dim=-1)
    torch.testing.assert_close(norms[1:], torch.ones(29))
    gru = model.word_encoder.forwards
    recurrent = gru.weight_hh_l0
    torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(50), atol=1e-5, rtol=0)
    assert gru.bias_ih_l0.eq(0).all()
    assert gru.bias_hh_l0.eq(0).all()
