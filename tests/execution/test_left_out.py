"""A document that cannot be read, probed, mapped or identified is left out and named; all others have their results."""

import argparse
import json

import numpy as np
import pandas as pd
import pytest

from attnprobe.base.errors import InputError
from attnprobe.cli import main
from attnprobe.cli.execution import add_execution_arguments, execution_from
from attnprobe.data.batches import longest_first
from attnprobe.execution.settings import ExecutionSettings
from attnprobe.models.pooled.probe import PooledProbe
from attnprobe.settings.checkpoint_names import PREFIX
from attnprobe.stages import probing_work
from attnprobe.stages import testing as stage
from attnprobe.stages.identifying import identification
from attnprobe.stages.probing_work import ProbingWork
from tests.fixtures.commands import planted_folder
from tests.fixtures.probed_runs import (
    ONE_WAY,
    REASONS,
    PoisonedHeads,
    PoisonedNullities,
    PoisonedPrograms,
    PoisonedTexts,
    copy_of,
    poisoned,
    results,
    trained_run,
)

DOCUMENTS = 600
"""Three micro-batches of one window."""


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return trained_run(tmp_path_factory.mktemp("left-out"), DOCUMENTS, *ONE_WAY)


@pytest.fixture(scope="module")
def whole(run):
    copy = copy_of(run, "whole")
    assert main(["probe", str(copy), "--workers", "1"]) == 0
    return copy


@pytest.fixture(scope="module")
def transformer(tmp_path_factory):
    """A trained encoder with several heads, nothing probed."""
    folder = tmp_path_factory.mktemp("transformer")
    data = planted_folder(folder / "planted", test=30)
    options = ["--model", "transformer", "--d-e", "16", "--epochs", "1", "--head-map-documents", "12"]
    assert main(["train", "--dataset", str(data), "--out", str(folder / "runs"), *options]) == 0
    (config,) = (folder / "runs").rglob("config.json")
    return config.parent


def quarantined(folder):
    return json.loads((folder / "summary.json").read_text())["quarantined"]


def assert_same_but_for(folder, whole, poison):
    """Tables without the poison, whose other documents have the decisions that they have anyway."""
    for name in ("documents", "erasures", "items"):
        before, after = (pd.read_parquet(each / f"{name}.parquet") for each in (whole, folder))
        before = before[~before["document"].isin(poison)].reset_index(drop=True)
        exact = before.select_dtypes(exclude="float").columns
        assert after["document"].tolist() == before["document"].tolist()
        if name == "documents":
            assert after["decision"].tolist() == before["decision"].tolist()
            floats = before.select_dtypes("float").columns
            np.testing.assert_allclose(after[floats], before[floats], rtol=1e-4, atol=1e-5)
        else:
            assert list(exact) == list(after.select_dtypes(exclude="float").columns)


@pytest.mark.slow
def test_texts_that_cannot_be_read_are_left_out_by_whatever_executor(run, whole, monkeypatch, capsys):
    poison = (0, 17, 599)
    monkeypatch.setattr(stage, "ProbingWork", poisoned(PoisonedTexts, poison, "panic"))
    here, pool = copy_of(run, "here"), copy_of(run, "pool")
    assert main(["probe", str(here), "--workers", "1"]) == 3
    assert "document 17: PanicException: index out of bounds; left out." in capsys.readouterr().out
    assert quarantined(here) == {"documents": 3, "first": [[number, REASONS["panic"]] for number in poison]}
    assert_same_but_for(here, whole, poison)
    assert main(["probe", str(pool), "--workers", "2"]) == 3
    assert results(pool) == results(here)
    assert quarantined(pool) == quarantined(here)
    assert main(["probe", str(here)]) == 3
    assert not (here / "shards").exists()


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["pool", "ray"])
@pytest.mark.parametrize(("trouble", "reason"), [("kill", "the worker died"), ("sleep", "it took longer than 4 s")])
def test_texts_that_end_their_reader_are_left_out(tmp_path_factory, monkeypatch, executor, trouble, reason):
    if executor == "ray":
        pytest.importorskip("ray")
    folder = trained_run(tmp_path_factory.mktemp("ends"), 4)
    monkeypatch.setattr(stage, "ProbingWork", poisoned(PoisonedTexts, (2,), trouble))
    options = ["--workers", "2", "--executor", executor, "--document-timeout", "4"]
    assert main(["probe", str(folder), *options]) == 3
    (named,) = quarantined(folder)["first"]
    assert named[0] == 2
    assert named[1].startswith(reason)
    assert pd.read_parquet(folder / "documents.parquet")["document"].tolist() == [0, 1, 3]


