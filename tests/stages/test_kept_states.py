"""Validation documents' pooled vectors: kept once in a run, read by whoever probes, and told in results."""

import json
import shutil

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import safetensors.torch
import torch
from scipy import stats

from attnprobe.base.errors import InputError
from attnprobe.data.document_seeds import document_seeds
from attnprobe.erasure.masking import Masking
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.state_names import OUTSIDE
from attnprobe.erasure.validation_states import ValidationStates
from attnprobe.models.pooled.architectures import POOLED
from attnprobe.models.pooled.probe import PooledProbe
from attnprobe.settings.dropout import Dropout
from attnprobe.stages.kept_states import VALIDATION_DRAW
from attnprobe.stages.stamped_tensors import read_tensors, write_tensors
from attnprobe.training import Trainer, TrainingSettings
from tests.fixtures.commands import attnprobe, planted_rows, write_splits
from tests.fixtures.ragged_documents import random_documents, streamed

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a mask-trained run of data with 120 development documents."""
    folder = tmp_path_factory.mktemp("states")
    write_splits(folder / "planted", train=planted_rows(80, 1), dev=planted_rows(120, 2), test=planted_rows(60, 3))
    base = ("--dataset", "planted", "--model", "flan-none", "--epochs", "2", "--mask-training", "half")
    status, _, errors = attnprobe("run", *base, "--out", "runs", "--workers", "1", cwd=folder)
    assert status == 0, errors
    return folder


@pytest.fixture(scope="module")
def run(folder):
    return folder / "runs" / "planted" / "flan-none" / "seed-0"


def test_a_run_keeps_them_and_says_what_is_inside(run):
    documents, erasures = pd.read_parquet(run / "documents.parquet"), pd.read_parquet(run / "erasures.parquet")
    assert erasures.loc[erasures["erase_by"] != "renormalise", ["flip_p", "removed_inside"]].isna().all(axis=None)
    erasures = erasures[erasures["erase_by"] == "renormalise"]
    kept = safetensors.torch.load_file(run / "validation-states.safetensors")
    assert kept["coordinates"].shape[1] == len(kept["statistics"]) == 120
    steps = documents["state_p"] * 121
    assert np.allclose(steps, steps.round())
    assert documents["state_p"].between(1 / 121, 1).all()
    never = erasures["removed"] < 0
    assert (erasures["flip_p"].isna() == never).all()
    judged = erasures[erasures["ordering"] != "oracle"]
    inside = judged["removed_inside"] > 0
    first = inside & (judged["removed_inside"] == judged["removed"])
    assert (judged["flip_p"][first] >= OUTSIDE).all()
    assert (judged["flip_p"][inside & ~first] < OUTSIDE).all()
    assert (judged["removed_inside"][inside] >= judged["removed"][inside]).all()
    assert not (inside & judged["emptied"]).any()
    assert erasures.loc[erasures["ordering"] == "oracle", "removed_inside"].isna().all()


def test_the_summary_has_shares_of_the_documents(run):
    several = pd.read_parquet(run / "documents.parquet").query("n > 1")
    erasures = pd.read_parquet(run / "erasures.parquet").query("erase_by == 'renormalise'")
    found = json.loads((run / "summary.json").read_text())["in_distribution"]
    assert found["unerased"]["value"] == pytest.approx((several["state_p"] < OUTSIDE).mean())
    rows = erasures[erasures["document"].isin(several["document"])]
    for name, told in found["orderings"].items():
        of = rows[rows["ordering"] == name]
        flipped = of[(of["removed"] > 0) & ~of["emptied"]]
        if told["outside"]["n"]:
            assert told["outside"]["value"] == pytest.approx((flipped["flip_p"] < OUTSIDE).mean())
        if name != "oracle":
            erased = np.where(of["removed_inside"] > 0, of["removed_inside"] / of["n"], 1.0)
            assert told["restricted_mean"]["value"] == pytest.approx(erased.mean())
            assert told["later"]["value"] >= 0
        else:
            assert told["inside"]["value"] is None
    assert (run / "tables" / "in_distribution.csv").exists()
    assert "like validation documents" in (run / "tables" / "in_distribution.tex").read_text()
    assert "Inside of what the model was trained on?" in (run / "report.html").read_text()


@pytest.mark.slow
def test_verify_counts_them_again_and_sees_what_is_not_so(folder, run, tmp_path):
    verified = attnprobe("verify", run, "--documents", "4", cwd=folder)
    assert verified[0] == 0, verified[1]
    assert "p-values of pooled vectors in 4 documents" in verified[1]
    copy = shutil.copytree(run, tmp_path / "seed-0")
    table = pq.read_table(copy / "erasures.parquet")
    place = table.column_names.index("flip_p")
    wrong = pc.if_else(pc.is_null(table["flip_p"]), None, 1 / 121)
    pq.write_table(table.set_column(place, table.schema.field("flip_p"), wrong), copy / "erasures.parquet")
    verified = attnprobe("verify", copy, "--documents", "4", cwd=folder)
    assert verified[0] == 1
    assert "flip_p is 0.00826446, but counted again between" in verified[1]


def test_what_is_kept_is_stamped_and_checked(tmp_path):
    path = tmp_path / "states.safetensors"
    assert read_tensors(path, "a") is None
    write_tensors(path, {"one": torch.arange(3.0)}, "a")
    assert read_tensors(path, "b") is None
    assert torch.equal(read_tensors(path, "a")["one"], torch.arange(3.0))
    write_tensors(path, {"one": torch.tensor([torch.nan])}, "a")
    with pytest.raises(InputError, match="not finite, in 'one'"):
        read_tensors(path, "a")
    path.write_bytes(b"none")
    with pytest.raises(InputError, match="is corrupt"):
        read_tensors(path, "a")


def test_p_is_uniform_of_states_as_a_model_was_trained_on_them():
    torch.manual_seed(0)
    model = POOLED["flan-rnn"](30, 3, Dropout())
    settings = TrainingSettings(epochs=2, learning_rate=1e-2, batch_documents=16, mask_training="half")
    trainer = Trainer(model, settings, seed=0)
    train, dev, test = (random_documents(n, seed=n) for n in (200, 1000, 401))
    trainer.run_epoch(streamed(train), streamed(random_documents(50, seed=7)), CPU, lambda tokens: None)
    probe = PooledProbe(model.eval())

    def states(documents, masked):
        hashes = documents.documents.content_hashes
        seeds = torch.from_numpy(document_seeds(0, hashes, np.zeros(len(hashes), dtype=int)).view(np.int64))
        masking = Masking.drawn(seeds, VALIDATION_DRAW, Meaning()).half_of_all() if masked else None
        return probe.states(documents.batch(np.arange(len(documents))), masking)

    trained, whole = (ValidationStates.of(states(dev, masked)) for masked in (True, False))
    p = trained.p_values(states(test, masked=True))
    assert stats.kstest(p.numpy(), "uniform").pvalue > 0.01
    # Held against whole documents, the same vectors are often outside.
    foreign = whole.p_values(states(test, masked=True))
    assert (foreign < OUTSIDE).double().mean() > 2 * (p < OUTSIDE).double().mean()


def test_vectors_do_not_hang_on_padding_and_batches():
    torch.manual_seed(0)
    probe, documents = PooledProbe(POOLED["han-rnn"](30, 3, Dropout()).eval()), random_documents(40)
    masking = Masking.drawn(torch.arange(40), 0, Meaning())
    together = probe.states(documents.batch(np.arange(40)), masking)
    alone = [probe.states(documents.batch(np.array([row])), masking.some(torch.tensor([row]))) for row in range(40)]
    torch.testing.assert_close(torch.cat(alone), together, atol=1e-6, rtol=1e-5)
