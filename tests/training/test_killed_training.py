"""A training that is killed, at any moment and often, ends with the weights that it would have had in peace."""

import signal
import time

import numpy as np
import pytest

from tests.fixtures.commands import planted_rows, write_splits
from tests.fixtures.trainings import kill, start, train

EPOCHS = 6
EPOCH_SECONDS = {"flan-rnn": 0.4, "transformer": 0.15}
"""About, where nothing else is at work."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("killed")
    write_splits(path / "planted", train=planted_rows(800, 1), dev=planted_rows(40, 2), test=planted_rows(5, 3))
    return path


def arguments(model, out):
    return ("--dataset", "planted", "--model", model, "--epochs", EPOCHS, "--patience", EPOCHS, "--out", out)


def run_folder(folder, model, out):
    return folder / out / "planted" / model / "seed-0"


def check(folder, model, waits, seed):
    """Kill it at random moments, each so many epochs and a while after its start; then let it end and compare."""
    train(folder, *arguments(model, f"whole-{seed}"))
    out, rng, killed, resumed = f"broken-{seed}", np.random.default_rng(seed), 0, 0
    for wait in waits:
        process = start(folder, *arguments(model, out))
        resumed += "resuming after epoch" in process.stdout.readline()
        for _ in range(wait):
            next((line for line in process.stdout if "dev accuracy" in line), None)
        time.sleep(rng.uniform(0, EPOCH_SECONDS[model]))
        kill(process)
        killed += process.returncode == -signal.SIGKILL
    resumed += "resuming after epoch" in train(folder, *arguments(model, out))
    assert killed == len(waits)
    assert resumed >= sum(waits) / 2

    run, whole = run_folder(folder, model, out), run_folder(folder, model, f"whole-{seed}")
    assert (run / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert not (run / "training-state.safetensors").exists()
    broken, undisturbed = (
        [line.split(",")[:4] for line in (path / "training.csv").read_text().splitlines()] for path in (run, whole)
    )
    assert broken == undisturbed  # but for the seconds


@pytest.mark.slow
def test_a_training_that_is_killed_once_ends_with_the_same_bytes(folder):
    check(folder, "flan-rnn", waits=[2], seed=3)


@pytest.mark.slow
@pytest.mark.parametrize("model", list(EPOCH_SECONDS))
def test_a_training_that_is_killed_five_times_ends_with_the_same_bytes(folder, model):
    check(folder, model, waits=[0, 1, 0, 1, 1], seed=1)
