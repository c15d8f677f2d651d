import numpy as np
import pytest
import torch

from attnprobe.base.errors import InputError
from attnprobe.data.batches import length_buckets, pad, segment_sums
from attnprobe.models.pooled.architectures import POOLED
from attnprobe.settings.dropout import Dropout
from attnprobe.training import Trainer, TrainingSettings, accuracy, limit_gradients
from attnprobe.training.checkpoints import load_model, resume_training, save_model, save_training
from tests.fixtures.ragged_documents import random_documents, streamed

CPU = torch.device("cpu")
SETTINGS = TrainingSettings(epochs=3, patience=5, learning_rate=1e-2, batch_documents=8)


def make_trainer(name="flan-none", settings=SETTINGS):
    torch.manual_seed(0)
    return Trainer(POOLED[name](30, 3, Dropout()), settings, seed=4)


def run(trainer, epochs):
    train, dev = streamed(random_documents(200, seed=1)), streamed(random_documents(60, seed=2))
    return [trainer.run_epoch(train, dev, CPU, lambda tokens: None) for _ in range(epochs)]


def weights_of(trainer):
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name == "flan-conv")) for name in POOLED]
)
@pytest.mark.samples(4)
def test_every_model_learns_a_planted_word(name):
    trainer = make_trainer(name, TrainingSettings(epochs=15, patience=15, learning_rate=5e-3, batch_documents=8))
    epochs = run(trainer, 1)
    while len(epochs) < 15 and not (trainer.progress.best_score > 0.8 and epochs[-1].loss < epochs[0].loss / 2):
        epochs += run(trainer, 1)
    assert trainer.progress.best_score > 0.8
    assert epochs[-1].loss < epochs[0].loss / 2


def test_an_interrupted_training_ends_with_the_same_weights(tmp_path):
    whole = make_trainer("flan-rnn")
    run(whole, 3)
    broken = make_trainer("flan-rnn")
    run(broken, 1)
    save_training(tmp_path / "state", broken, "f")
    resumed = make_trainer("flan-rnn")
    resume_training(tmp_path / "state", resumed, "f")
    run(resumed, 2)
    for name, tensor in weights_of(whole).items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name
    assert [e.dev_accuracy for e in resumed.progress.epochs] == [e.dev_accuracy for e in whole.progress.epochs]
    assert resumed.progress.learning_rate == whole.progress.learning_rate


def test_the_rate_is_halved_and_training_stops_when_dev_accuracy_stalls(monkeypatch):
    accuracies = iter([0.5, 0.4, 0.6, 0.6, 0.55])
    monkeypatch.setattr("attnprobe.training.trainer.accuracy", lambda *_: next(accuracies))
    settings = TrainingSettings(epochs=9, patience=2, learning_rate=0.1)
    trainer = make_trainer(settings=settings)
    rates = []
    while not trainer.progress.finished(settings):
        rates += [epoch.learning_rate for epoch in run(trainer, 1)]
    assert rates == [0.1, 0.1, 0.05, 0.05, 0.025]
    assert trainer.progress.best_epoch == 2
    assert trainer.progress.best_score == 0.6


def test_only_touched_embedding_rows_move():
    trainer = make_trainer()
    batch = random_documents(4).batch(np.arange(4))
    before = trainer.model.embedding.weight.detach().clone()
    trainer.step(batch)
    moved = (trainer.model.embedding.weight != before).any(-1)
    assert set(torch.nonzero(moved)[:, 0].tolist()) == set(batch.words.tolist())


def test_gradient_limits_count_the_embedding_by_row():
    trainer = make_trainer()
    batch = random_documents(20).batch(np.arange(20))

    def dense_gradients(**limits):
        trainer.model.zero_grad()
        torch.manual_seed(0)
        torch.nn.functional.cross_entropy(100 * trainer.model(batch), batch.labels).backward()
        if limits:
            settings = TrainingSettings(**({"gradient_norm": None} | limits))
            limit_gradients(trainer.model.parameters(), settings)
        return [p.grad.to_dense() for p in trainer.model.parameters()]

    plain = dense_gradients()
    norm = torch.cat([g.flatten() for g in plain]).norm()
    assert norm > 2
    clipped = dense_gradients(gradient_norm=1.0)
    for before, after in zip(plain, clipped, strict=True):
        torch.testing.assert_close(after, before / norm, rtol=1e-4, atol=1e-7)
    loose = dense_gradients(gradient_norm=1e6)
    for before, after in zip(plain, loose, strict=True):
        torch.testing.assert_close(after, before)
    by_value = dense_gradients(gradient_value=0.01)
    for before, after in zip(plain, by_value, strict=True):
        torch.testing.assert_close(after, before.clamp(-0.01, 0.01))


