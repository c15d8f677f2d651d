"""Every number of the answer is made again from the Parquet files, by code that shares nothing with attnprobe."""

import ast
import importlib.util
import sys

import numpy as np
import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.cli import main
from attnprobe.reports.answer import answer
from tests.fixtures.commands import planted_folder
from tests.fixtures.curved_runs import write_curved_run
from tests.fixtures.page_runs import MadeRun, random_texts
from tests.reference.answer import Tables, single_erasures
from tests.reference.answer import answer as recomputed
from tests.reference.answer import main as main_of_reference
from tests.reference.answer_text import read

REFERENCE = ("chance", "answer", "answer_text", "intervals", "verdicts")


@pytest.fixture(scope="module")
def pooled(tmp_path_factory):
    """(answer, folder) of 62 documents of several words and two of one; smallest sets are known."""
    folder = tmp_path_factory.mktemp("pooled") / "run"
    sizes = [1, 1, *np.random.default_rng(4).integers(2, 24, size=62)]
    MadeRun(folder, random_texts(sizes), seed=3, peak=2.0)
    return answer(summarise(RunResults.load(folder))), folder


@pytest.mark.slow
def test_a_transformer(tmp_path, capsys, monkeypatch):
    """A run of the command: an encoder of two layers with four heads, three of which are erased; greedily too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data = planted_folder(tmp_path / "planted", test=50)
    options = "--model transformer --d-e 16 --d-k 4 --num-heads 4 --num-layers 2 --epochs 6 --learning-rate 0.01"
    options += " --longest 24 --layers all --heads 0-2 --greedy --head-map full --head-map-documents 30 --out"
    assert main(["run", "--dataset", str(data), *options.split(), str(tmp_path / "runs")]) == 0
    out = capsys.readouterr().out
    (folder,) = (tmp_path / "runs").glob("planted/*/seed-0")
    numbers = recomputed(folder)
    reading = read(out[out.index("planted · ") : out.index("Everything is in")], numbers)
    assert reading.faults() == []
    assert {"greedy", "random", "attention"} <= set(numbers.orderings)
    assert len(numbers.heads) == 8
    assert "Greedy: mean where all flip" in {row.place for row in reading.rows}


def test_a_pooled_run(pooled):
    text, folder = pooled
    reading = read(text, recomputed(folder))
    assert reading.faults() == []
    assert "Smallest set (exact): attention takes times as many" in {row.place for row in reading.rows}


def test_a_run_of_five_ways_of_erasing(tmp_path, capsys, monkeypatch):
    """The verdict under each is made again from its own rows and columns."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data = planted_folder(tmp_path / "planted", test=50)
    options = ["--model", "flan-none", "--epochs", "2", "--out", str(tmp_path / "runs")]
    assert main(["run", "--dataset", str(data), *options]) == 0
    out = capsys.readouterr().out
    (folder,) = (tmp_path / "runs").glob("planted/*/seed-0")
    numbers = recomputed(folder)
    assert set(numbers.verdicts) == {"zero", "document_mean", "corpus_mean", "resample"}
    reading = read(out[out.index("planted · ") : out.index("Everything is in")], numbers)
    assert reading.faults() == []
    assert "ways with this verdict" in {row.place for row in reading.rows}
    numbers.verdicts["zero"] = "no"
    assert read(reading.text, numbers).faults()


def test_a_run_that_knows_random_orders_of_its_documents(tmp_path):
    write_curved_run(tmp_path / "run", documents=70, limits=0)
    reading = read(answer(summarise(RunResults.load(tmp_path / "run"))), recomputed(tmp_path / "run"))
    assert reading.faults() == []
    assert {"attention: better than chance", "gradient × attention: better than chance, to"} <= {
        row.place for row in reading.rows
    }


def test_accuracy_is_of_the_documents_whose_label_is_a_class(tmp_path):
    """How many these are is said where it is not all."""
    MadeRun(tmp_path / "run", random_texts([1, 1, *[4, 5, 6] * 10]), unlabelled=3)
    reading = read(answer(summarise(RunResults.load(tmp_path / "run"))), recomputed(tmp_path / "run"))
    assert reading.faults() == []
    (said,) = [row for row in reading.rows if row.place == "documents with a label"]
    assert said.token == "20"


def test_the_command_says_the_same_of_any_run(pooled, capsys):
    assert main_of_reference(str(pooled[1])) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"All {len(lines) - 2} numbers of the answer agree."


def test_the_documents_are_those_of_the_items(pooled):
    """What the answer takes from documents.parquet is what the weights and flips of the items say."""
    tables = Tables(pooled[1])
    weights = tables.items.groupby("document")["weight"]
    several = tables.several
    entropy = weights.agg(lambda w: -(w * np.log(w)).sum() / np.log(max(2, len(w))))[several.index]
    assert (weights.size()[several.index] == several["n"]).all()
    np.testing.assert_allclose(entropy, several["attention_entropy_normalised"], rtol=1e-12)
    top, others = single_erasures(tables)
    np.testing.assert_array_equal(top, several["flip_top"])
    np.testing.assert_allclose(others, several["flip_other"], rtol=1e-12)


def test_a_wrong_digit_anywhere_is_found(pooled):
    """The last one of what has no chance in it, a first one too many of the ends of bootstraps, a number too many."""
    text, folder = pooled
    numbers = recomputed(folder)
    reading = read(text, numbers)
    assert len(reading.rows) > 140
    for row in reading.rows:
        has_chance = getattr(row.number, "most", None) is not None
        token = row.token.replace("+", "+9") if "+" in row.token else f"9{row.token}"
        if not has_chance:
            token = row.token[:-1] + str((int(row.token[-1]) + 1) % 10)
        wrong = reading.text[: row.end - len(row.token)] + token + reading.text[row.end :]
        assert read(wrong, numbers).faults(), row
    assert "3.4" in read(f"{text} Of these 3.4 are right.", numbers).faults()[0]


def test_a_wrong_verdict_is_found(pooled):
    text, folder = pooled
    numbers = recomputed(folder)
    assert numbers.verdict.verdict == "only in part"
    for told in ("No:", "Undecided:", "As well as any ordering tried (gradient and gradient × attention):"):
        assert read(text.replace("Only in part:", told), numbers).faults()
    assert read(text.replace("by gradient × attention", "by gradient"), numbers).faults()


@pytest.mark.parametrize("name", REFERENCE)
def test_the_reference_shares_nothing_with_what_it_checks(name):
    spec = importlib.util.find_spec(f"tests.reference.{name}")
    with open(spec.origin, encoding="utf-8") as file:
        nodes = list(ast.walk(ast.parse(file.read())))
    imported = [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
    imported += [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    own = {f"tests.reference.{other}" for other in REFERENCE}
    known = {"numpy", "scipy", "pandas", "pyarrow"}
    assert imported
    allowed = known | own | sys.stdlib_module_names
    assert [module for module in imported if not {module, module.partition(".")[0]} & allowed] == []
