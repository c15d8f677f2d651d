"""Brought explanations, their permuted twins, curves and people's marks, as a reader of the page meets them."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attnprobe.analysis.results import RunResults
from tests.fixtures.curved_runs import write_curved_run
from tests.fixtures.page_reading import erased, state, until
from tests.reports.page.conftest import page_of

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>"


def renamed(table, names):
    """A table of a run with other names of columns, or of annotators in its rows."""
    return table.rename_columns([names.get(name, name) for name in table.column_names])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with everything; the second annotator has a hostile name."""
    folder = tmp_path_factory.mktemp("explained") / "run"
    write_curved_run(folder, documents=20, limits=0, classes=2, marked=True, explanations=["mine"])
    items = folder / "items.parquet"
    pq.write_table(renamed(pq.read_table(items), {"rationale_b": f"rationale_{HOSTILE}"}), items)
    rows = folder / "rationales.parquet"
    table = pd.read_parquet(rows).astype({name: object for name in ("annotator", "kind", "name")})
    pq.write_table(pa.Table.from_pandas(table.replace({"b": HOSTILE}), preserve_index=False), rows)
    return folder


@pytest.fixture(scope="module")
def explained(run):
    return page_of(run).write(run / "report.html")


@pytest.fixture(scope="module")
def without_contributions(run, tmp_path_factory):
    """The same as of a model whose readout is not affine, with whole curves."""
    folder = tmp_path_factory.mktemp("not-affine") / "run"
    folder.mkdir()
    for path in run.glob("*.parquet"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "config.json").write_bytes((run / "config.json").read_bytes())
    items = pq.read_table(folder / "items.parquet")
    kept = [name for name in items.column_names if not name.startswith("contribution_")]
    pq.write_table(items.select(kept), folder / "items.parquet")
    return page_of(folder).write(folder / "report.html")


def test_the_overview_has_a_line_an_ordering_and_dashes_the_twin(explained, opened):
    page = opened(explained)
    panel = page.locator("figure", has_text="How sure the model is as words go")
    names = panel.locator("tbody th[scope=row], tr th[scope=row]").all_inner_texts()
    assert [name for name in names if name.startswith("mine")] == ["mine", "mine, permuted"]
    assert panel.locator("path").count() == len(names)
    assert panel.locator("path.twin").count() == 1
    dashes = panel.locator("path.twin").evaluate("line => getComputedStyle(line).strokeDasharray")
    assert dashes not in ("none", "")
    hues = panel.locator("path").evaluate_all("lines => lines.map(line => getComputedStyle(line).stroke)")
    assert hues[names.index("mine")] == hues[names.index("mine, permuted")]


def test_a_line_is_the_mean_of_the_runs_curves(run, explained, opened):
    page = opened(explained)
    panel = page.locator("figure", has_text="How sure the model is as words go")
    names = panel.locator("tr th[scope=row]").all_inner_texts()
    path = panel.locator("path").nth(names.index("mine")).get_attribute("d")
    points = [tuple(map(float, point.split())) for point in path.removeprefix("M").split("L")]
    curves = pd.read_parquet(run / "curves.parquet")
    several = RunResults.load(run).several["document"]
    curves = curves[(curves["ordering"] == "mine") & curves["document"].isin(several)]
    sizes = curves.groupby("document")["removed"].transform("max")
    for share in (0, 25, 50):
        wanted = (share / 50 * sizes).round()  # halves to even, as NumPy
        mean = curves["probability"][curves["removed"] == wanted].mean()
        assert points[share] == pytest.approx((2 * share, 100 - 100 * mean), abs=0.06)


def test_what_people_marked_is_told_with_names_that_do_nothing(explained, opened):
    page = opened(explained)
    titles = page.locator("h3", has_text="Beside what annotator").all_inner_texts()
    assert titles == ["Beside what annotator first marked", f"Beside what annotator {HOSTILE} marked"]
    first = page.locator("figure", has_text="Beside what annotator first marked")
    rows = first.locator("tr th[scope=row]").all_inner_texts()
    assert {"Random", "Attention", "mine", "mine, permuted", f"annotator {HOSTILE}", "What is marked"} <= set(rows)


