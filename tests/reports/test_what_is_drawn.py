"""Every figure shows as much as its title says."""

import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.papers.serrano2019.figures import dataset_panels, figure3_delta_js, figure4_negative_delta_js
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.reports import style
from attnprobe.reports.drawn import NotDrawnError, even_edges, require_drawn, weights_in_cells
from attnprobe.reports.figures import IDENTIFIABILITY_FIGURES, delta_js, negative_delta_js, nullity_by_length
from attnprobe.reports.numbers import percent
from attnprobe.reports.page.marks import Marks
from attnprobe.reports.page.panels import delta_js as page_panel
from tests.analysis.test_identifiability import AFFINE, HEADS, POOLING, REMOVED, SIZES
from tests.fixtures.identified_runs import write_identified
from tests.fixtures.paper_grids import write_one
from tests.fixtures.synthetic_runs import write_run

LARGEST = float(np.log(2))
JS = st.one_of(
    st.sampled_from([0.0, 1e-7, -1e-7, 0.05, -0.05, LARGEST, -LARGEST]),
    st.floats(-LARGEST, LARGEST, allow_subnormal=False),
)


@st.composite
def pairs(draw):
    """One to three pairs of i* and r, each of a document of its own or all of one."""
    count = draw(st.integers(1, 3))
    js = draw(
        st.one_of(
            st.lists(JS, min_size=count, max_size=count),
            JS.map(lambda one: [one] * count),
            st.lists(JS.map(abs), min_size=count, max_size=count),
            st.lists(JS.map(lambda one: -abs(one)), min_size=count, max_size=count),
        )
    )
    alpha = draw(st.lists(st.floats(0, 1), min_size=count, max_size=count))
    together = draw(st.booleans())
    table = {"document": [0] * count if together else range(count), "delta_alpha": alpha, "delta_js": js}
    return pd.DataFrame(table | {"weight": 1 / count if together else 1.0})


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """Of one run; what pairs it has is told to each test."""
    folder = tmp_path_factory.mktemp("runs")
    write_one(folder, "toy", "flan-none", 0, sizes=[2, 3, 4])
    return RunGrid.find([folder])


@pytest.fixture(scope="module")
def results(grid):
    return grid.results("toy", "flan-none")


def pairs_are(monkeypatch, table):
    for module in (delta_js, negative_delta_js, page_panel, dataset_panels):
        monkeypatch.setattr(module, "delta_js_pairs", lambda _: table)


def n_of(text):
    return int(re.search(r"n = ([\d,]+)", text.replace("\N{NO-BREAK SPACE}", " "))[1].replace(",", ""))


def bars_of(axes):
    """Heights of the grey bars and of those before them that can be seen."""
    low, high = axes.get_ylim()
    heights = [[bar.get_height() for bar in bars if low < bar.get_height() < high] for bars in axes.containers]
    return [sum(each) for each in heights]


@pytest.mark.filterwarnings("error")
@given(table=pairs())
@pytest.mark.slow
def test_no_pair_is_lost_in_a_histogram(results, table):
    with pytest.MonkeyPatch.context() as patch, mpl.rc_context(style.SETTINGS):
        pairs_are(patch, table)
        figure = delta_js.draw(results)
    cells = figure.axes[0].collections[0].get_array()
    assert float(cells.sum()) == pytest.approx(n_of(figure.get_suptitle())) == table["document"].nunique()


@given(table=pairs())
def test_no_pair_is_lost_in_a_panel_of_the_paper(grid, table):
    with pytest.MonkeyPatch.context() as patch:
        pairs_are(patch, table)
        figure, panels = dataset_panels.sheet_of_pairs(grid, "flan-none", "")
        figure3_delta_js._draw_panels(figure, panels)
    (axes, *_) = figure.axes
    assert float(axes.collections[0].get_array().sum()) == pytest.approx(n_of(axes.texts[0].get_text()))


@given(table=pairs())
def test_no_bar_of_negative_pairs_is_lost(results, table):
    with pytest.MonkeyPatch.context() as patch, mpl.rc_context(style.SETTINGS):
        pairs_are(patch, table)
        figure = negative_delta_js.draw(results)
    (axes,) = figure.axes
    documents, negative = n_of(figure.get_suptitle()), table["weight"][table["delta_js"] < 0].sum()
    if not negative:
        assert "never negative" in axes.texts[0].get_text()
        return
    assert bars_of(axes) == pytest.approx([documents, negative])
    assert percent(negative / documents) in axes.get_legend().get_texts()[1].get_text()


@given(table=pairs())
@pytest.mark.slow
def test_no_bar_of_a_panel_of_the_paper_is_lost(grid, table):
    with pytest.MonkeyPatch.context() as patch:
        pairs_are(patch, table)
        _, (panel,) = dataset_panels.sheet_of_pairs(grid, "flan-none", "")
        panel.axes.set_ylim(figure4_negative_delta_js._draw_panel(panel))
    shown, _ = bars_of(panel.axes)
    assert shown == pytest.approx(n_of(panel.axes.texts[0].get_text()))


def test_a_bar_that_is_a_millionth_of_the_highest_is_seen(grid, monkeypatch):
    many = pd.DataFrame({"document": np.repeat(np.arange(2000), 1000), "delta_alpha": 0.01})
    table = many.assign(delta_js=0.1, weight=1e-3)
    table.loc[0, ["delta_alpha", "delta_js"]] = 0.9, -0.1
    pairs_are(monkeypatch, table)
    _, (panel,) = dataset_panels.sheet_of_pairs(grid, "flan-none", "")
    panel.axes.set_ylim(figure4_negative_delta_js._draw_panel(panel))
    assert bars_of(panel.axes) == pytest.approx([2000, 1e-3])


