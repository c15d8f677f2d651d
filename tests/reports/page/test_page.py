"""What is in the page, without a browser: samples, sizes, comparisons, notebooks."""

import base64
import html
import json
import re

import numpy as np
import pandas as pd
import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.reports.page import Page
from attnprobe.reports.page.marks import Marks
from attnprobe.reports.page.notebook import frame_of_run, frame_of_tables
from attnprobe.reports.page.sample import MOST_DOCUMENTS, candidates
from tests.fixtures.page_runs import MadeRun, random_texts
from tests.reports.page.conftest import page_of


def data_of(text):
    return json.loads(re.search('id="data">(.*?)</script>', text, re.DOTALL)[1])["runs"]


def test_every_number_is_kept_as_it_is_in_the_files(made, made_page):
    (run,) = data_of(made_page.read_text(encoding="utf-8"))
    items = pd.read_parquet(made.folder / "items.parquet")
    for document in run["documents"]:
        of = items[items.document == document["number"]]
        assert document["tokens"] == of.token.tolist()
        packed, start = base64.b64decode(document["numbers"]), 0
        for names, kind in ((run["columns"]["doubles"], "<f8"), (run["columns"]["singles"], "<f4")):
            for name in names:
                column = np.frombuffer(packed, kind, len(of), start)
                start += column.nbytes
                np.testing.assert_array_equal(column, of[name].to_numpy().astype(kind))
        for name in run["columns"]["ranks"]:
            places = np.frombuffer(packed, "u1", len(of), start)
            start += places.nbytes
            np.testing.assert_array_equal(places, of[f"rank_{name}"].fillna(-1) + 1)
        for name in run["columns"]["flags"]:
            flags = np.frombuffer(packed, "u1", len(of), start)
            start += flags.nbytes
            np.testing.assert_array_equal(flags, of[name])
        assert len(packed) == start
    assert run["columns"]["flags"] == ["flips", "sufficient"]
    assert run["columns"]["ranks"] == [
        "random",
        "attention",
        "gradient",
        "gradient_attention",
        "runner_up_margin",
        "oracle",
    ]
    assert run["columns"]["doubles"] == ["weight", "gradient"]
    assert run["columns"]["singles"][-3:] == ["contribution_0", "contribution_1", "contribution_2"]


def test_documents_of_one_item_are_left_out(made, made_page):
    (run,) = data_of(made_page.read_text(encoding="utf-8"))
    assert {document["number"] for document in run["documents"]} == {d for d, t in enumerate(made.texts) if len(t) > 1}


@pytest.mark.parametrize(
    ("count", "words", "budget"), [(60, 150, 400_000), pytest.param(150, 300, 1_000_000, marks=pytest.mark.slow)]
)
def test_a_tight_budget_holds_fewer_documents_and_is_kept(tmp_path, count, words, budget):
    run = MadeRun(tmp_path / "run", random_texts([words] * count), classes=8)
    page = page_of(run.folder)
    whole, tight = page.html(), page.html(budget)
    assert len(tight.encode()) <= budget
    (documents,) = (run["documents"] for run in data_of(tight))
    assert 0 < len(documents) < count
    by_number = {document["number"]: document for document in data_of(whole)[0]["documents"]}
    assert len(by_number) == count
    assert all(document == by_number[document["number"]] for document in documents)


def test_the_sample_is_seeded_and_has_every_category_and_mark():
    generator = np.random.default_rng(0)
    marks = Marks()
    rare = np.zeros(5000, dtype=bool)
    rare[[7, 4321]] = True
    categories = [marks.add("half", np.arange(5000) % 2 == 0), marks.add("all", np.ones(5000, dtype=bool))]
    marks.add("rare", rare)
    kept = generator.random(5000) < 0.9
    kept[7] = False
    chosen = candidates(marks, categories, kept, seed=3)
    assert len(chosen) == len(set(chosen)) == MOST_DOCUMENTS
    assert kept[chosen].all()
    assert 4321 in chosen
    assert (np.array(chosen) % 2 == 0).mean() > 0.6
    assert candidates(marks, categories, kept, seed=3) == chosen
    assert candidates(marks, categories, kept, seed=4) != chosen