@pytest.mark.parametrize("trouble", ["memory", "accelerator memory"])
@pytest.mark.slow
def test_a_lack_of_memory_leaves_a_document_out(run, whole, monkeypatch, trouble):
    copy = copy_of(run, "memory")
    monkeypatch.setattr(stage, "ProbingWork", poisoned(PoisonedTexts, (7,), trouble))
    assert main(["probe", str(copy), "--workers", "1"]) == 3
    assert quarantined(copy)["first"] == [[7, REASONS[trouble]]]
    assert_same_but_for(copy, whole, (7,))
    assert main(["report", str(copy)]) == 0


def test_a_window_that_was_divided_in_vain_has_the_same_bytes(run, whole, monkeypatch):
    copy, failures, original = copy_of(run, "in-vain"), [], ProbingWork._probed

    def failing_twice(self, piece):
        if len(failures) < 2:
            failures.append(piece)
            raise MemoryError
        return original(self, piece)

    monkeypatch.setattr(ProbingWork, "_probed", failing_twice)
    assert main(["probe", str(copy), "--workers", "1"]) == 0
    assert len(failures) == 2
    pieces = [json.loads(line)["piece"] for line in (copy / "execution.jsonl").read_text().splitlines()]
    assert pieces == ["000000-000001.0-600", *(f"000000-000001.{batch}" for batch in range(3))]
    assert results(copy) == results(whole)


@pytest.mark.slow
def test_an_interruption_amid_a_divided_window_changes_nothing(run, monkeypatch):
    poison = (3, 300)
    monkeypatch.setattr(stage, "ProbingWork", poisoned(PoisonedTexts, poison, "raise"))
    through, stopped = copy_of(run, "through"), copy_of(run, "stopped")
    assert main(["probe", str(through), "--workers", "1"]) == 3
    original = PoisonedTexts._probed

    def stopping(self, piece):
        if piece.batch == 1:
            raise KeyboardInterrupt
        return original(self, piece)

    with monkeypatch.context() as patch:
        patch.setattr(PoisonedTexts, "_probed", stopping)
        assert main(["probe", str(stopped), "--workers", "1"]) == 130
    assert list((stopped / "shards").glob("*.lengths.json"))
    assert main(["probe", str(stopped), "--workers", "1"]) == 3
    assert results(stopped) == results(through)
    assert quarantined(stopped) == quarantined(through)


def test_reading_and_every_micro_batch_are_steps(run, monkeypatch):
    steps = []
    monkeypatch.setattr(probing_work, "begin_step", lambda: steps.append(True))
    copy = copy_of(run, "steps")
    assert main(["probe", str(copy), "--workers", "1"]) == 0
    documents = pd.read_parquet(copy / "documents.parquet")
    batches = longest_first(documents["n"].to_numpy(), PooledProbe.batch_documents, PooledProbe.batch_tokens)
    assert len(steps) == 1 + len(batches) == 4


