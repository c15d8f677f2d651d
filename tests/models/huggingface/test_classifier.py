import json

import numpy as np
import pytest
import torch

from attnprobe.base.errors import InputError
from attnprobe.erasure.masking import Masking
from attnprobe.erasure.meaning import Meaning
from attnprobe.models.huggingface.checkpoint_content import content_hash
from attnprobe.models.huggingface.classifier import PieceClassifier
from attnprobe.models.huggingface.finetuned import STAMP, load_finetuned, save_finetuned
from attnprobe.models.huggingface.loading import load_checkpoint, load_classifier
from attnprobe.models.huggingface.pieces import encode_documents
from attnprobe.models.huggingface.probe import CheckpointProbe
from attnprobe.settings.attention import AttentionSettings
from attnprobe.training import Trainer, TrainingSettings, accuracy
from attnprobe.training.checkpoints import resume_training, save_training
from tests.fixtures.checkpoints import MODELS, bert, roberta, save, wordpiece
from tests.fixtures.plain_texts import documents_of
from tests.fixtures.ragged_documents import streamed

CPU = torch.device("cpu")
LABELS = ["neg", "pos"]
SETTINGS = TrainingSettings(epochs=3, patience=5, learning_rate=5e-3, batch_documents=8, gradient_norm=1.0)


