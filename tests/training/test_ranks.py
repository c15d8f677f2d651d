"""Several processes train as one does: each takes its share of every batch, and the first alone writes and speaks."""

import csv
import os
import signal
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.base.errors import InputError
from attnprobe.training.ranks import ALONE, Ranks, joined_ranks, started_by_torchrun, the_only_rank
from tests.fixtures.commands import attnprobe, planted_rows, write_splits
from tests.fixtures.trainings import TORCHRUN, finish, kill, rank_of, start, start_two_ranks, train, weights

pytestmark = pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="needs torch.distributed with Gloo")

WITHOUT_DROPOUT = """
dataset = "planted"
model = "flan-rnn"
[training]
epochs = 2
[dropout]
words = 0.0
sentences = 0.0
document = 0.0
"""


@pytest.fixture
def folder(tmp_path):
    write_splits(tmp_path / "planted", train=planted_rows(201, 1), dev=planted_rows(41, 2), test=planted_rows(5, 3))
    (tmp_path / "without_dropout.toml").write_text(WITHOUT_DROPOUT)
    return tmp_path


@pytest.fixture
def torchrun(monkeypatch):
    """Pretend to be a rank of two."""

    def be(rank):
        for name, value in {"RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "localhost", "MASTER_PORT": 1}.items():
            monkeypatch.setenv(name, str(value))

    return be


def log_of(run):
    with (run / "training.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


@given(documents=st.integers(1, 12), world=st.integers(1, 5), seed=st.integers(0, 9))
def test_the_mean_of_the_ranks_gradients_is_that_of_the_batch(documents, world, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(documents, 4, generator=generator, dtype=torch.float64)
    y = torch.randint(3, (documents,), generator=generator)
    w = torch.randn(3, 4, generator=generator, dtype=torch.float64, requires_grad=True)

    def gradient(rows, weight):
        loss = weight * torch.nn.functional.cross_entropy(x[rows] @ w.T, y[rows])
        return torch.autograd.grad(loss, w)[0]

    rows = np.random.default_rng(seed).permutation(documents)
    shares = [Ranks(rank, world).share(rows) for rank in range(world)]
    mean = sum(gradient(own, weight) for own, weight in shares) / world
    torch.testing.assert_close(mean, gradient(rows, 1.0))
    if documents >= world:
        assert sorted(np.concatenate([own for own, _ in shares])) == list(range(documents))
        assert max(len(own) for own, _ in shares) - min(len(own) for own, _ in shares) <= 1


def test_one_process_is_the_first_and_does_it_all():
    rows, model = np.array([4, 2, 9]), torch.nn.Linear(2, 2)
    own, weight = ALONE.share(rows)
    assert own.tolist() == rows.tolist()
    assert weight == 1.0
    assert ALONE.some([1, 2, 3]) == [1, 2, 3]
    assert ALONE.total(2.5) == 2.5
    assert ALONE.together(model) is model
    with joined_ranks("cpu") as ranks, ranks.first_goes_first():
        assert ranks is ALONE
    assert not started_by_torchrun()


def test_what_one_process_does_is_refused_to_several(torchrun):
    assert the_only_rank() is ALONE
    torchrun(0)
    with pytest.raises(InputError, match="start this command without torchrun"):
        the_only_rank()
    torchrun(1)
    with pytest.raises(SystemExit) as silent:
        the_only_rank()
    assert silent.value.code == 2


def test_ranks_that_do_not_meet_are_one_sentence(torchrun):
    torchrun("first")
    with pytest.raises(InputError, match="The ranks cannot meet at localhost: "), joined_ranks("cpu"):
        pass


def test_two_ranks_end_with_the_weights_of_one_process(folder):
    arguments = ("--experiment", "without_dropout.toml")
    status, _, errors = attnprobe("train", "--device", "cpu", *arguments, "--out", "one", cwd=folder)
    assert (status, errors) == (0, "")
    ranks = start_two_ranks(folder, *arguments, "--out", "two")
    assert [rank.wait() for rank in ranks] == [0, 0]
    # The forked process had loaded torch before the command could have its log say errors alone.
    assert [line for rank in ranks for line in rank.errors.splitlines() if "reducer.cpp" not in line] == []
    one, two = (folder / out / "planted" / "flan-rnn" / "seed-0" for out in ("one", "two"))
    for name, tensor in weights(one).items():
        torch.testing.assert_close(weights(two)[name], tensor, atol=1e-4, rtol=0, msg=f"{name} is another".format)
    for whole, shared in zip(log_of(one), log_of(two), strict=True):
        assert shared["dev_accuracy"] == whole["dev_accuracy"]
        assert shared["learning_rate"] == whole["learning_rate"]
        assert shared["loss"] == pytest.approx(whole["loss"], abs=1e-5)
    said, unsaid = (rank.out for rank in ranks)
    assert said.count("The model is in") == said.count("epoch 2 of 2") == 1
    assert unsaid == ""
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in two.iterdir())


@pytest.mark.slow
def test_a_training_of_two_ranks_that_is_killed_ends_with_the_same_bytes(folder):
    arguments = ("--dataset", "planted", "--model", "transformer", "--epochs", 3, "--patience", 3)
    train(folder, *arguments, "--out", "whole", command=TORCHRUN)
    process = start(folder, *arguments, command=TORCHRUN)
    while "epoch 1 of 3" not in process.stdout.readline():
        assert process.poll() is None
    for rank in (0, 1):
        os.kill(rank_of(process, rank), signal.SIGKILL)
    kill(process)
    assert "resuming after epoch" in train(folder, *arguments, command=TORCHRUN)
    whole, broken = (folder / out / "planted" / "transformer" / "seed-0" for out in ("whole", "runs"))
    assert (broken / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


@pytest.mark.slow
def test_the_death_of_one_rank_ends_all(folder):
    write_splits(folder / "planted", train=planted_rows(4000, 1))
    arguments = ("--dataset", "planted", "--model", "flan-rnn", "--epochs", 2)
    process = start(folder, *arguments, command=TORCHRUN)
    process.stdout.readline()
    other = rank_of(process, 1)
    os.kill(other, signal.SIGKILL)
    started = time.monotonic()
    status, _, errors = finish(process)
    assert status != 0
    assert time.monotonic() - started < 60
    assert f"Signal 9 (SIGKILL) received by PID {other}" in errors
    assert "gloo" not in errors
    status, _, errors = attnprobe("train", *arguments, cwd=folder)  # nobody holds the folder any more
    assert status == 0, errors


@pytest.mark.slow
def test_two_ranks_say_a_wrong_argument_once(folder):
    status, _, errors = finish(start(folder, "--dataset", "nowhere", command=TORCHRUN))
    assert status != 0
    assert errors.count("attnprobe: ") == errors.count("There is no dataset 'nowhere'") == 1
