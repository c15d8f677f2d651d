"""Attention that is given: uniform, or that of another run's model (Wiegreffe & Pinter 2019)."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from attnprobe.models.pooled.architectures import POOLED
from attnprobe.models.pooled.given_attention import FrozenAttention, UniformAttention
from attnprobe.models.pooled.probe import PooledProbe
from attnprobe.runs.run_folder import RunFolder
from attnprobe.settings.dropout import Dropout
from tests.fixtures.commands import attnprobe, planted_rows, write_splits
from tests.fixtures.ragged_documents import random_documents


def make(name, seed=0):
    torch.manual_seed(seed)
    return POOLED[name](30, 3, Dropout())


def given(name, attention):
    model = make(name)
    model.attention = UniformAttention() if attention == "uniform" else FrozenAttention(make(attention, seed=1))
    return model


CASES = [("flan-conv", "uniform"), ("han-none", "uniform"), ("jain-average", "jain-lstm"), ("han-none", "han-rnn")]


@pytest.mark.parametrize(("name", "attention"), CASES)
def test_weights_are_those_that_are_given_and_no_training_moves_them(name, attention):
    model, documents = given(name, attention), random_documents(10)
    batch = documents.batch(np.arange(10))
    read = PooledProbe(model).erasures(batch).attention
    if attention == "uniform":
        expected = read.mask / read.sizes[:, None].double()
    else:
        expected = PooledProbe(make(attention, seed=1)).erasures(batch).attention.weights
    torch.testing.assert_close(read.weights, expected, atol=1e-7, rtol=1e-6)
    model.train()
    optimiser = torch.optim.SGD([weight for weight in model.parameters() if weight.requires_grad], lr=1.0)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    torch.nn.functional.cross_entropy(model(batch), batch.labels).backward()
    optimiser.step()
    moved = {name for name, weight in model.state_dict().items() if not torch.equal(weight, before[name])}
    assert "head.weight" in moved
    assert not any(name.startswith("attention") for name in moved)
    after = PooledProbe(model).erasures(batch).attention.weights
    torch.testing.assert_close(after, read.weights, atol=0, rtol=0)


@pytest.mark.parametrize(("name", "attention"), CASES)
def test_what_is_trained_is_what_is_tested(name, attention):
    model, batch = given(name, attention).double().eval(), random_documents(10).batch(np.arange(10))
    torch.testing.assert_close(model(batch), model.logits(batch), atol=1e-12, rtol=1e-12)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with data, and in runs a trained flan-none on them."""
    folder = tmp_path_factory.mktemp("given")
    write_splits(folder / "planted", train=planted_rows(60, 1), dev=planted_rows(20, 2), test=planted_rows(20, 3))
    write_splits(folder / "other", train=planted_rows(60, 4), dev=planted_rows(20, 5), test=planted_rows(20, 6))
    assert run(folder, "train", "--model", "flan-none")[0] == 0
    return folder


def run(folder, command, *arguments, dataset="planted"):
    base = ("--dataset", dataset, "--epochs", "1", "--out", "runs")
    return attnprobe(command, *base, *arguments, cwd=folder)


OF_RUN = "frozen:runs/planted/flan-none/seed-0"


@pytest.mark.slow
def test_a_run_with_the_attention_of_another_run(trained):
    status, _, errors = run(trained, "run", "--model", "jain-average", "--attention", OF_RUN)
    assert status == 0, errors
    folder = RunFolder(trained / "runs" / "planted" / "jain-average" / "seed-0")
    content = json.loads(folder.config.read_text())
    assert content["settings"]["training"]["attention"] == OF_RUN
    assert "that of the trained model of runs/planted/flan-none/seed-0" in " ".join(
        (folder.path / "methods.txt").read_text().split()
    )
    status, said, errors = attnprobe("verify", str(folder.path), "--documents", "4", cwd=trained)
    assert status == 0, said + errors
    # Its weights are those of the other run's model: tested, that has the same.
    status, _, errors = attnprobe("probe", "runs/planted/flan-none/seed-0", cwd=trained)
    assert status == 0, errors
    columns = ["document", "position", "weight"]
    ours, theirs = (
        pd.read_parquet(trained / "runs" / "planted" / model / "seed-0" / "items.parquet", columns=columns)
        for model in ("jain-average", "flan-none")
    )
    pd.testing.assert_frame_equal(ours, theirs, check_exact=False, atol=1e-6)


def test_a_run_with_uniform_attention_is_verified(trained):
    status, _, errors = run(trained, "run", "--model", "flan-none", "--attention", "uniform", "--seed", "7")
    assert status == 0, errors
    status, said, errors = attnprobe("verify", "runs/planted/flan-none/seed-7", "--documents", "4", cwd=trained)
    assert status == 0, said + errors


@pytest.mark.parametrize(
    ("arguments", "dataset", "sentence"),
    [
        (("flan-none", "half"), "planted", "--attention must be learned, uniform or frozen: and the folder of a run"),
        (
            ("flan-none", "frozen:"),
            "planted",
            "--attention must be learned, uniform or frozen: and the folder of a run",
        ),
        (
            ("transformer", "uniform"),
            "planted",
            "--attention is for models whose attention pools, and not for transfor",
        ),
        (("flan-conv", "frozen:nowhere"), "planted", "nowhere is not a run"),
        (("han-none", OF_RUN), "planted", "its attention weighs words, and that of han-none sentences."),
        (("flan-conv", OF_RUN), "other", "is another vocabulary"),
    ],
)
def test_what_cannot_be_is_one_sentence(trained, arguments, dataset, sentence):
    model, attention = arguments
    status, _, errors = run(trained, "train", "--model", model, "--attention", attention, dataset=dataset)
    assert status == 2
    assert sentence in errors
    assert "Traceback" not in errors