def planted(checkpoint, documents, seed):
    """Documents whose class is told by a word."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, documents)
    texts = [
        " ".join([f"word{rng.integers(12)}" for _ in range(rng.integers(1, 6))] + [f"planted{LABELS[label]}"])
        for label in labels
    ]
    return encode_documents(documents_of(*texts, labels=labels), checkpoint.tokenizer, 40)


@pytest.fixture
def checkpoint(tmp_path):
    return load_checkpoint(str(save(tmp_path / "tiny", bert, wordpiece)))


def make_trainer(checkpoint, settings=SETTINGS):
    return Trainer(PieceClassifier(load_classifier(checkpoint, LABELS, seed=4)), settings, seed=4)


def run(trainer, checkpoint, epochs):
    train, dev = planted(checkpoint, 80, 1), planted(checkpoint, 30, 2)
    done = []
    logged = [trainer.run_epoch(streamed(train), streamed(dev), CPU, done.append) for _ in range(epochs)]
    return logged, (sum(done), train)


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.samples(2)
def test_every_family_learns_a_planted_word(tmp_path, name):
    checkpoint = load_checkpoint(str(save(tmp_path / name, *MODELS[name])))
    settings = TrainingSettings(epochs=12, patience=12, learning_rate=1e-2, batch_documents=8, gradient_norm=1.0)
    trainer = make_trainer(checkpoint, settings)
    epochs, _ = run(trainer, checkpoint, 12)
    assert trainer.progress.best_score > 0.8
    assert epochs[-1].loss < epochs[0].loss / 2


def test_an_interrupted_training_ends_with_the_same_weights(tmp_path, checkpoint):
    whole = make_trainer(checkpoint)
    run(whole, checkpoint, 3)
    broken = make_trainer(checkpoint)
    run(broken, checkpoint, 1)
    save_training(tmp_path / "state", broken, "f")
    resumed = make_trainer(checkpoint)
    resume_training(tmp_path / "state", resumed, "f")
    run(resumed, checkpoint, 2)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name
    assert [e.dev_accuracy for e in resumed.progress.epochs] == [e.dev_accuracy for e in whole.progress.epochs]


def test_tied_weights_are_resumed(tmp_path):
    checkpoint = load_checkpoint(str(save(tmp_path / "t5", *MODELS["t5"])))
    trainer = make_trainer(checkpoint)
    run(trainer, checkpoint, 1)
    save_training(tmp_path / "state", trainer, "f")
    resumed = make_trainer(checkpoint)
    resume_training(tmp_path / "state", resumed, "f")
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name


def test_every_piece_is_counted_and_every_weight_moves(checkpoint):
    trainer = make_trainer(checkpoint)
    before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    _, (done, train) = run(trainer, checkpoint, 1)
    assert done == train.lengths.sum()
    after = trainer.model.state_dict()
    assert all(not torch.equal(before[name], after[name]) for name in before)


def test_accuracy_is_that_of_single_documents(checkpoint):
    classifier = PieceClassifier(load_classifier(checkpoint, LABELS, seed=1)).eval()
    documents = planted(checkpoint, 40, 3)
    with torch.no_grad():
        classifier.model.classifier.bias -= classifier(documents.batch(np.arange(40))).mean(0)
        decisions = [int(classifier(documents.batch(np.array([row]))).argmax()) for row in range(40)]
    assert 0 < sum(decisions) < 40
    assert accuracy(classifier, streamed(documents), CPU) == pytest.approx(
        np.mean(decisions == documents.documents.labels)
    )


@pytest.fixture
def finetuned(tmp_path, checkpoint):
    classifier = PieceClassifier(load_classifier(checkpoint, LABELS, seed=4)).eval()
    save_finetuned(tmp_path / "model", classifier, checkpoint, "fingerprint")
    return tmp_path / "model", classifier


OTHER_PADDING = {
    "a special token pads": (lambda: roberta(padding=1), wordpiece),
    "a piece pads": (lambda: roberta(padding=60), wordpiece),
}


@pytest.mark.parametrize("name", [*MODELS, *OTHER_PADDING])
def test_a_kept_model_is_the_same_model(tmp_path, name):
    source = load_checkpoint(str(save(tmp_path / name, *(MODELS | OTHER_PADDING)[name])))
    classifier = PieceClassifier(load_classifier(source, LABELS, seed=4))
    save_finetuned(tmp_path / "model", classifier, source, "fingerprint")
    kept, content = load_finetuned(tmp_path / "model", "fingerprint")
    assert content == content_hash(tmp_path / "model")
    assert kept.task == "classification"
    assert kept.model.config.id2label == dict(enumerate(LABELS))
    documents = planted(source, 9, 0)
    again = encode_documents(documents.documents, kept.tokenizer, 40)
    rows = np.arange(9)
    assert torch.equal(documents.batch(rows).input_ids, again.batch(rows).input_ids)
    with torch.no_grad():
        logits = PieceClassifier(kept.model)(again.batch(rows))
        assert torch.equal(logits, classifier(documents.batch(rows)))
    assert not list(tmp_path.glob(".*"))


def test_a_foreign_or_changed_model_is_refused(finetuned, tmp_path):
    folder, _ = finetuned
    with pytest.raises(InputError, match="not made by this run"):
        load_finetuned(folder, "another")
    vocabulary = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(vocabulary, indent=3))
    with pytest.raises(InputError, match="files have changed"):
        load_finetuned(folder, "fingerprint")
    (folder / STAMP).write_text("[]")
    with pytest.raises(InputError, match="no model that attnprobe fine-tuned"):
        load_finetuned(folder, "fingerprint")
    with pytest.raises(InputError, match="no model that attnprobe fine-tuned"):
        load_finetuned(tmp_path / "nowhere", "fingerprint")


def test_a_model_that_cannot_be_written_leaves_nothing(tmp_path, checkpoint, monkeypatch):
    classifier = PieceClassifier(load_classifier(checkpoint, LABELS, seed=4))
    monkeypatch.setattr(type(checkpoint.tokenizer), "save_pretrained", full_disk)
    with pytest.raises(OSError, match="full"):
        save_finetuned(tmp_path / "model", classifier, checkpoint, "fingerprint")
    assert {path.name for path in tmp_path.iterdir()} == {"tiny"}


def full_disk(*_, **__):
    raise OSError("the disk is full")


@pytest.mark.parametrize("name", list(MODELS))
def test_attention_is_erased_in_training_as_the_engine_erases_it(tmp_path, name):
    checkpoint = load_checkpoint(str(save(tmp_path / name, *MODELS[name])))
    classifier = PieceClassifier(load_classifier(checkpoint, LABELS, seed=4)).double()
    probe = CheckpointProbe(classifier.model, checkpoint.tokenizer, AttentionSettings())
    batch, masking = planted(checkpoint, 8, 1).batch(np.arange(8)), Masking.drawn(torch.arange(8), 0, Meaning())
    erasures = probe.erasures(batch)
    tokens = erasures.items.tokens(torch.arange(8), masking.erased(erasures.items.mask))
    expected = torch.cat([logits for _, logits in erasures.engine.evaluate(torch.arange(8), tokens)])
    classifier.masked = probe.masked_logits
    torch.testing.assert_close(classifier(batch, masking), expected, atol=1e-10, rtol=0)
    assert not torch.allclose(classifier(batch), expected, atol=1e-8, rtol=0)
    classifier.train()
    torch.nn.functional.cross_entropy(classifier(batch, masking), batch.labels).backward()
    gradients = [weight.grad for weight in classifier.parameters() if weight.grad is not None]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert sum(float(gradient.abs().sum()) for gradient in gradients) > 0