def test_items_that_people_marked_are_underlined_and_said_so(run, explained, opened):
    items = pd.read_parquet(run / "items.parquet")
    marks = items[["rationale_first", f"rationale_{HOSTILE}"]].astype(object).fillna(False).astype(bool)
    kinds = marks.iloc[:, 0] * 2 + (marks.iloc[:, 1] & ~marks.iloc[:, 0])
    both = kinds.groupby(items["document"]).agg(lambda each: {1, 2} <= set(each))
    number = int(both.index[both][0])
    page = opened(explained, f"#run=0&document={number}")
    until(page, "document.querySelectorAll('.words .item').length > 1")
    items = items[items["document"] == number]
    first, second = (
        items[f"rationale_{name}"].astype(object).fillna(False).astype(bool) for name in ("first", HOSTILE)
    )

    def positions(kind):
        found = page.locator(f".words .{kind}").evaluate_all("items => items.map(item => Number(item.dataset.at))")
        return sorted(found)

    assert positions("marked") == items["position"][first].tolist()
    assert positions("marked-by-others") == items["position"][second & ~first].tolist()
    assert positions("marked")
    width = page.locator(".words .marked").first.evaluate("item => getComputedStyle(item).borderBottomWidth")
    assert width == "2px"
    legend = page.locator(".legend").inner_text()
    assert "marked by annotator first" in legend
    assert f"marked by {HOSTILE} alone" in legend
    page.locator(".words .marked").first.hover()
    assert "Marked by first" in page.locator(".tip").inner_text()


def test_an_explanation_and_its_twin_shade_erase_and_compare(run, explained, opened):
    page = opened(explained, "#run=0&document=6&by=mine&with=mine_permuted&first=2")
    until(page, "document.querySelectorAll('.words .erased').length === 2")
    number = int(page.locator(".title").inner_text().split()[1])
    items = pd.read_parquet(run / "items.parquet")
    ranks = items[items["document"] == number].set_index("position")
    assert sorted(erased(page)) == sorted(ranks.index[ranks["rank_mine"] < 2])
    page.locator(".by").select_option("mine_permuted")
    until(page, "document.querySelector('.slider-text').textContent.includes('permuted')")
    assert sorted(erased(page)) == sorted(ranks.index[ranks["rank_mine_permuted"] < 2])
    rows = page.locator(".first-flips tbody th").all_inner_texts()
    assert {"mine", "mine, permuted"} <= set(rows)


def test_a_model_that_is_not_at_hand_has_its_kept_curves(run, without_contributions, opened):
    curves = pd.read_parquet(run / "curves.parquet")
    sizes = curves.groupby("document")["removed"].max()
    number = int(sizes.index[sizes > 3][0])
    page = opened(without_contributions, f"#run=0&document={number}&by=mine&first=2")
    until(page, "document.querySelectorAll('.words .erased').length === 2")
    curve = curves[(curves["document"] == number) & (curves["ordering"] == "mine")].set_index("removed")["probability"]
    assert page.locator(".course-section").is_visible()
    assert page.locator(".course path").count() > 3
    assert f"is then {100 * curve[2]:.1f} %" in state(page).replace("\u00a0", " ")
    assert page.locator(".course path.twin").count() == 1


def test_a_document_without_curves_has_none_drawn(run, without_contributions, opened):
    kept = set(pd.read_parquet(run / "curves.parquet")["document"])
    several = RunResults.load(run).several["document"].tolist()
    missing = next(number for number in several if number not in kept)
    page = opened(without_contributions, f"#run=0&document={missing}&by=mine&first=1")
    until(page, "document.querySelectorAll('.words .erased').length === 1")
    assert not page.locator(".course-section").is_visible()


def test_runs_without_any_of_it_have_no_panels_and_no_underline(made_page, opened):
    page = opened(made_page, "#documents")
    text = page.content()
    assert "Beside what annotator" not in text
    assert "How sure the model is as" not in text
    assert page.locator(".words .marked, .words .marked-by-others").count() == 0
    assert json.loads(page.locator("#data").inner_text())["runs"][0]["people"] == []
