"""Tables, figures and words of what was identified."""

import shutil
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.reports import style
from attnprobe.reports.figures import IDENTIFIABILITY_FIGURES
from attnprobe.reports.identifiability_in_words import WIDTH, identifiability_in_words
from attnprobe.reports.identifiability_tables import IDENTIFIABILITY_TABLES, SHOWN_HEADS
from attnprobe.reports.tables import write_tables
from tests.analysis.test_identifiability import AFFINE, HEADS, POOLING, REMOVED, SIZES
from tests.fixtures import drawing
from tests.fixtures.identified_runs import write_identified
from tests.fixtures.synthetic_runs import write_run

RUNS: dict[str, dict[str, Any]] = {
    "pooled": {"heads": POOLING, "affine": AFFINE},
    "transformer": {"heads": HEADS},
    "many heads": {"heads": [("self", layer, head) for layer in range(6) for head in range(12)]},
    "always unique": {"heads": HEADS, "width": 30},
}


@pytest.fixture(params=RUNS, scope="module")
def run(request, tmp_path_factory):
    options, folder = dict(RUNS[request.param]), tmp_path_factory.mktemp("identified")
    write_run(folder, SIZES, removed=REMOVED, dataset="a_b & <50%$")
    write_identified(folder, options.pop("heads"), range(4), **options)
    results = RunResults.load(folder)
    return request.param, results, summarise(results)


@pytest.mark.samples(2)
def test_tables_are_whole(run, tmp_path):
    name, results, summary = run
    paths = {path.name: path for path in write_tables(results, summary, tmp_path / "tables")}
    expected = set(IDENTIFIABILITY_TABLES) - (set() if name == "pooled" else {"item_outcomes", "first_flip_ranges"})
    assert {path for path in IDENTIFIABILITY_TABLES if f"{path}.csv" in paths} == expected
    for table in expected:
        text = paths[f"{table}.tex"].read_text(encoding="utf-8")
        body = text[text.index(r"\toprule") : text.index(r"\bottomrule")].splitlines()
        rows = [line for line in body if line.endswith(r"\\")]
        assert len({row.count(" & ") for row in rows}) == 1
        assert len(rows) > 1
        assert r"a\_b \& \textless{}50\%\$" in text
        assert "nan" not in text
        assert "None" not in text
        assert text.isascii()
    heads = pd.read_csv(paths["head_identifiability.csv"])
    assert len(heads) == len(summary["identifiability"]["heads"])
    shown = paths["head_identifiability.tex"].read_text(encoding="utf-8").count(r" \\") - 1
    assert shown == min(len(heads), SHOWN_HEADS)
    survived = pd.read_csv(paths["surviving_conclusions.csv"])
    np.testing.assert_allclose(survived[["survives", "falls", "undecided"]].sum(axis=1), 1)


@pytest.mark.filterwarnings("error")
@pytest.mark.samples(2)
def test_every_figure_has_something_in_it_and_nothing_is_cut(run):
    _, results, _ = run
    for name, draw in IDENTIFIABILITY_FIGURES.items():
        with mpl.rc_context(style.SETTINGS):
            figure = draw(results)
            assert isinstance(figure, Figure)
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            needed = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert width == style.WIDTH
        assert min(needed.x0, needed.y0) > -0.02, name
        assert needed.x1 < width + 0.02, name
        assert needed.y1 < height + 0.02, name
        assert (np.asarray(canvas.buffer_rgba())[:, :, :3].min(axis=2) < 128).mean() > 0.002


def test_bars_are_the_shares(run):
    name, results, summary = run
    with mpl.rc_context(style.SETTINGS):
        (axes,) = IDENTIFIABILITY_FIGURES["erasure_outcomes"](results).axes
    widths = np.array([patch.get_width() for patch in axes.patches if isinstance(patch, Rectangle)])
    found = summary["identifiability"]
    kinds = ("must_flip", "never_flips", "may_flip") if name == "pooled" else ()
    expected = [found["items"][kind]["value"] for kind in kinds]
    for row in found["conclusions"]:
        expected += [row[kind]["value"] for kind in ("survives", "undecided", "falls")]
    np.testing.assert_allclose(widths, expected, atol=1e-12)


@pytest.mark.samples(2)
def test_figures_and_tables_are_written_where_there_are_results(run, tmp_path, monkeypatch):
    monkeypatch.setenv(drawing.VARIABLE, " ".join(IDENTIFIABILITY_FIGURES))
    _, results, _ = run
    paths = {path.name for path in drawing.draw_some(results, tmp_path / "figures", {})}
    assert paths >= {f"{name}{suffix}" for name in IDENTIFIABILITY_FIGURES for suffix in (".png", ".pdf")}
    shutil.copytree(results.folder, tmp_path / "plain")
    (tmp_path / "plain" / "identifiability.parquet").unlink()
    plain = RunResults.load(tmp_path / "plain")
    assert all(draw(plain) is None for draw in IDENTIFIABILITY_FIGURES.values())
    assert all(make(summarise(plain)) is None for make in IDENTIFIABILITY_TABLES.values())


def test_words(run):
    name, _, summary = run
    words = identifiability_in_words(summary)
    flat = " ".join(words.split())
    assert max(map(len, words.splitlines())) <= WIDTH
    assert "None" not in words
    assert "nan" not in words
    if name == "pooled":
        assert "Given its output, the weights are not unique in 60.0 %" in flat
        assert "must flip the decision in 21.6 % of the cases, may in 24.3 %, never does in 54.1 %" in flat
    if name == "transformer":
        assert "4 attention heads on 5 documents" in flat
        assert "in the head in which they move most, self 1.1, a weight's range is 0.0200 wide" in flat
        assert "another token can be" in flat
        assert "Keys are 3 wide" in flat
        assert "nearby, in 60.0 % of the documents of a head" in flat
    assert "The programs took 0.125 s of processor time a document and head." in flat
    if name == "always unique":
        assert "With up to 20 tokens they were always unique" in flat


def test_failures_are_told(tmp_path):
    write_run(tmp_path, SIZES)
    write_identified(tmp_path, HEADS, range(4), failed=[1])
    words = " ".join(identifiability_in_words(summarise(RunResults.load(tmp_path))).split())
    assert "On 4 of 16 documents and heads a linear program failed: they are left out." in words
