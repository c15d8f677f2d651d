"""The models of Jain & Wallace (2019): words between two ends, an attention half as wide as what it pools."""

import numpy as np
import pytest
import torch

from attnprobe.models.pooled.architectures import POOLED
from attnprobe.settings.dropout import Dropout
from tests.fixtures.ragged_documents import random_documents

NAMES = ("jain-lstm", "jain-cnn", "jain-average")


def make(name):
    torch.manual_seed(0)
    return POOLED[name](30, 2, Dropout()).double().eval()


def of_one_document(model, words):
    """The logits of one document, step by step: ends, encoder, attention over the words alone, readout."""
    tokens = torch.cat([model.ends[:1], model.embedding(words), model.ends[1:]])[None]
    encoded = model.word_encoder(tokens, torch.ones(tokens.shape[:2], dtype=torch.bool))[0, 1:-1]
    scores = torch.tanh(encoded @ model.attention.project.weight.T + model.attention.project.bias)
    weights = torch.softmax(scores @ model.attention.query.weight[0], dim=0)
    return (weights @ encoded) @ model.head.weight.T + model.head.bias


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_is_each_document_by_itself(name):
    model, documents = make(name), random_documents(12, classes=2)
    together = model(documents.batch(np.arange(12)))
    for row in range(12):
        words = documents.batch(np.array([row])).words
        torch.testing.assert_close(together[row], of_one_document(model, words), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_attention_is_half_as_wide_and_over_words_alone(name):
    model, documents = make(name), random_documents(12, classes=2)
    batch = documents.batch(np.arange(12))
    values, mask = model.items(batch)
    assert model.attention.project.out_features == values.shape[2] // 2
    assert mask.sum(1).tolist() == batch.document_lengths.tolist()


def test_the_recurrent_encoder_is_pytorchs_bidirectional_lstm_of_each_document():
    encoder, documents = make("jain-lstm").word_encoder, [torch.randn(n, 200).double() for n in (1, 4, 7)]
    theirs = torch.nn.LSTM(200, 128, batch_first=True, bidirectional=True).double()
    ours = {**{f"{k}": v for k, v in encoder.forwards.state_dict().items()}}
    ours |= {f"{k}_reverse": v for k, v in encoder.backwards.state_dict().items()}
    theirs.load_state_dict(ours)
    flat = encoder.flat(torch.cat(documents), torch.tensor([1, 4, 7]))
    expected = torch.cat([theirs(document[None])[0][0] for document in documents])
    torch.testing.assert_close(flat, expected, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize(("name", "reaches"), [("jain-lstm", True), ("jain-cnn", True), ("jain-average", False)])
def test_ends_reach_words_where_the_encoder_has_a_context(name, reaches):
    model, batch = make(name), random_documents(6, classes=2).batch(np.arange(6))
    before = model(batch)
    with torch.no_grad():
        model.ends.add_(1)
    assert bool((model(batch) - before).abs().max() > 1e-6) == reaches


def test_a_convolution_of_seven_words_sees_three_to_either_side():
    model = make("jain-cnn")
    words = torch.arange(1, 16)
    values = [model.items_of(model.embedding(words[None])[0], Words(words))[0][0]]
    words = words.clone()
    words[7] = 20
    values.append(model.items_of(model.embedding(words), Words(words))[0][0])
    moved = (values[0] - values[1]).abs().amax(-1) > 1e-9
    assert moved.nonzero()[:, 0].tolist() == list(range(4, 11))


class Words:
    """A batch of one document."""

    def __init__(self, words):
        self.words = words
        self.document_lengths = torch.tensor([len(words)])


def test_nothing_is_dropped_out_and_embeddings_have_dense_gradients():
    model, batch = make("jain-average").train(), random_documents(6, classes=2).batch(np.arange(6))
    first, second = model(batch), model(batch)
    assert torch.equal(first, second)
    first.sum().backward()
    assert not model.embedding.weight.grad.is_sparse
