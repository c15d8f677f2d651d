"""A split is probed in shards by several workers: nothing is lost, nothing doubled, every byte the same."""

import argparse
import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from attnprobe.base.errors import InputError
from attnprobe.base.run_lock import locked
from attnprobe.cli import main
from attnprobe.cli.options import reopen_run
from attnprobe.execution.settings import ExecutionSettings
from attnprobe.stages import testing as stage
from tests.fixtures.commands import write_splits
from tests.fixtures.probed_runs import PoisonedWork, copy_of, results, trained_run

WINDOW = 30
DOCUMENTS = 75
"""Of the test split: three windows."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("probing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.setattr("attnprobe.data.windows.WINDOW_DOCUMENTS", WINDOW)
        yield trained_run(folder, DOCUMENTS)


@pytest.fixture(scope="module")
def whole(run):
    """What the run gives in peace."""
    copy = copy_of(run, "whole")
    assert main(["probe", str(copy), "--workers", "1"]) == 0
    return results(copy)


def probe(run, work=None, **settings):
    """Probe with a work of our own; what was said."""
    opened, said = reopen_run(run, argparse.Namespace(device="cpu")), []
    opened.say = said.append
    with pytest.MonkeyPatch.context() as patch:
        if work is not None:
            patch.setattr(stage, "ProbingWork", work)
        left_out = stage.probe(opened, ExecutionSettings(**settings))
    return left_out, said


def poisoned(documents, trouble="raise", once=None):
    def make(*arguments):
        work = PoisonedWork(*arguments)
        work.documents, work.trouble, work.once = documents, trouble, once
        return work

    return make


@pytest.mark.parametrize("options", [("--workers", "2"), ("--shard-windows", "7")])
@pytest.mark.samples(1)
def test_results_depend_on_no_worker_and_no_shard(run, whole, options):
    copy = copy_of(run, "options")
    assert main(["probe", str(copy), *options]) == 0
    assert results(copy) == whole
    assert not (copy / "shards").exists()


def short_texts(documents):
    """Of three words, every fifth of fourteen: few enough to search all sets, and too many."""
    rows = []
    for number in range(documents):
        label, words = ("pos", "neg")[number % 2], 13 if number % 5 == 0 else 2
        rows.append((label, " ".join([*(f"word{number * step % 11}" for step in range(words)), f"planted{label}"])))
    return rows


@pytest.mark.parametrize("model", [("flan-none",), ("transformer", "--d-e", "16", "--head-map-documents", "2")])
@pytest.mark.samples(1)
def test_limits_are_the_same_bytes_with_one_worker_and_with_two(tmp_path, monkeypatch, model):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("attnprobe.data.windows.WINDOW_DOCUMENTS", 16)
    texts = short_texts(40)  # three windows
    data = write_splits(tmp_path / "short", train=texts, dev=texts[:8], test=texts)
    options = ["--epochs", "1", "--limits", "20", "--out", str(tmp_path / "runs")]
    assert main(["train", "--dataset", str(data), "--model", *model, *options]) == 0
    (config,) = (tmp_path / "runs").rglob("config.json")
    found = []
    for workers in ("1", "2"):
        copy = copy_of(config.parent, f"workers-{workers}")
        assert main(["probe", str(copy), "--workers", workers]) == 0
        found.append(results(copy))
    assert set(found[0]) == {"documents", "erasures", "items", "curves"}
    assert found[0] == found[1]
    documents = pd.read_parquet(copy / "documents.parquet").set_index("document")
    limited = documents[documents["aopc_probability_lower_high"].notna()]
    assert len(limited) == 20
    assert set(limited.index // 16) == {0, 1, 2}
    assert pq.ParquetFile(copy / "documents.parquet").metadata.num_row_groups == 3
    endless = np.isinf(limited["aopc_probability_lower_low"])
    assert (endless == (limited["n"] > 12) & (model[0] == "transformer")).all()
    assert endless.any() == (model[0] == "transformer")


def test_tables_are_whole_and_in_order(run, whole):
    folder = run.with_name("whole")
    documents = pd.read_parquet(folder / "documents.parquet")
    assert documents["document"].tolist() == list(range(DOCUMENTS))
    erasures = pd.read_parquet(folder / "erasures.parquet")
    assert not erasures.duplicated(["document", "erase_by", "ordering", "draw"]).any()
    assert erasures["document"].is_monotonic_increasing
    assert len(erasures) % DOCUMENTS == 0
    items = pd.read_parquet(folder / "items.parquet")
    assert len(items) == documents["n"].sum()
    groups = pq.ParquetFile(folder / "documents.parquet").metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [
        WINDOW,
        WINDOW,
        DOCUMENTS - 2 * WINDOW,
    ]


def test_equal_texts_have_random_orders_of_their_own(run, whole):
    erasures = pd.read_parquet(run.with_name("whole") / "erasures.parquet").query("erase_by == 'renormalise'")
    random = erasures[erasures["ordering"] == "random"].pivot(index="document", columns="draw", values="removed")
    copies = DOCUMENTS // 10
    first, again = random.iloc[:copies].to_numpy(), random.iloc[-copies:].to_numpy()
    assert (first != again).any()
    attention = erasures[erasures["ordering"] == "attention"]["removed"].to_numpy()
    assert (attention[:copies] == attention[-copies:]).all()


def test_jobs_share_the_shards_and_one_joins_them(run, whole, capsys):
    copy = copy_of(run, "shared")
    assert main(["probe", str(copy), "--shard", "2/2"]) == 0
    assert "1 of 3 shards are there" in capsys.readouterr().out
    assert not (copy / "documents.parquet").exists()
    assert main(["probe", str(copy), "--shard", "1/2"]) == 0
    assert "3 of 3 shards are there" in capsys.readouterr().out
    log = (copy / "execution.jsonl").read_text().splitlines()
    assert main(["probe", str(copy)]) == 0
    assert results(copy) == whole
    assert (copy / "execution.jsonl").read_text().splitlines() == log  # nothing was probed twice
    assert sum(json.loads(line)["documents"] for line in log) == DOCUMENTS


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0"])
def test_a_share_that_is_none_is_refused(run, capsys, text):
    assert main(["probe", str(run), "--shard", text]) == 2
    assert "such as 1/8" in capsys.readouterr().err


def test_shares_are_numbered_by_torchrun_or_slurm(run, capsys, monkeypatch):
    copy = copy_of(run, "numbered")
    assert main(["probe", str(copy), "--shard", "env"]) == 2
    assert "has numbered this job" in capsys.readouterr().err
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert main(["probe", str(copy), "--shard", "env"]) == 0
    assert [file.name for file in (copy / "shards").glob("*.documents.parquet")] == ["000002-000003.documents.parquet"]
    monkeypatch.delenv("RANK")
    for name, value in (("TASK_ID", 11), ("TASK_COUNT", 3), ("TASK_MIN", 10)):
        monkeypatch.setenv(f"SLURM_ARRAY_{name}", str(value))
    assert main(["probe", str(copy), "--shard", "env"]) == 0
    assert (copy / "shards" / "000001-000002.documents.parquet").exists()


@pytest.mark.parametrize(
    ("trouble", "workers", "poison"),
    [
        ("raise", 1, (WINDOW, DOCUMENTS - 1)),
        pytest.param("kill", 2, (WINDOW,), marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_poison_documents_are_left_out_and_nothing_else(run, whole, trouble, workers, poison):
    copy = copy_of(run, "poisoned")
    executor = "pool" if trouble == "kill" else None
    left_out, said = probe(copy, poisoned(poison, trouble), workers=workers, executor=executor, windows=2)
    assert left_out == len(poison)
    assert any(f"{len(poison)} of {DOCUMENTS:,} documents broke the model" in line for line in said)
    quarantined = json.loads((copy / "summary.json").read_text())["quarantined"]
    assert [document for document, _ in quarantined["first"]] == list(poison)
    reason = "the worker died (signal 9)" if trouble == "kill" else "RuntimeError: "
    assert all(why.startswith(reason) for _, why in quarantined["first"])
    for name in ("documents", "erasures", "items"):
        before = pd.read_parquet(run.with_name("whole") / f"{name}.parquet")
        after = pd.read_parquet(copy / f"{name}.parquet")
        before = before[~before["document"].isin(poison)].reset_index(drop=True)
        assert after["document"].tolist() == before["document"].tolist()
        if name == "documents":
            assert after["decision"].tolist() == before["decision"].tolist()
            # Whoever shared a window with poison was read in another micro-batch: floats agree but for rounding.
            floats = before.select_dtypes("float").columns
            np.testing.assert_allclose(after[floats], before[floats], rtol=1e-4, atol=1e-5)
            assert (after != before).any(axis=1).sum() <= WINDOW * len(poison)
    if trouble == "raise":  # whoever found the poison, what is left is the same
        again = copy_of(run, "poisoned-again")
        probe(again, poisoned(poison, trouble), workers=3 - workers, windows=1)
        assert results(again) == results(copy)
    assert main(["probe", str(copy)]) == 3


def test_trouble_that_passes_leaves_no_trace(run, whole, tmp_path):
    copy, once = copy_of(run, "passing"), tmp_path / "happened"
    left_out, said = probe(copy, poisoned((WINDOW + 2,), "kill", once), workers=2, executor="pool")
    assert left_out == 0
    assert once.exists()
    assert any("died (signal 9)" in line for line in said)
    assert results(copy) == whole


# Every document is tried by itself.
@pytest.mark.parametrize("documents", [12, pytest.param(1100, marks=pytest.mark.slow)])
def test_a_model_that_fails_everywhere_is_no_result(tmp_path, monkeypatch, documents):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    copy = trained_run(tmp_path, documents)
    with pytest.raises(InputError, match=r"first failed with: RuntimeError: "):
        probe(copy, poisoned(tuple(range(documents))))
    assert not (copy / "documents.parquet").exists()


@pytest.fixture(scope="module")
def sharded(run):
    """A copy whose shards are all there and not joined."""
    copy = copy_of(run, "sharded")
    assert main(["probe", str(copy), "--shard", "1/1"]) == 0
    return copy


@pytest.mark.parametrize("damage", ["truncated", "flipped", "foreign", "gone"])
@pytest.mark.samples(2)
def test_damaged_shards_are_probed_again(sharded, whole, damage):
    copy = copy_of(sharded, "damaged")
    file = copy / "shards" / "000001-000002.erasures.parquet"
    content = bytearray(file.read_bytes())
    if damage == "truncated":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[len(content) // 3] ^= 0xFF
        file.write_bytes(content)
    elif damage == "foreign":
        pq.write_table(pq.read_table(file).replace_schema_metadata({"attnprobe": "{}"}), file)
    else:
        file.unlink()
    before = len((copy / "execution.jsonl").read_text().splitlines())
    assert main(["probe", str(copy)]) == 0
    assert results(copy) == whole
    assert len((copy / "execution.jsonl").read_text().splitlines()) == before + 1


def test_a_folder_has_one_writer(run, capsys):
    copy = copy_of(run, "locked")
    with locked(copy / "run.lock", copy):
        assert main(["probe", str(copy)]) == 2
        assert "is being written by another attnprobe (process" in capsys.readouterr().err
        assert main(["probe", str(copy), "--shard", "1/2"]) == 2
    with locked(copy / "run.lock", copy, shared=True):
        assert main(["probe", str(copy), "--shard", "1/2"]) == 0
        assert main(["probe", str(copy)]) == 2
