"""Pages of runs of which a sample is looked at, or some of whose documents broke the model; any document is found."""

import html
import re
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attnprobe.analysis import statistics_sample
from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.reports.page.terminal import document_in_terminal
from tests.fixtures.kept_documents import in_groups, leave_out
from tests.fixtures.page_runs import MadeRun, random_texts
from tests.reports.page.conftest import page_of
from tests.reports.page.test_page import data_of

GONE = [0, 17, 39]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Forty documents of one word to twelve, in row groups of eight."""
    sizes = np.random.default_rng(2).integers(1, 13, size=40)
    run = MadeRun(tmp_path_factory.mktemp("sampled") / "run", random_texts(sizes))
    in_groups(run.folder, 8)
    return run


@pytest.fixture
def folder(run, tmp_path):
    return shutil.copytree(run.folder, tmp_path / "run")


def words_of(page):
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", page)).split())


def test_the_page_of_a_sample_says_so_and_has_documents_of_it_alone(folder, monkeypatch):
    monkeypatch.setattr(statistics_sample, "STATISTICS_SAMPLE", 25)
    results = RunResults.load(folder)
    page = page_of(folder).html()
    said = (
        f"Everything here is of a seeded sample of 25 of 40 documents: {len(results.several)} test documents of several"
    )
    assert said in words_of(page)
    (data,) = data_of(page)
    assert data["sampled"] is True
    assert {document["number"] for document in data["documents"]} == set(results.several["document"])
    assert data["marks"][data["categories"][-1]][1] == len(results.several)


def test_a_page_without_quarantined_documents_is_that_of_a_run_that_never_had_them(folder, tmp_path):
    never = shutil.copytree(folder, tmp_path / "never")
    leave_out(folder, GONE)
    leave_out(never, GONE, renumber=True)
    pages = [page_of(each).html() for each in (folder, never)]
    assert "3 more broke the model and are left out." in words_of(pages[0])
    assert "broke the model" not in words_of(pages[1])
    (found,), (expected,) = map(data_of, pages)
    assert found["sampled"] is False
    numbers = np.setdiff1d(np.arange(40), GONE)
    for document in expected["documents"]:
        document["number"] = int(numbers[document["number"]])
    assert found == expected


def test_runs_of_the_same_documents_are_known_as_such_though_some_broke_one_model(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "other")
    leave_out(folder, GONE)
    first, second = data_of(page_of(folder, other).html())
    assert first["source"] == second["source"]
    shown = [{document["number"] for document in run["documents"]} for run in (first, second)]
    assert shown[1] - shown[0] <= set(GONE)


@pytest.mark.slow
def test_any_document_can_be_shown(run, folder, monkeypatch):
    whole = RunResults.load(folder)
    expected = {
        number: document_in_terminal(whole, number, colour=False) for number in whole.several["document"].tolist()
    }
    kept = set(whole.several["document"][::2])
    items = pq.read_table(folder / "items.parquet")
    pq.write_table(items.filter(pa.array(np.isin(items["document"], list(kept)))), folder / "items.parquet")
    monkeypatch.setattr(statistics_sample, "STATISTICS_SAMPLE", 5)
    results = RunResults.load(folder)
    for number, text in expected.items():
        found = document_in_terminal(results, number, colour=False)
        if number in kept:
            assert found == text
        else:
            head, unkept, flips = found.split("\n\n")
            assert (head, flips) == (text.split("\n\n")[0], text.split("\n\n")[3])
            assert unkept.startswith("Its words were not kept")
    assert "documents" not in vars(results)  # nothing else was read
    with pytest.raises(InputError, match="no document 4000 "):
        document_in_terminal(results, 4000)


def test_items_that_may_flip_are_shares_of_all_documents_that_were_identified(folder, monkeypatch):
    documents = pd.read_parquet(folder / "documents.parquet")
    some = (documents["document"] % 2 == 0) & (documents["n"] > 1)
    documents["must_flip"] = np.where(some, documents["document"] % 3, np.nan)
    documents["may_flip"] = np.where(some, 1.0, np.nan)
    documents["never_flips"] = np.where(some, 2.0, np.nan)
    documents.to_parquet(folder / "documents.parquet")

    def shares():
        return re.findall(r"equivalent weights[^<]*: ([0-9.]+)\s%</title>", page_of(folder).html())

    whole = shares()
    assert len(whole) == 3
    monkeypatch.setattr(statistics_sample, "STATISTICS_SAMPLE", 20)
    assert shares() == whole
