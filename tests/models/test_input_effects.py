"""What words of the input do to a decision: gradients and leaving out, against slow code and closed forms."""

import numpy as np
import pytest
import torch

from attnprobe.data.batches import Batch
from attnprobe.models.pooled import input_effects as module
from attnprobe.models.pooled.architectures import POOLED
from attnprobe.models.pooled.input_effects import input_effects
from attnprobe.models.pooled.probe import PooledProbe
from attnprobe.settings.dropout import Dropout
from tests.fixtures.ragged_documents import random_documents

every_model = pytest.mark.parametrize("name", [name for name in POOLED if not name.startswith("han")])
DOCUMENTS = 8


@pytest.fixture(scope="module")
def documents():
    return random_documents(DOCUMENTS, sentences=3, words=4, seed=3)


def make(name):
    torch.manual_seed(0)
    model = POOLED[name](30, 3, Dropout()).double().eval()
    with torch.no_grad():
        model.head.weight.mul_(5)
    return model


def alone(words):
    """A batch of one document of these words."""
    one = torch.tensor([1])
    return Batch(one - 1, one - 1, words, torch.tensor([len(words)]), one)


@every_model
def test_left_out_is_the_model_run_again_without_the_word(name, documents):
    model, batch = make(name), documents.batch(np.arange(DOCUMENTS))
    found = input_effects(model, batch, torch.arange(DOCUMENTS)).left_out
    for row in range(DOCUMENTS):
        words = documents.batch(np.array([row])).words
        whole = torch.softmax(model(alone(words))[0], -1)
        for word in range(len(words) if len(words) > 1 else 0):
            others = torch.cat([words[:word], words[word + 1 :]])
            moved = (torch.softmax(model(alone(others))[0], -1) - whole).clamp(min=0).sum()  # of the classes that gain
            torch.testing.assert_close(found[row, word], moved, atol=1e-12, rtol=1e-9)
        assert not found[row, len(words) :].any()


@every_model
def test_gradients_are_slopes_along_the_words_own_embeddings(name, documents):
    """By central differences, the weights of attention held where they are."""
    model, batch = make(name), documents.batch(np.arange(DOCUMENTS))
    found = input_effects(model, batch, torch.arange(DOCUMENTS)).gradients
    step = 1e-5
    for row in range(3):
        one = alone(documents.batch(np.array([row])).words)
        embedded = model.embedding(one.words).detach()
        values, mask = model.items_of(embedded, one)
        weights = model.attention(values, mask, one).detach()[0]
        decided = int(model(one)[0].argmax())

        def probability(embedded, weights=weights, one=one, decided=decided):
            pooled = weights @ model.items_of(embedded, one)[0][0]
            return torch.softmax(model.head(pooled), -1)[decided]

        for word in range(len(one.words)):
            along = torch.zeros_like(embedded)
            along[word] = step * embedded[word]
            slope = (probability(embedded + along) - probability(embedded - along)) / (2 * step)
            torch.testing.assert_close(found[row, word], slope.abs().detach(), atol=1e-8, rtol=1e-5)


@pytest.mark.parametrize("name", ["jain-average", "flan-none"])
def test_without_an_encoder_leaving_out_is_erasing(name, documents):
    """A word's value does not hang on the others, and what is left of attention is what renormalising makes of it."""
    model, batch = make(name), documents.batch(np.arange(DOCUMENTS))
    torch.manual_seed(1)
    model.head = torch.nn.Linear(model.head.in_features, 2).double()
    erasures = PooledProbe(model).erasures(batch)
    found = erasures.input_effects(torch.arange(DOCUMENTS)).left_out
    moved = (erasures.single_effects().probability - erasures.probability()[:, None]).abs()
    several = erasures.attention.mask & (erasures.attention.sizes > 1)[:, None]
    torch.testing.assert_close(found[several], moved[several], atol=1e-12, rtol=1e-9)


@every_model
def test_documents_do_not_see_one_another(name, documents, monkeypatch):
    model, batch = make(name), documents.batch(np.arange(DOCUMENTS))
    together = input_effects(model, batch, torch.arange(DOCUMENTS))
    monkeypatch.setattr(module, "_TOKENS", 20)
    for row in (5, 2):
        one = input_effects(model, documents.batch(np.array([7, row])), torch.tensor([1]))
        items = min(one.gradients.shape[1], together.gradients.shape[1])
        for found, expected in zip(one, together, strict=True):
            torch.testing.assert_close(found[0, :items], expected[row, :items], atol=1e-12, rtol=1e-9)
