"""Runs made before the order of erasing was kept: what is known is shown, and what is not is said."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.cli import main
from attnprobe.reports.page import Page
from attnprobe.reports.page.notebook import frame_of_run
from attnprobe.reports.page.terminal import document_in_terminal
from attnprobe.runs.run_folder import RunFolder
from tests.fixtures.page_reading import distribution, erased, go, state
from tests.fixtures.struck_runs import transformer_run
from tests.reports.page.conftest import page_of

pytestmark = pytest.mark.browser


def without(folder, target, *columns, emptied=False):
    """A copy of a run whose table of items lacks these columns, and with ``emptied`` whose erasures lack that one."""
    shutil.copytree(folder, target)
    items = pd.read_parquet(target / "items.parquet")
    items.drop(columns=[name for name in items if name in columns]).to_parquet(target / "items.parquet")
    if emptied:
        erasures = pd.read_parquet(target / "erasures.parquet").drop(columns="emptied")
        erasures.to_parquet(target / "erasures.parquet")
    return target


def ranks(folder):
    return [name for name in map(str, pd.read_parquet(folder / "items.parquet")) if name.startswith("rank_")]


@pytest.fixture
def older(made, tmp_path):
    return without(made.folder, tmp_path / "older", *ranks(made.folder), emptied=True)


def options(page):
    return page.locator(".by option").all_inner_texts()


def levels(page):
    return page.locator(".words .item").evaluate_all("all => all.map(each => /\\bs[0-9]/.exec(each.className)[0])")


def test_the_page_shades_counts_and_erases_by_hand_and_says_what_it_cannot(made, made_page, older, tmp_path, opened):
    page = opened(page_of(older).write(tmp_path / "report.html"), "#run=0&document=4&by=gradient&first=3")
    assert erased(page) == []
    assert options(page) == ["Attention", "Gradient", "Gradient × attention"]
    newer = opened(made_page)
    for ordering in ("attention", "gradient", "gradient_attention"):
        go(newer, f"#run=0&document=4&by={ordering}")
        go(page, f"#run=0&document=4&by={ordering}")
        assert levels(page) == levels(newer)
        assert newer.locator(".unknown-orders").is_hidden()
    note = page.locator(".unknown-orders").inner_text()
    assert note.startswith("The run's files do not tell in which order words were erased: they were made before")
    for name in ("Smallest set that flips it", "To the first flip"):
        assert page.get_by_role("button", name=name).is_disabled()
    assert page.locator(".k").is_disabled()
    assert page.locator(".first-flips button").count() == 0
    assert page.locator(".course-section").is_hidden()
    seen = [each.locator(".first-flips tbody .outcome").all_inner_texts() for each in (page, newer)]
    assert seen[0] == seen[1]
    page.locator(".words [data-at='3']").click()
    expected = made.distribution(4, [3])
    np.testing.assert_allclose([distribution(page)[c] for c in range(3)], expected, atol=1e-6)


def test_of_several_heads_no_product_is_shown_without_its_order(tmp_path, opened):
    run = transformer_run(tmp_path / "run")
    older = without(run.folder, tmp_path / "older", *ranks(run.folder), emptied=True)
    document = next(number for number, items in run.items.items() if len(items) > 3)
    page = opened(page_of(older).write(tmp_path / "report.html"), f"#run=0&document={document}&by=gradient_attention")
    assert options(page) == ["Attention", "Gradient"]
    page.locator(".words [data-at='1']").click()
    assert "Without this word the decision" in state(page)
    with pytest.raises(InputError, match="in which order items were erased by 'gradient_attention'; it can show"):
        document_in_terminal(RunResults.load(older), document, ordering="gradient_attention")


@pytest.mark.parametrize("missing", ["column", "document"])
@pytest.mark.samples(1)
def test_one_ordering_alone_may_be_unknown(made, tmp_path, opened, missing):
    folder = without(made.folder, tmp_path / "older", *(["rank_gradient"] if missing == "column" else []))
    if missing == "document":
        items = pd.read_parquet(folder / "items.parquet")
        items["rank_gradient"] = items["rank_gradient"].where(items["document"] != 4)
        items.to_parquet(folder / "items.parquet")
    page = opened(page_of(folder).write(tmp_path / "report.html"), "#run=0&document=4&by=gradient")
    assert "in which order words were erased by Gradient: they were" in page.locator(".unknown-orders").inner_text()
    button = page.get_by_role("button", name="To the first flip")
    assert button.is_disabled()
    page.locator(".by").select_option("attention")
    button.click()
    assert len(erased(page)) > 0
    go(page, "#run=0&document=6&by=gradient")
    assert page.locator(".unknown-orders").is_hidden() == (missing == "document")
    said = " ".join(document_in_terminal(RunResults.load(folder), 4, ordering="gradient", colour=False).split())
    assert "Which these are the run does not say, as it was made before the order of erasing was kept" in said
    assert "~~" not in said


def test_the_terminal_shades_and_counts_and_says_what_it_cannot(made, older):
    results, bias = RunResults.load(older), made.readout.bias.tolist()
    for ordering in ("attention", "gradient", "gradient_attention"):
        texts = [
            document_in_terminal(RunResults.load(folder), 4, ordering=ordering, bias=bias)
            for folder in (older, made.folder)
        ]
        assert "\x1b[9" not in texts[0]
        assert texts[0].split("\n\n")[1] == texts[1].split("\n\n")[1].replace("\x1b[9;", "\x1b[").replace("\x1b[9m", "")
        assert "nothing is struck through" in " ".join(texts[0].split())
    said = " ".join(document_in_terminal(results, 4, bias=bias).split())
    assert "; the run does not say which." in said
    with pytest.raises(InputError, match="erased by 'random'; it can show attention, gradient, gradient_attention"):
        document_in_terminal(results, 4, ordering="random", bias=bias)


def test_any_ordering_of_the_run_can_be_asked_for(made, older, capsys):
    assert main(["show", str(made.folder), "4", "--by", "random"]) == 0
    assert "In the first random order the decision" in " ".join(capsys.readouterr().out.split())
    for folder, ordering, told in (
        (older, "oracle", "does not say in which order"),
        (made.folder, "x", "no ordering 'x'"),
    ):
        assert main(["show", str(folder), "4", "--by", ordering]) == 2
        error = capsys.readouterr().err
        assert told in error
        assert len(error.splitlines()) == 1


def test_places_that_are_none_are_refused(made, tmp_path):
    for number, places in enumerate(([0, 0, 1], [1, 2, 3], [0, 2, None], [0.5, 1, 2], [-1, 0, 1])):
        folder = without(made.folder, tmp_path / str(number))
        items = pd.read_parquet(folder / "items.parquet").astype({"rank_attention": float})
        items.loc[items["document"] == 1, "rank_attention"] = np.array(places, dtype=float)
        items.to_parquet(folder / "items.parquet")
        for shows in (
            lambda at=folder: document_in_terminal(RunResults.load(at), 1),
            lambda at=folder: page_of(at).html(),
        ):
            with pytest.raises(
                InputError,
                match=r"items\.parquet, (row \d \()?document 1.*rank_attention'? (does not hold the places|holds)",
            ):
                shows()


def test_the_report_of_an_earlier_version_is_made_again(made, tmp_path):
    """Its summary knows no share of what changes only when nothing is left."""
    folder = without(made.folder, tmp_path / "older")
    summary = RunFolder(folder).read_summary() | {"answer": {"verdict": "no"}, "counts": {"documents": 12}}
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    with pytest.raises(InputError, match="has no report yet, or an older one: run attnprobe report"):
        Page.of(folder)
    assert "only with nothing left" in frame_of_run(RunResults.load(folder))
