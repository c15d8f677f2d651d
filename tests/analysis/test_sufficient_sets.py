"""What guarantees decisions, as a run's folder has it, in numbers, words, a table and a figure."""

import json

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.sufficient_sets import sufficient_sets
from attnprobe.analysis.summary import summarise
from attnprobe.reports import style
from attnprobe.reports.answer import answer
from attnprobe.reports.figures import FIGURES
from attnprobe.reports.guarantees_in_words import guarantees_in_words, guarantees_table
from tests.fixtures.curved_runs import write_curved_run
from tests.fixtures.synthetic_runs import write_run
from tests.reference.guarantees import Subsets


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sufficient") / "run"
    return folder, *write_curved_run(folder, documents=40, limits=0)


def subsets(probe, encoded, document):
    """All subsets of one document's items."""
    reading = probe.read(encoded.batch(np.array([document])))
    weights = reading.scores[0][reading.mask[0]].double().softmax(-1).detach().numpy()
    values = reading.values[0][reading.mask[0]].double().detach().numpy()
    head = probe.readout
    return Subsets(values, weights, *(part.detach().double().numpy() for part in (head.weight, head.bias)))


def test_columns_are_those_of_all_subsets(made):
    folder, probe, encoded = made
    results = RunResults.load(folder)
    documents = results.documents.set_index("document")
    checked = 0
    for number in documents.index[documents["n"] <= 9].tolist():
        row = documents.loc[number]
        every = subsets(probe, encoded, number)
        assert row["sufficient_smallest"] == row["sufficient_bound"] == every.smallest()
        items = results.items(["document", "position", "sufficient", "rank_attention"], [number])
        kept = items.loc[items["sufficient"].astype(bool), "position"].to_numpy()
        assert every.sufficient[(1 << kept).sum()]
        of = results.erasures.set_index(["document", "ordering", "draw"])["sufficient"]
        assert of[number, "attention", 0] == every.along(items.sort_values("rank_attention")["position"])
        checked += 1
    assert checked > 5


def test_statistics_are_means_of_the_columns(made):
    folder, *_ = made
    results = RunResults.load(folder)
    statistics = sufficient_sets(results)
    several = results.several.set_index("document")
    of = results.erasures[results.erasures["document"].isin(several.index)]
    shares = (of["sufficient"] / of["n"]).groupby(of["ordering"]).mean()
    assert set(statistics.orderings) == set(shares.index) - {"oracle"}
    for name, estimate in statistics.orderings.items():
        assert estimate.value == pytest.approx(shares[name])
        assert estimate.low <= estimate.value <= estimate.high
    smallest = statistics.smallest
    assert smallest.share.value == pytest.approx((several["sufficient_smallest"] / several["n"]).mean())
    assert smallest.median == several["sufficient_smallest"].median()
    assert smallest.one.value == pytest.approx((several["sufficient_smallest"] == 1).mean())
    assert smallest.nothing.value == pytest.approx((several["sufficient_smallest"] == 0).mean())
    assert smallest.uncertain == 0
    assert all(estimate.value >= smallest.share.value for estimate in statistics.orderings.values())


def test_answer_and_table_say_it(made):
    folder, *_ = made
    summary = summarise(RunResults.load(folder))
    words = guarantees_in_words(summary)
    share = summary["sufficient_sets"]["smallest"]["share"]["value"]
    assert f"keeping {100 * share:.1f} % [" in words
    assert " ".join(words.split()) in " ".join(answer(summary).split())
    table = guarantees_table(summary)
    rows = table.plain.set_index("ordering")
    assert rows.loc["Smallest set", "kept"] == share
    assert rows.loc["Smallest set", "erased"] == summary["first_flips"]["oracle"]["restricted_mean"]["value"]
    assert "smallest sets are exact" in table.caption
    json.dumps(summary["sufficient_sets"], allow_nan=False)


def test_smallest_sets_that_are_not_certain_are_told(made, tmp_path):
    folder, *_ = made
    results = RunResults.load(folder)
    results.documents.loc[:3, "sufficient_bound"] = 0
    results.documents.loc[:3, "sufficient_smallest"] = 2
    assert sufficient_sets(results).smallest.uncertain >= 1
    summary = summarise(results)
    assert "but of" in guarantees_table(summary).caption


def test_the_figure_shows_both_sides(made):
    folder, *_ = made
    results = RunResults.load(folder)
    statistics = sufficient_sets(results)
    with mpl.rc_context(style.SETTINGS):
        figure = FIGURES["erase_or_keep"](results)
        assert isinstance(figure, Figure)
        FigureCanvasAgg(figure).draw()
        needed = figure.get_tightbbox()
    (axes,) = figure.axes
    widths = [bar.get_window_extent().transformed(axes.transData.inverted()) for bar in axes.patches]
    shown = [statistics.orderings[name].value for name in results.first_flips if name in statistics.orderings]
    assert [box.x1 for box in widths[1::2]] == pytest.approx([*shown, statistics.smallest.share.value])
    assert all(box.x0 < 0 for box in widths[::2])
    assert needed.x0 > -0.02
    assert needed.x1 < figure.get_size_inches()[0] + 0.02


def test_a_run_that_does_not_know_says_nothing(tmp_path):
    write_run(tmp_path, [3, 4, 5])
    summary = summarise(RunResults.load(tmp_path))
    assert summary["sufficient_sets"] is None
    assert guarantees_in_words(summary) == ""
    assert guarantees_table(summary) is None
    assert FIGURES["erase_or_keep"](RunResults.load(tmp_path)) is None
