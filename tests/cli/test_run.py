"""The main job as its user runs it."""

import json

import pandas as pd
import pytest

from attnprobe.models.pooled.architectures import POOLED
from tests.fixtures import drawing
from tests.fixtures.commands import attnprobe, planted_folder

FILES = (
    "config.json",
    "model.safetensors",
    "vocabulary.txt",
    "training.csv",
    "documents.parquet",
    "erasures.parquet",
    "items.parquet",
    "summary.json",
)


OFTEN = ("flan-rnn", "han-conv")
"""Models of every run of the suite: each part of the others is in one of them."""


def run(folder, *arguments, status=0):
    done, out, errors = attnprobe("run", "--dataset", folder, *arguments, cwd=folder.parent)
    assert done == status, errors
    return out


@pytest.mark.parametrize(
    "model", [pytest.param(name, marks=[] if name in OFTEN else [pytest.mark.slow]) for name in POOLED]
)
@pytest.mark.samples(1)
def test_a_run_of_every_model(planted, model, monkeypatch):
    monkeypatch.setenv(drawing.VARIABLE, drawing.EVERY if model == OFTEN[0] else "delta_js")
    out = run(planted, "--model", model, "--epochs", "4", "--learning-rate", "0.01")
    folder = planted.parent / "runs" / "planted" / model / "seed-0"
    assert all((folder / name).exists() for name in FILES)
    assert not (folder / "training-state.safetensors").exists()
    assert {path.suffix for path in (folder / "tables").iterdir()} == {".csv", ".tex"}
    assert {path.suffix for path in (folder / "figures").iterdir()} == {".png", ".pdf"}
    assert "Does attention explain this model?" in out

    documents = pd.read_parquet(folder / "documents.parquet")
    erasures = pd.read_parquet(folder / "erasures.parquet")
    items = pd.read_parquet(folder / "items.parquet")
    assert documents.document.tolist() == list(range(30))
    assert erasures["erase_by"].value_counts().to_dict() == {
        **dict.fromkeys(("renormalise", "zero", "document_mean", "corpus_mean"), 30 * (5 + 5 + 1)),
        "resample": 30 * (5 + 5 * (5 + 1)),
    }
    erasures = erasures[erasures["erase_by"] == "renormalise"]
    assert erasures.groupby("ordering").draw.nunique().to_dict() == {
        "random": 5,
        "attention": 1,
        "attention_ascending": 1,
        "gradient": 1,
        "gradient_attention": 1,
        "runner_up_margin": 1,
        "oracle": 1,
    }
    never = erasures.removed == -1
    assert erasures.fraction[never].isna().all()
    pd.testing.assert_series_equal(
        erasures.fraction[~never], (erasures.removed / erasures.n)[~never], check_names=False
    )
    assert items.groupby("document").size().tolist() == documents.n.tolist()
    assert items.groupby("document").weight.sum().round(9).eq(1).all()
    oracle = erasures[erasures.ordering == "oracle"].set_index("document").removed
    for _, ordering in erasures[erasures.ordering != "oracle"].groupby(["ordering", "draw"]):
        flipped = ordering.set_index("document").removed
        assert (flipped[flipped > 0] >= oracle[flipped > 0]).all()


def test_running_again_reuses_and_force_starts_over(planted, monkeypatch):
    monkeypatch.setenv(drawing.VARIABLE, "delta_js")
    first = run(planted, "--model", "flan-none", "--epochs", "2")
    folder = planted.parent / "runs" / "planted" / "flan-none" / "seed-0"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    again = run(planted, "--model", "flan-none", "--epochs", "2")
    assert again.count("finished before, reusing") == 2
    assert "finished before" not in first
    for path, content in before.items():
        if path.name != "summary.json":  # holds seconds
            assert path.read_bytes() == content, path
    forced = run(planted, "--model", "flan-none", "--epochs", "2", "--force")
    assert "finished before" not in forced
    for name in ("model.safetensors", "documents.parquet", "erasures.parquet", "items.parquet"):
        assert (folder / name).read_bytes() == before[folder / name], name


def test_the_parts_make_what_the_whole_makes(planted, monkeypatch):
    monkeypatch.setenv(drawing.VARIABLE, "delta_js")
    run(planted, "--model", "han-none", "--epochs", "2", "--out", "whole")
    arguments = ("--dataset", planted, "--model", "han-none", "--epochs", "2", "--out", "parts")
    folder = planted.parent / "parts" / "planted" / "han-none" / "seed-0"
    for command in (("train", *arguments), ("probe", folder), ("report", folder)):
        status, _, errors = attnprobe(*command, cwd=planted.parent)
        assert status == 0, errors
    whole = planted.parent / "whole" / "planted" / "han-none" / "seed-0"
    for path in whole.rglob("*"):
        if path.is_file() and path.name not in ("summary.json", "training.csv", "execution.jsonl"):  # seconds
            assert path.read_bytes() == (folder / path.relative_to(whole)).read_bytes(), path


def test_a_dataset_is_found_in_the_data_folder(tmp_path):
    planted_folder(tmp_path / "data" / "mine")
    status, _, errors = attnprobe(
        "train", "--dataset", "mine", "--data-dir", "data", "--model", "flan-none", "--epochs", "1", cwd=tmp_path
    )
    assert status == 0, errors
    config = json.loads((tmp_path / "runs" / "mine" / "flan-none" / "seed-0" / "config.json").read_text())
    assert config["data"]["location"] == str(tmp_path / "data" / "mine")
    assert config["versions"]["torch"]


def test_list_names_everything(tmp_path):
    planted_folder(tmp_path / "data" / "mine")
    _, out, _ = attnprobe("list", "--data-dir", "data", cwd=tmp_path)
    for name in ("docstrings", "mine", *POOLED, "transformer", "random", "gradient_attention", "oracle"):
        assert name in out


def test_word2vec_embeddings_and_a_second_seed(planted):
    pytest.importorskip("gensim")
    for arguments in (("--word2vec",), ("--word2vec", "--seed", "1")):
        status, _, errors = attnprobe(
            "train", "--dataset", planted, "--model", "flan-none", "--epochs", "1", *arguments, cwd=planted.parent
        )
        assert status == 0, errors
    folder = planted.parent / "runs" / "planted" / "flan-none"
    assert json.loads((folder / "seed-1" / "config.json").read_text())["settings"]["word2vec"]
    weights = [(folder / seed / "model.safetensors").read_bytes() for seed in ("seed-0", "seed-1")]
    assert weights[0] != weights[1]
