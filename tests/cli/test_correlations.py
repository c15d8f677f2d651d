"""Correlations of a run: asked for, kept with its documents, told, and the same whoever computes them."""

import json
import re
import shutil

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from attnprobe.erasure.correlation_names import CORRELATIONS
from tests.fixtures.commands import attnprobe, planted_rows, write_splits

TEST_DOCUMENTS, ASKED = 24, 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Data, and a run of them with correlations."""
    folder = tmp_path_factory.mktemp("correlated")
    rows = [*planted_rows(TEST_DOCUMENTS - 1, 3), ("pos", "alone")]
    write_splits(folder / "planted", train=planted_rows(60, 1), dev=planted_rows(20, 2), test=rows)
    run(folder, "runs", "--correlations", ASKED)
    return folder


def run(folder, out, *arguments):
    command = ("run", "--dataset", "planted", "--model", "jain-cnn", "--epochs", 2, "--out", out, *arguments)
    status, said, errors = attnprobe(*map(str, command), cwd=folder)
    assert status == 0, errors
    return said


def of(folder, out="runs"):
    return folder / out / "planted" / "jain-cnn" / "seed-0"


@pytest.mark.slow
def test_a_sample_of_the_documents_has_them(folder):
    documents = pd.read_parquet(of(folder) / "documents.parquet")
    taus = documents[list(CORRELATIONS)]
    alone = int((documents["n"] == 1).sum())
    assert ASKED - alone <= taus.notna().all(axis=1).sum() <= ASKED
    assert taus.abs().max().max() <= 1
    summary = json.loads((of(folder) / "summary.json").read_text())["correlations"]
    assert summary["documents"] == len(taus.dropna(how="all"))
    for name, told in summary["taus"].items():
        assert told["mean"]["value"] == pytest.approx(taus[name].mean())
        assert told["deviation"] == pytest.approx(taus[name].std(ddof=0))


def test_it_is_told(folder):
    said = " ".join(attnprobe("report", str(of(folder)), cwd=folder)[1].split())
    assert "How alike the words of a document are ranked (Kendall's tau, mean over" in said
    assert "attention and gradient" in said
    assert (of(folder) / "tables" / "correlations.csv").exists()
    assert "Kendall's tau-b" in " ".join((of(folder) / "methods.txt").read_text().split())
    training = (of(folder) / "training.csv").read_text().splitlines()
    assert training[0].endswith("seconds,dev_auc")
    config = json.loads((of(folder) / "config.json").read_text())["settings"]
    assert config["correlations"] == ASKED
    assert config["training"]["judged_by"] == "auc"


def test_nothing_else_changes_and_without_them_there_are_none(folder):
    said = run(folder, "without")
    assert "How alike" not in said
    kept, plain = (pd.read_parquet(of(folder, out) / "documents.parquet") for out in ("runs", "without"))
    pd.testing.assert_frame_equal(kept.drop(columns=list(CORRELATIONS)), plain, check_exact=True)
    for table in ("erasures", "items", "curves"):
        one, other = (pd.read_parquet(of(folder, out) / f"{table}.parquet") for out in ("runs", "without"))
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    summary = json.loads((of(folder, "without") / "summary.json").read_text())
    assert summary["correlations"] is None


@pytest.mark.slow
def test_workers_make_the_same_bytes(folder):
    run(folder, "workers", "--correlations", ASKED, "--workers", 2)
    assert (of(folder) / "documents.parquet").read_bytes() == (of(folder, "workers") / "documents.parquet").read_bytes()


@pytest.mark.slow
def test_verify_makes_them_again_by_slow_code_and_names_another_one(folder):
    status, said, errors = attnprobe("verify", str(of(folder)), "--documents", "4", cwd=folder)
    assert status == 0, said + errors
    assert re.search(r"\d+ correlations", said)
    changed = folder / "changed" / "seed-0"
    shutil.copytree(of(folder), changed)
    table = pq.read_table(changed / "documents.parquet")
    name = next(iter(CORRELATIONS))
    place = table.column_names.index(name)
    other = pc.multiply(table[name], -1.0)
    pq.write_table(table.set_column(place, name, other), changed / "documents.parquet", write_page_checksum=True)
    status, said, errors = attnprobe("verify", str(changed), "--documents", "4", cwd=folder)
    assert status == 1
    assert re.search(rf"{name} is \S+, the reference finds", said + errors)
