"""`attnprobe identify` as its user runs it."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from attnprobe.cli import main
from attnprobe.stages.identifying.identification_tables import OF_DOCUMENTS
from tests.fixtures import drawing
from tests.fixtures.commands import attnprobe
from tests.fixtures.narrow_models import narrow_models, probed_run

NAMES = ("nullity_by_length", "weight_ranges", "erasure_outcomes")
FIGURES = {f"{name}.{suffix}" for name in NAMES for suffix in ("png", "pdf")}
TABLES = {"head_identifiability", "nullity_by_length", "surviving_conclusions"}
AFFINE = {"item_outcomes", "first_flip_ranges"}


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    return probed_run(tmp_path_factory.mktemp("identify"))


@pytest.fixture
def narrow(monkeypatch):
    narrow_models(monkeypatch)


@pytest.fixture
def command(capfd):
    def run(*arguments, status=0):
        capfd.readouterr()
        assert main([str(argument) for argument in arguments]) == status
        return capfd.readouterr()

    return run


def identified(folder):
    return {
        name: pd.read_parquet(folder / f"{name}.parquet") for name in ("identifiability", "weight_ranges", "documents")
    }


@pytest.mark.usefixtures("narrow")
def test_a_run_with_an_affine_readout(probed, command, monkeypatch):
    monkeypatch.setenv(drawing.VARIABLE, " ".join(NAMES))
    before = pq.read_table(probed / "documents.parquet")
    out, errors = command("identify", probed, "--documents", "5")
    assert errors == ""
    report, _, words = out.partition("\n\n")
    assert report.startswith("Report: ")
    assert max(map(len, words.splitlines())) <= 100
    assert "Given its output, the weights are not unique in" in " ".join(words.split())
    assert "Erased at first flip" in words
    tables = identified(probed)
    heads, ranges, documents = tables.values()
    assert heads["document"].tolist() == list(range(12))
    assert (heads["nullity"] == (heads["n"] - heads["rank"])).all()
    assert (heads["rank"] <= 6).all()
    assert heads["sampled"].sum() == 5
    assert (heads["failed"] == False).sum() == 5  # noqa: E712 - null is neither
    assert heads.loc[~heads["sampled"], "mean_width"].isna().all()
    assert heads["d_k"].isna().all()

    after = pq.read_table(probed / "documents.parquet")
    assert after.schema.metadata == before.schema.metadata
    assert after.select(before.column_names).equals(before)
    assert after.column_names == [*before.column_names, *OF_DOCUMENTS]
    chosen = documents["must_flip"].notna()
    assert documents.loc[chosen, "document"].tolist() == heads.loc[heads["sampled"], "document"].tolist()
    sample = documents[chosen]
    assert (sample["must_flip"] + sample["may_flip"] + sample["never_flips"] == sample["n"]).all()
    erasures = pd.read_parquet(probed / "erasures.parquet").query("draw == 0 and erase_by == 'renormalise'")
    for ordering, name in (("attention", "first_flip"), ("random", "random")):
        removed = erasures[erasures["ordering"] == ordering].set_index("document")["removed"]
        observed = endless(removed.loc[sample["document"]])
        assert (endless(sample[f"{name}_earliest"]) <= observed).all()
        assert (endless(sample[f"{name}_latest"]) >= observed).all()

    items = pd.read_parquet(probed / "items.parquet").merge(ranges, on=["document", "position"], suffixes=("_item", ""))
    assert len(items) == len(ranges) == sample["n"].sum()
    np.testing.assert_allclose(items["weight"], items["weight_item"], atol=1e-6)
    assert (ranges["low"] <= ranges["weight"]).all()
    assert (ranges["weight"] <= ranges["high"]).all()
    assert (ranges["low"] < ranges["high"] - 1e-3).any()
    np.testing.assert_allclose(ranges.groupby("document")["maximum_entropy"].sum(), 1)
    assert {path.name for path in (probed / "figures").iterdir()} >= FIGURES
    assert {path.stem for path in (probed / "tables").iterdir()} >= TABLES | AFFINE
    assert {path.name for path in probed.glob("*.jsonl")} == {"execution.jsonl", "manifest.jsonl"}

    summary = json.loads((probed / "summary.json").read_text())
    monkeypatch.delenv(drawing.VARIABLE)
    again, _ = command("report", probed)
    assert "Does attention explain this model?" in again
    assert json.loads((probed / "summary.json").read_text())["identifiability"] == summary["identifiability"]
    assert summary["identifiability"]["sampled"] == 5
    reused, _ = command("identify", probed, "--documents", "5")
    assert "finished before, reusing" in reused


def endless(count):
    return count.astype(float).where(count.astype(float) >= 0, np.inf).to_numpy()


@pytest.mark.usefixtures("narrow")
def test_what_cannot_be_done_is_said_in_one_sentence(probed, command, tmp_path):
    for arguments, words in (
        ((tmp_path,), "is not a run"),
        ((probed, "--layers", "3"), "--layers 3: there is no 3"),
        ((probed, "--heads", "x"), "--heads x: 'x' is not a number"),
        ((probed, "--documents", "0"), "--documents must be a whole number from 1 on, not 0"),
        ((probed, "--executor", "in-process", "--workers", "2"), "--workers 2: there is but one in process"),
        ((probed, "--dataset", "trec6"), "--dataset is for a model, and"),
        (("hf:somewhere",), "give --dataset"),
    ):
        _, errors = command("identify", *arguments, status=2)
        assert errors.startswith("attnprobe: ")
        assert errors.count("\n") == 1
        assert words in errors
    stamped = pq.read_table(probed / "documents.parquet")
    (tmp_path / "documents.parquet").write_bytes((probed / "documents.parquet").read_bytes())
    pq.write_table(stamped.replace_schema_metadata({"attnprobe": "another"}), probed / "documents.parquet")
    _, errors = command("identify", probed, "--documents", "7", status=2)
    assert "run attnprobe probe first" in errors
    (probed / "documents.parquet").write_bytes((tmp_path / "documents.parquet").read_bytes())


def test_the_command_itself(planted, command):
    arguments = ("--dataset", planted, "--model", "han-none", "--epochs", "1", "--out", planted.parent / "runs")
    command("train", *arguments)
    command("probe", planted.parent / "runs/planted/han-none/seed-0")
    identify = ("identify", "runs/planted/han-none/seed-0", "--documents", "3")
    status, out, errors = attnprobe(*identify, cwd=planted.parent)
    assert (status, errors) == (0, "")
    assert "With up to" in out
    assert "sentence" in out


@pytest.fixture
def offline(monkeypatch, tmp_path):
    pytest.importorskip("transformers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("offline")
@pytest.mark.slow
def test_a_hugging_face_classifier(planted, command, tmp_path):
    from tests.fixtures.checkpoints import bert, save, wordpiece

    model = save(tmp_path / "tiny", lambda: bert(classifier=True, max_positions=200), wordpiece)
    out, errors = command("identify", f"hf:{model}", "--dataset", planted, "--documents", "3")
    assert errors == ""
    assert "4 attention heads on 30 documents" in out
    folder = tmp_path / "runs" / "planted" / "hf-tiny" / "seed-0"
    heads = pd.read_parquet(folder / "identifiability.parquet")
    assert len(heads) == 30 * 4
    assert heads[["layer", "head"]].drop_duplicates().values.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert set(heads["d_v"]) == set(heads["d_k"]) == {8}
    assert (heads.loc[heads["layer"] == 1, "row"] == 0).all()
    assert (heads["nullity"] >= heads["n"] - 9).all()
    expected = heads["d_k"] > heads["dk_star"]
    assert expected.any()
    assert (heads["n"] > 9)[expected].all()
    assert heads["sampled"].sum() == 3 * 4
    assert "must_flip" not in pd.read_parquet(folder / "documents.parquet")
    assert {path.stem for path in (folder / "tables").iterdir()} >= TABLES
    assert not {path.stem for path in (folder / "tables").iterdir()} & AFFINE
    summary = json.loads((folder / "summary.json").read_text())["identifiability"]
    assert len(summary["heads"]) == 4
    assert summary["items"] is None
    assert [row["name"] for row in summary["conclusions"]] == ["top_item", "ranking"]
    one, _ = command("identify", folder, "--documents", "2", "--layers", "last", "--heads", "1")
    assert "attention on 30 documents" in one
    heads = pd.read_parquet(folder / "identifiability.parquet")
    assert set(zip(heads["layer"], heads["head"], strict=True)) == {(1, 1)}


@pytest.mark.parametrize("combine", ["concatenate", "add"])
@pytest.mark.samples(1)
def test_a_transformer_that_was_trained_here(planted, command, tmp_path, combine, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shape = ("--d-e", "8", "--num-heads", "2", "--d-k", "3", "--num-layers", "1", "--combine", combine)
    arguments = ("--dataset", planted, "--model", "transformer", "--epochs", "1", *shape)
    command("train", *arguments)
    (folder,) = (path.parent for path in (tmp_path / "runs").rglob("config.json"))
    command("probe", folder)
    out, _ = command("identify", folder, "--documents", "3")
    assert "2 attention heads on 30 documents" in out
    heads = pd.read_parquet(folder / "identifiability.parquet")
    # Heads that are added have values as wide as the model, and so determine the weights of longer documents.
    width = {"concatenate": 4, "add": 8}[combine]
    assert set(heads["d_v"]) == {width}
    assert set(heads["d_k"]) == {3}
    assert (heads["row"] == 0).all()
    assert (heads["nullity"] >= heads["n"] - width - 1).all()
