"""Training for erasure: half of each batch is erased in at the attention, as the engine erases."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from attnprobe.data.batches import EncodedDocuments
from attnprobe.erasure.masking import Masking
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.orderings import rank_at_random
from attnprobe.models.pooled.architectures import POOLED
from attnprobe.models.pooled.given_attention import UniformAttention
from attnprobe.models.pooled.probe import PooledProbe
from attnprobe.models.transformer.network import TransformerClassifier
from attnprobe.models.transformer.probe import TransformerProbe
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.dropout import Dropout
from attnprobe.settings.transformer import TransformerOptions
from attnprobe.training import Trainer, TrainingSettings
from attnprobe.training.checkpoints import resume_training, save_training
from attnprobe.training.masked_batches import MaskedBatches
from tests.fixtures.commands import attnprobe, planted_rows, write_splits
from tests.fixtures.ragged_documents import random_documents, streamed

CPU = torch.device("cpu")
NONE = Dropout(words=0.0, sentences=0.0, document=0.0)
HALF = TrainingSettings(epochs=3, patience=5, learning_rate=1e-2, batch_documents=8, mask_training="half")


def make(name="flan-none", dropout=NONE):
    torch.manual_seed(0)
    return POOLED[name](30, 3, dropout)


def drawn(documents, epoch=0, way="renormalise"):
    """What is erased of a batch of these documents: of each a share."""
    return Masking.drawn(torch.arange(documents) * 7919, epoch, Meaning(way))


@pytest.mark.parametrize("name", ["flan-rnn", "flan-conv", "han-none", "jain-average", "uniform"])
def test_what_is_trained_is_the_readout_of_what_is_left(name):
    model = make("flan-none" if name == "uniform" else name).double().train()
    if name == "uniform":
        model.attention = UniformAttention()
    batch, masking = random_documents(40).batch(np.arange(40)), drawn(40)
    for module in model.modules():  # dropout of the convolutions' own
        module.train() if module is model else module.eval()
    values, mask = model.items(batch)
    weights = model.attention(values, mask, batch) * ~masking.erased(mask)
    left = weights.sum(-1, keepdim=True)
    assert {0, 1} <= set((left == 0).int().flatten().tolist()), "some lose everything"
    pooled = torch.where(left > 0, (weights[..., None] * values).sum(1) / left, 0.0)
    logits = model(batch, masking)
    torch.testing.assert_close(logits, model.head(pooled), atol=1e-10, rtol=1e-10)
    bias = model.head.bias.expand(int((left == 0).sum()), -1)
    assert torch.equal(logits[left[:, 0] == 0], bias), "of what is empty the bias decides"
    torch.nn.functional.cross_entropy(logits, batch.labels).backward()
    assert all(torch.isfinite(w.grad.to_dense()).all() for w in model.parameters() if w.grad is not None)


@pytest.mark.parametrize("way", ["zero", "document_mean"])
def test_other_ways_of_erasing_are_trained_too(way):
    model = make("flan-rnn").double().train()
    batch, masking = random_documents(40).batch(np.arange(40)), drawn(40, way=way)
    values, mask = model.items(batch)
    weights, erased = model.attention(values, mask, batch), masking.erased(mask)
    mean = (values * mask[..., None]).sum(1) / mask.sum(-1, keepdim=True)
    stands_in = mean if way == "document_mean" else torch.zeros_like(mean)
    pooled = ((weights * ~erased)[..., None] * values).sum(1) + (weights * erased).sum(-1)[:, None] * stands_in
    logits = model(batch, masking)
    torch.testing.assert_close(logits, model.head(pooled), atol=1e-10, rtol=1e-10)


def test_whole_documents_are_trained_as_without_masking_to_the_last_bit():
    model, batch = make("flan-rnn").train(), random_documents(20).batch(np.arange(20))
    masking = drawn(20).half_of_batch()
    whole = masking.shares == 0
    assert whole.sum() == 10
    assert torch.equal(model(batch, masking)[whole], model(batch)[whole])


@pytest.mark.parametrize("settings", [{}, {"layers": "0", "heads": "1"}, {"layers": "all", "query": "all"}])
@pytest.mark.parametrize("special", [True, False])
def test_transformers_are_erased_in_as_by_the_engine(settings, special):
    torch.manual_seed(0)
    options = TransformerOptions(d_e=16, num_heads=2, num_layers=2, d_ff=16, dropout=0.0)
    model = TransformerClassifier(30, 3, options)
    probe = TransformerProbe(model, AttentionSettings(unit="word", **settings), special_items=special)
    batch, masking = random_documents(12).batch(np.arange(12)), drawn(12)
    _, items = probe._ready(batch)
    documents = torch.arange(12)
    tokens = items.tokens(documents, masking.erased(items.mask))
    engine, found = probe.erasures(batch).engine, torch.empty(12, 3)
    for part, logits in engine.evaluate(documents, tokens):
        found[part] = logits
    model.masked = probe.masked_logits
    for training in (False, True):
        model.train(training)
        logits = model(batch, masking)
        torch.testing.assert_close(logits, found, atol=1e-5, rtol=1e-4)
    model.zero_grad()
    torch.nn.functional.cross_entropy(logits, batch.labels).backward()
    for weight in model.encoder.layers[0].attention.parameters():
        assert torch.isfinite(weight.grad).all()
    assert model.encoder.layers[1].attention.query.weight.grad.abs().sum() > 0


def run(trainer, epochs):
    train, dev = streamed(random_documents(200, seed=1)), streamed(random_documents(60, seed=2))
    return [trainer.run_epoch(train, dev, CPU, lambda tokens: None) for _ in range(epochs)]


@pytest.mark.slow
def test_an_interrupted_training_ends_with_the_same_weights(tmp_path):
    whole, broken, resumed, plain = (Trainer(make("flan-rnn", Dropout()), each, seed=4) for each in (HALF,) * 4)
    run(whole, 3)
    run(broken, 1)
    save_training(tmp_path / "state", broken, "f")
    resume_training(tmp_path / "state", resumed, "f")
    run(resumed, 2)
    plain.settings = replace(HALF, mask_training=None)
    run(plain, 3)
    weights = [{name: w.clone() for name, w in each.model.state_dict().items()} for each in (whole, resumed, plain)]
    assert all(torch.equal(w, weights[1][name]) for name, w in weights[0].items())
    assert not all(torch.equal(w, weights[2][name]) for name, w in weights[0].items())
    assert [e.dev_accuracy for e in resumed.progress.epochs] == [e.dev_accuracy for e in whole.progress.epochs]


def test_half_of_each_batch_is_masked_another_half_in_another_epoch_and_copies_apart():
    documents = random_documents(64)
    documents.documents.content_hashes[:] = 5  # copies of one text
    first, second = (MaskedBatches(documents, 0, epoch, HALF) for epoch in (0, 1))
    shares = []
    for rows in documents.shuffled(8, 10_000, [0, 0]):
        masking, later = first.of(rows), second.of(rows)
        assert (masking.shares > 0).sum() == len(rows) // 2 == (later.shares > 0).sum()
        shares += masking.shares[masking.shares > 0].tolist() + later.shares[later.shares > 0].tolist()
    assert len(set(shares)) == 64


def twofold_documents(documents, seed):
    """Documents whose class a word of its own tells, and most of the others as well, less surely."""
    encoded = random_documents(documents, vocabulary=40, seed=seed, sentences=3)
    rng = np.random.default_rng(seed + 100)
    flat = encoded.documents.words
    label = np.repeat(encoded.documents.labels, encoded.documents.words_per_document)
    weak = (flat > 3) & (rng.random(len(flat)) < 0.5)
    flat[weak] = 4 + 3 * rng.integers(0, 12, weak.sum()) + label[weak]
    return EncodedDocuments(encoded.documents, flat)


@pytest.mark.slow
def test_decisions_survive_erasure_more_often_and_whole_documents_are_read_as_well():
    # Of a model with an encoder, which can tell every item of the class: without one nothing is to be gained.
    train, dev, test = (twofold_documents(n, seed) for n, seed in ((400, 1), (100, 2), (300, 3)))
    batch, survived, right = test.batch(np.arange(300)), [], []
    for settings in (replace(HALF, mask_training=None), HALF):
        torch.manual_seed(0)
        model = POOLED["flan-rnn"](41, 3, Dropout())
        trainer = Trainer(model, settings, seed=0)
        for _ in range(3):
            trainer.run_epoch(streamed(train), streamed(dev), CPU, lambda tokens: None)
        erasures = PooledProbe(model.eval()).erasures(batch)
        order = rank_at_random(erasures.attention.mask, 20, torch.arange(300))
        flips = erasures.first_flips(order)
        left = torch.where((flips["removed"] < 0) | flips["emptied"], 1.0, flips["fraction"])
        survived.append(left.mean(0).double())
        right.append(float((erasures.decision() == batch.labels).double().mean()))
    difference = (survived[1] - survived[0]).numpy()
    assert difference.mean() > 4 * difference.std() / len(difference) ** 0.5 > 0
    assert right[1] > right[0] - 0.03


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("masked")
    write_splits(folder / "planted", train=planted_rows(60, 1), dev=planted_rows(20, 2), test=planted_rows(20, 3))
    return folder


def train(folder, *arguments):
    return attnprobe("train", "--dataset", "planted", "--epochs", "1", "--out", "runs", *arguments, cwd=folder)


@pytest.mark.parametrize("model", ["flan-none", "transformer"])
def test_a_run_says_how_it_was_trained_and_is_another_run(folder, model):
    assert train(folder, "--model", model, "--mask-training", "half")[0] == 0
    (config,) = (folder / "runs" / "planted").glob(f"{model}*/seed-0/config.json")
    training = json.loads(config.read_text())["settings"]["training"]
    assert training["mask_training"] == "half"
    assert "mask_training_by" not in training
    assert "dev_accuracy" in (config.parent / "training.csv").read_text()
    status, _, errors = train(folder, "--model", model)
    assert status == 2
    assert "mask_training half, not None" in errors


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--mask-training", "whole"), "--mask-training must be half, not 'whole'"),
        (("--mask-training-by", "zeros"), "--mask-training-by says how --mask-training erases"),
        (("--mask-training", "half", "--mask-training-by", "zeros"), "There is no way of erasing 'zeros'"),
        (("--mask-training", "half", "--mask-training-by", "resample"), "is known of a trained model alone"),
        (
            ("--model", "transformer", "--mask-training", "half", "--mask-training-by", "document_mean"),
            "not in transformers that are trained",
        ),
        (
            ("--model", "transformer", "--as-released", "mask", "--mask-training", "half"),
            "a document's attention depends on the others in its batch",
        ),
    ],
)
def test_what_cannot_be_is_refused(folder, arguments, sentence):
    status, _, errors = train(folder, "--out", "refused", *arguments)
    assert status == 2
    assert sentence in errors
    assert not list((folder / "refused").rglob("training.csv"))