def test_the_estimate_changes_nothing():
    trainer = make_trainer("flan-rnn")
    before, drawn = weights_of(trainer), torch.random.get_rng_state()
    assert trainer.estimate_seconds(streamed(random_documents(100)).sample(), CPU) > 0
    assert all(torch.equal(before[name], tensor) for name, tensor in trainer.model.state_dict().items())
    assert torch.equal(drawn, torch.random.get_rng_state())


def test_accuracy_counts_decisions():
    model, documents = make_trainer().model.eval(), random_documents(50)
    decisions = [int(model(documents.batch(np.array([row]))).argmax()) for row in range(50)]
    assert accuracy(model, streamed(documents), CPU) == pytest.approx(np.mean(decisions == documents.documents.labels))


def test_buckets_keep_both_limits_and_every_document_once():
    lengths = np.random.default_rng(0).integers(1, 200, 500)
    lengths[3] = 5000
    groups = length_buckets(lengths, 16, 1000)
    assert sorted(np.concatenate(groups)) == list(range(500))
    assert all(len(g) <= 16 and (len(g) == 1 or len(g) * lengths[g].max() <= 1000) for g in groups)


def test_epochs_are_shuffled_by_their_seed_alone():
    documents = random_documents(100)
    first, again, other = (documents.shuffled(8, 500, [1, n]) for n in (0, 0, 1))
    assert [g.tolist() for g in first] == [g.tolist() for g in again]
    assert [g.tolist() for g in first] != [g.tolist() for g in other]


def test_padding_and_segment_sums():
    padded, mask = pad(torch.tensor([1, 2, 3, 4, 5, 6]), torch.tensor([2, 1, 3]))
    assert padded.tolist() == [[1, 2, 0], [3, 0, 0], [4, 5, 6]]
    assert mask.sum(-1).tolist() == [2, 1, 3]
    assert segment_sums(torch.tensor([5, 1, 2]), torch.tensor([1, 2])).tolist() == [5, 3]


def test_corrupt_and_foreign_checkpoints_are_refused(tmp_path):
    path, trainer = tmp_path / "model.safetensors", make_trainer()
    path.write_bytes(b"not a checkpoint at all")
    with pytest.raises(InputError, match=r"model\.safetensors is corrupt"):
        load_model(path, trainer.model, "f")
    save_model(path, weights_of(trainer), "f")
    load_model(path, trainer.model, "f")
    with pytest.raises(InputError, match="not made by this run"):
        load_model(path, trainer.model, "another")
    with pytest.raises(InputError, match="another model"):
        load_model(path, make_trainer("flan-rnn").model, "f")
    with pytest.raises(InputError, match="not a training state"):
        resume_training(path, make_trainer(), "f")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="is corrupt"):
        load_model(path, trainer.model, "f")


def test_a_damaged_training_state_is_one_sentence(tmp_path):
    path, trainer = tmp_path / "state", make_trainer()
    run(trainer, 1)
    save_training(path, trainer, "f")
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    rng, sentences = np.random.default_rng(0), []
    for case in range(120):
        damaged = bytearray(whole[: rng.integers(len(whole))] if case % 3 == 0 else whole)
        if case % 3:
            damaged[rng.integers(header)] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            resume_training(path, make_trainer(), "f")
        except InputError as error:
            sentences.append(str(error))
    assert all(str(path) in sentence and "\n" not in sentence for sentence in sentences)
    assert len(sentences) > 100  # a digit of the log for another is no damage that can be seen


def test_a_disk_that_is_full_leaves_the_former_training_state(tmp_path):
    resource = pytest.importorskip("resource")
    path, trainer = tmp_path / "state", make_trainer()
    run(trainer, 1)
    save_training(path, trainer, "f")
    before = path.read_bytes()
    run(trainer, 1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_training(path, trainer, "f")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    resumed = make_trainer()
    resume_training(path, resumed, "f")
    assert len(resumed.progress.epochs) == 1
    save_training(path, trainer, "f")
    resume_training(path, resumed, "f")
    assert len(resumed.progress.epochs) == 2