def test_the_limit_is_that_of_the_command_line():
    parser = argparse.ArgumentParser()
    add_execution_arguments(parser)
    assert execution_from(parser.parse_args([])) == ExecutionSettings(document_seconds=3600)
    assert execution_from(parser.parse_args(["--document-timeout", "2.5"])).document_seconds == 2.5
    for wrong in ("0", "-1", "inf", "nan", "x"):
        with pytest.raises(InputError, match="--document-timeout must be a finite number above 0, not"):
            execution_from(parser.parse_args(["--document-timeout", wrong]))


@pytest.mark.parametrize(
    ("trouble", "options"),
    [
        ("panic", ("--workers", "1")),
        pytest.param("kill", ("--workers", "2"), marks=pytest.mark.slow),
    ],
)
def test_a_document_that_breaks_the_map_of_heads_is_left_out_of_it(transformer, monkeypatch, capsys, trouble, options):
    undisturbed, copy = copy_of(transformer, "undisturbed"), copy_of(transformer, "unmapped")
    assert main(["probe", str(undisturbed), *options]) == 0
    before = pd.read_parquet(undisturbed / "head_effects.parquet")
    poison = int(before["document"].iloc[-1])
    monkeypatch.setattr(stage, "HeadMapWork", poisoned(PoisonedHeads, (poison,), trouble))
    assert main(["probe", str(copy), *options]) == 3
    assert "1 documents are left out of the map of single heads" in capsys.readouterr().out
    assert quarantined(copy) == {
        "documents": 0,
        "first": [],
        "single_heads": {"documents": 1, "first": [[poison, REASONS[trouble]]]},
    }
    assert quarantined(undisturbed)["single_heads"] == {"documents": 0, "first": []}
    assert results(copy) == results(undisturbed)
    after, expected = pd.read_parquet(copy / "head_effects.parquet"), before[before["document"] != poison]
    keys = ["document", "stack", "layer", "head", "n", "flip_whole", "flip_top", "flip_other"]
    pd.testing.assert_frame_equal(after[keys], expected[keys].reset_index(drop=True))
    np.testing.assert_allclose(after["js_top"], expected["js_top"], rtol=1e-4, atol=1e-6)
    assert main(["probe", str(copy)]) == 3
    assert main(["report", str(copy)]) == 0


@pytest.mark.parametrize(
    ("trouble", "options"),
    [
        ("panic", ("--workers", "1")),
        pytest.param("kill", ("--workers", "2"), marks=pytest.mark.slow),
    ],
)
def test_documents_that_cannot_be_identified_are_left_out(run, monkeypatch, capsys, trouble, options):
    small = trained_run(run.parents[3] / f"identified-{trouble}", 12)
    assert main(["probe", str(small)]) == 0
    undisturbed, copy = copy_of(small, "undisturbed"), copy_of(small, "unidentified")
    assert main(["identify", str(undisturbed), "--documents", "3", *options]) == 0
    whole = pd.read_parquet(undisturbed / "identifiability.parquet")
    first, second = (int(whole.loc[whole["sampled"] == sampled, "document"].iloc[0]) for sampled in (False, True))
    monkeypatch.setattr(identification, "NullityWork", poisoned(PoisonedNullities, (first,), trouble))
    monkeypatch.setattr(identification, "ProgramsWork", poisoned(PoisonedPrograms, (second,), trouble))
    assert main(["identify", str(copy), "--documents", "3", *options]) == 3
    assert f"weight ranges of document {second}: {REASONS[trouble]}; left out." in capsys.readouterr().out
    why = REASONS[trouble]
    assert quarantined(copy)["identification"] == {
        "documents": 2,
        "first": sorted([[first, why], [second, why]]),
    }
    heads = pd.read_parquet(copy / "identifiability.parquet")
    kept = whole[whole["document"] != first].reset_index(drop=True)
    assert heads["document"].tolist() == kept["document"].tolist()
    assert heads["nullity"].tolist() == kept["nullity"].tolist()
    assert (
        heads.loc[heads["sampled"], "document"].tolist()
        == kept.loc[kept["sampled"] & (kept["document"] != second), "document"].tolist()
    )
    columns = ["mean_width", "top_high"]
    both = heads["sampled"]
    np.testing.assert_allclose(heads.loc[both, columns], kept.loc[both, columns], rtol=1e-3, atol=1e-5)
    assert main(["identify", str(copy), "--documents", "3"]) == 3
    assert not (copy / "identification-state").exists()