@given(table=pairs())
def test_every_document_is_in_the_cell_of_the_page_that_holds_it(results, table):
    with pytest.MonkeyPatch.context() as patch:
        pairs_are(patch, table)
        panel = page_panel.delta_js_panel(results, marks := Marks())
    found = np.any([mark.rows for mark in marks.all], axis=0)
    assert found.tolist() == results.several["document"].isin(table["document"]).tolist()
    edges = page_panel._edges(table["delta_js"].to_numpy(), table["weight"].to_numpy())
    assert edges[0] <= table["delta_js"].min() <= table["delta_js"].max() <= edges[-1]
    assert panel.reach >= table["delta_alpha"].max()


def test_the_share_in_a_figure_is_of_what_it_shows(tmp_path):
    """Where items were kept of some documents alone, it is not that of all."""
    _, _, items = write_run(tmp_path, [3] * 12)
    js = np.where(items["position"] == items.groupby("document")["weight"].transform(np.argmax), 0.01, 0.02)
    items.assign(js=js)[items["document"] < 4].to_parquet(tmp_path / "items.parquet")
    documents = pd.read_parquet(tmp_path / "documents.parquet")
    documents.assign(js_top=0.01, delta_js_negative=0.25).to_parquet(tmp_path / "documents.parquet")
    with mpl.rc_context(style.SETTINGS):
        figure = negative_delta_js.draw(RunResults.load(tmp_path))
    assert n_of(figure.get_suptitle()) == 4
    assert "ΔJS < 0: 100 %" in figure.axes[0].get_legend().get_texts()[1].get_text()


@pytest.mark.parametrize(("heads", "affine"), [(POOLING, AFFINE), (HEADS, None)])
def test_titles_of_what_was_identified_count_the_documents_that_are_shown(tmp_path, heads, affine, monkeypatch):
    write_run(tmp_path, SIZES, removed=REMOVED)
    write_identified(tmp_path, heads, range(4), affine=affine)
    results = RunResults.load(tmp_path)
    monkeypatch.setattr(nullity_by_length, "_DOTS", 3)
    with mpl.rc_context(style.SETTINGS):
        figures = {name: draw(results) for name, draw in IDENTIFIABILITY_FIGURES.items()}
    counts = {name: n_of(figure.get_suptitle()) for name, figure in figures.items()}
    assert counts["erasure_outcomes"] == 4
    assert counts["nullity_by_length"] <= 3
    assert all(len(np.asarray(dots.get_offsets())) == 3 for dots in figures["nullity_by_length"].axes[0].collections)
    named = {re.match(r"document (\d+)", axes.get_title("left"))[1] for axes in figures["weight_ranges"].axes}
    assert counts["weight_ranges"] == len(named)


def test_what_is_lost_is_an_error_of_ours():
    table = pd.DataFrame({"document": [0, 1], "delta_alpha": [0.1, 0.2], "delta_js": [0.1, 0.3], "weight": 1.0})
    edges = np.array([0.0, 0.1, 0.2])
    assert weights_in_cells(table, edges, np.array([0.1, 0.2, 0.3])).tolist() == [[0, 0], [1, 1]]
    for up in ([0.0, 0.1, 0.2], [0.2, 0.3, 0.4]):
        with pytest.raises(NotDrawnError, match="1 of 2 pairs"):
            weights_in_cells(table, edges, np.array(up))
    with pytest.raises(NotDrawnError, match="1 of 2 pairs"):
        weights_in_cells(table.assign(delta_js=[np.nan, 0.1]), edges, np.array([0.0, 0.1, 0.2]))
    require_drawn("thirds", 1 / 3 + 1 / 3 + 1 / 3, 1)
    for drawn in (0.9, 1.1, np.nan):
        with pytest.raises(NotDrawnError):
            require_drawn("documents", drawn, 1)


@given(low=st.floats(-LARGEST, -1e-7), high=st.floats(1e-7, LARGEST), power=st.integers(-7, -1))
def test_edges_ascend_and_end_where_the_data_do(low, high, power):
    transform = mpl.scale.SymmetricalLogTransform(10, 10.0**power, 0.5)
    low, high = min(low, -(10.0**power)), max(high, 10.0**power)
    edges = even_edges(transform, (low, high), 60)
    assert (edges[0], edges[-1]) == (low, high)
    assert (np.diff(edges) > 0).all()
    apart = np.diff(transform.transform(edges))
    np.testing.assert_allclose(apart, apart.mean(), rtol=1e-6)


def test_a_table_of_items_that_is_not_whole_is_refused(tmp_path):
    _, _, items = write_run(tmp_path, [3, 4, 5])
    results = RunResults.load(tmp_path)
    for part, sentence in (
        (items[items.index != items.index[items["document"] == 1][-1]], "document 1 has [23] items beside"),
        (
            items.assign(js=np.where(items["document"] == 2, np.nan, 0.1)),
            r"row 8 \(document 2\): the column 'js' holds nothing",
        ),
    ):
        part.to_parquet(tmp_path / "items.parquet")
        with pytest.raises(InputError, match=sentence):
            delta_js.draw(results)