def test_the_same_files_make_the_same_bytes(made, made_page):
    assert page_of(made.folder).html().encode() == made_page.read_bytes()


def test_a_mark_counts_all_its_documents_and_lists_those_in_the_page(tmp_path):
    run = MadeRun(tmp_path / "run", random_texts([60] * 120), classes=8)
    page = page_of(run.folder).html(500_000)
    (data,) = data_of(page)
    assert len(data["documents"]) < 120
    every = data["marks"][data["categories"][-1]]
    assert every == ["All documents", 120, list(range(len(data["documents"])))]
    for title, total, listed in data["marks"]:
        assert len(listed) <= total, title
        assert listed == sorted(set(listed))


def test_runs_of_the_same_documents_share_their_sample(two_page):
    words, sentences = data_of(two_page.read_text(encoding="utf-8"))
    assert words["source"] == sentences["source"]
    numbers = [[document["number"] for document in run["documents"]] for run in (words, sentences)]
    assert numbers[0] == numbers[1]


def test_columns_of_identifiability_make_a_bar(tmp_path):
    run = MadeRun(tmp_path / "run", random_texts([5, 5, 10] + [5] * 7))
    assert "equivalent weights" not in page_of(run.folder).html()
    documents = pd.read_parquet(run.folder / "documents.parquet")
    documents["must_flip"] = np.where(documents.document < 2, 5.0, 0.0)
    documents["may_flip"] = np.where(documents.document == 2, 1.0, np.nan)
    documents["never_flips"] = np.where(documents.document == 2, 9.0, np.nan)
    documents.to_parquet(run.folder / "documents.parquet")
    text = page_of(run.folder).html()
    assert re.findall(r"equivalent weights[^<]*: ([0-9.]+)\s%</title>", text) == ["50.0", "5.0", "45.0"]
    (data,) = data_of(text)
    assert [mark[1:] for mark in data["marks"] if "equivalent weights" in mark[0]] == [[2, [0, 1]], [1, [2]], [1, [2]]]


def test_a_page_of_runs_without_a_report_is_refused(made):
    with pytest.raises(InputError, match="attnprobe report"):
        Page.of(made.folder)


def test_notebooks_get_the_page_in_a_frame(made):
    for shown in (page_of(made.folder)._repr_html_(), frame_of_run(RunResults.load(made.folder))):
        assert shown.startswith("<iframe ")
        assert 'sandbox="allow-scripts"' in shown
        inside = html.unescape(re.search('srcdoc="([^"]*)"', shown)[1])
        assert len(data_of(inside)[0]["documents"]) == 11


def test_results_without_labels_show_no_accuracy(made):
    documents, erasures, items = (
        pd.read_parquet(made.folder / f"{name}.parquet") for name in ("documents", "erasures", "items")
    )
    inside = html.unescape(
        frame_of_tables({"documents": documents.drop(columns="label"), "erasures": erasures, "items": items})
    )
    assert "right in" not in inside
    assert "Misclassified" not in inside
    assert all(document["labelled"] is None for document in data_of(inside)[0]["documents"])


@pytest.mark.browser
def test_the_frame_works_inside_another_page(made, tmp_path, chromium):
    outer = tmp_path / "notebook.html"
    outer.write_text(f"<!DOCTYPE html><title>notebook</title>{page_of(made.folder)._repr_html_()}", encoding="utf-8")
    page = chromium.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(outer.as_uri())
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Documents", exact=True).click()
    frame.locator(".words [data-at='1']").click()
    assert frame.locator(".words .erased").count() == 1
    page.wait_for_timeout(300)
    assert not errors
    page.close()