@pytest.mark.slow
def test_documents_without_results_are_not_identified(run, monkeypatch):
    """What breaks the model when it is probed would break it again."""
    copy = trained_run(run.parents[3] / "unprobed", 12)
    with monkeypatch.context() as patch:
        patch.setattr(stage, "ProbingWork", poisoned(PoisonedTexts, (4,), "raise"))
        assert main(["probe", str(copy), "--workers", "1"]) == 3
    monkeypatch.setattr(identification, "NullityWork", poisoned(PoisonedNullities, (4,), "raise"))
    assert main(["identify", str(copy), "--documents", "2", "--workers", "1"]) == 0
    assert 4 not in pd.read_parquet(copy / "identifiability.parquet")["document"].tolist()


def test_nothing_that_can_be_identified_is_one_sentence(run, monkeypatch, capsys):
    copy = trained_run(run.parents[3] / "hopeless", 12)
    assert main(["probe", str(copy)]) == 0
    monkeypatch.setattr(identification, "NullityWork", poisoned(PoisonedNullities, tuple(range(12)), "raise"))
    capsys.readouterr()
    assert main(["identify", str(copy)]) in (1, 2)
    errors = capsys.readouterr().err
    assert "Not one document could be read; the first failed with: RuntimeError: " in errors
    assert errors.count("\n") == 1


@pytest.mark.slow
def test_a_panic_of_a_real_tokenizer_costs_its_document_alone(tmp_path, monkeypatch):
    tokenizers = pytest.importorskip("tokenizers")
    pytest.importorskip("transformers")
    from attnprobe.models.huggingface import subject
    from attnprobe.models.huggingface.pieces import encode_documents
    from tests.fixtures.checkpoints import bert, save, wordpiece

    model = save(tmp_path / "own", lambda: bert(classifier=True, max_positions=200, initializer_range=0.5), wordpiece)
    data = planted_folder(tmp_path / "planted", test=12)
    split_hash, original = [], encode_documents

    def panicking(documents, *arguments, **keywords):
        if not split_hash:
            split_hash.append(documents.content_hashes[5])
        if split_hash[0] in documents.content_hashes:
            tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0}, unk_token="a"))
            tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
            tokenizer.encode("a a a").truncate(2, stride=2)
        return original(documents, *arguments, **keywords)

    monkeypatch.setattr(subject, "encode_documents", panicking)
    arguments = ["--dataset", str(data), "--model", f"{PREFIX}{model}", "--out", str(tmp_path / "runs")]
    assert main(["run", *arguments, "--head-map-documents", "12"]) == 3
    (folder,) = (tmp_path / "runs").glob("*/*/seed-0")
    expected = [number for number in range(12) if number != 5]
    for probed in (folder, folder / "all-layers"):
        ((document, why),) = quarantined(probed)["first"]
        assert document == 5
        assert why.startswith("PanicException: `stride` must be strictly less")
        assert pd.read_parquet(probed / "documents.parquet")["document"].tolist() == expected
    assert pd.read_parquet(folder / "head_effects.parquet")["document"].unique().tolist() == expected


def test_a_run_that_died_goes_on_in_another_process(run, whole, capsys):
    """As a start leaves it behind that was killed."""
    copy = copy_of(run, "died")
    (copy / "shards").mkdir()
    (copy / "shards" / "under-way.txt").write_text("documents 0 to 599")
    assert main(["probe", str(copy), "--workers", "1"]) == 0
    assert "The last start ended in the midst of documents 0 to 599" in capsys.readouterr().out
    assert results(copy) == results(whole)
    assert not (copy / "shards").exists()
