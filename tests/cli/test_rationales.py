"""Rationales beside a test split go through a whole run: marked, measured, verified, told; bad ones are refused."""

import json
import shutil

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attnprobe.cli import main
from attnprobe.runs.run_folder import PARQUET, RunFolder
from tests.fixtures.commands import planted_rows, write_splits
from tests.fixtures.rationale_files import of_characters, of_planted_words, write_rationales

ROWS = [(label, f"{text} They don't, word1.") for label, text in planted_rows(16, 3)]


@pytest.fixture(
    scope="module", params=[("flan-none", ()), ("han-none", ("--given-tokens",))], ids=lambda param: param[0]
)
def probed(request, tmp_path_factory):
    """A run whose data have two annotators; of the second documents 0 and 1 have none, and document 2 has no span."""
    model, flags = request.param
    folder = tmp_path_factory.mktemp("rationales")
    data = write_splits(folder / "planted", train=planted_rows(60, 1), dev=planted_rows(10, 2), test=ROWS)
    write_rationales(data, of_planted_words(ROWS))
    second = [*of_characters(ROWS, "plan|don")][2:]
    write_rationales(data, [second[0] | {"spans": []}, *second[:0:-1]], "_second")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        arguments = ["--dataset", str(data), "--model", model, "--epochs", "1", "--out", str(folder / "runs"), *flags]
        assert main(["run", *arguments]) == 0
        yield folder / "runs" / "planted" / model / "seed-0"


def read(run, name):
    return pd.read_parquet(run / f"{name}.parquet")


@pytest.mark.samples(1)
def test_the_items_into_which_spans_reach_are_marked_and_no_others(probed):
    items = read(probed, "items")
    words = probed.parent.name == "flan-none"
    for row, of_document in items.groupby("document"):
        marked = of_document["token"].astype(object)[of_document["rationale_first"].astype(bool)].tolist()
        tokens = ROWS[row][1].split()
        (place,) = (place for place, token in enumerate(tokens) if token.startswith("planted"))
        if words:  # what spaCy makes of the two tokens
            assert "".join(marked) == "".join(tokens[place - 1 : place + 1])
        else:
            assert " ".join(tokens[place - 1 : place + 1]) in " ".join(marked)
            assert len(marked) in (1, 2)
        second = of_document["rationale_second"]
        if row < 2:
            assert second.isna().all()
        else:
            expected = of_document["token"].astype(object).str.contains("planted|don|^do$|^n't$", regex=True)
            assert second.astype(bool).tolist() == (expected if row > 2 else expected & False).tolist()


def test_rows_are_of_documents_with_marks_and_the_answer_says_so(probed, capsys):
    table = read(probed, "rationales")
    documents = {name: set(rows["document"]) for name, rows in table.groupby("annotator", observed=True)}
    assert documents == {"first": set(range(16)), "second": set(range(3, 16))}
    summary = json.loads((probed / "summary.json").read_text())
    assert summary["rationales"]["second"]["left_out"] == 3
    assert json.loads((probed / "config.json").read_text())["rationales"]["annotators"] == ["first", "second"]
    assert main(["report", str(probed)]) == 0
    assert "People (annotator first) marked" in capsys.readouterr().out
    assert (probed / "tables" / "rationales.csv").exists()


@pytest.mark.slow
def test_it_is_verified_and_a_number_that_was_changed_is_found(probed, capsys):
    few = ["--documents", "2"]
    assert main(["verify", str(probed), *few]) == 0
    out = capsys.readouterr().out
    assert "documents have the marks of the annotators that the data have: first, second" in out
    assert "rows on rationales" in out
    copy = probed.parent / "changed"
    for table, column, said in (
        ("rationales", "auprc", "auprc is"),
        ("rationales", "comprehensiveness", "the reference finds"),
        ("items", "rationale_first", "rationale_first is not what the spans reach into"),
    ):
        shutil.copytree(probed, copy)
        path = copy / f"{table}.parquet"
        whole = pq.read_table(path)
        values = whole[column].to_pylist()
        wrong = [not value if isinstance(value, bool) else None if value is None else 0.123 for value in values]
        place = whole.column_names.index(column)
        pq.write_table(whole.set_column(place, column, pa.array(wrong, whole[column].type)), path, **PARQUET)
        assert main(["verify", str(copy), *few]) == 1
        assert said in " ".join(capsys.readouterr())
        shutil.rmtree(copy)


@pytest.mark.samples(1)
def test_a_run_with_rationales_is_identified_and_finished_for_a_grid(probed, tmp_path):
    before = read(probed, "rationales")
    probed = shutil.copytree(probed, tmp_path / "run")
    assert main(["identify", str(probed), "--documents", "2"]) == 0
    assert main(["verify", str(probed), "--documents", "1"]) == 0
    assert "must_flip" in read(probed, "documents")
    pd.testing.assert_frame_equal(read(probed, "rationales"), before)
    folder = RunFolder(probed)
    assert main(["report", str(probed)]) == 0
    assert folder.is_finished(folder.read_configuration().settings)


@pytest.mark.samples(1)
def test_rationales_that_come_or_change_later_are_probed_without_training_again(probed, capsys):
    run, data = probed, probed.parents[2].parent / "planted"
    before = {name: read(run, name) for name in ("documents", "erasures", "items", "rationales")}
    model = (run / "model.safetensors").read_bytes()
    kept = {path: path.read_bytes() for path in data.glob("*.rationales*")}
    for path in kept:
        path.unlink()
    assert main(["verify", str(run)]) == 1
    assert "have changed since they were probed" in " ".join(capsys.readouterr())
    assert main(["probe", str(run)]) == 0
    assert not (run / "rationales.parquet").exists()
    for name in ("documents", "erasures"):
        pd.testing.assert_frame_equal(read(run, name), before[name])
    kept_columns = [name for name in before["items"] if not name.startswith("rationale_")]
    pd.testing.assert_frame_equal(read(run, "items"), before["items"][kept_columns])
    assert "rationales" not in json.loads((run / "config.json").read_text())
    for path, content in kept.items():
        path.write_bytes(content)
    assert main(["probe", str(run), "--workers", "2"]) == 0
    for name, rows in before.items():
        pd.testing.assert_frame_equal(read(run, name), rows)
    assert (run / "model.safetensors").read_bytes() == model


def test_a_bad_file_ends_the_command_in_a_sentence(probed, capsys):
    data = probed.parents[2].parent / "planted"
    path = write_rationales(data, [{"row": 0, "spans": [[0, 999]]}], "_bad")
    try:
        assert main(["probe", str(probed)]) == 2
    finally:
        path.unlink()
    errors = capsys.readouterr().err.strip()
    assert errors.count("\n") == 0
    assert f"{path}, row 1, column 'spans': the span [0, 999) is none of document 0, which has" in errors
