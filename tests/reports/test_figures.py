import matplotlib as mpl
import matplotlib.image
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from attnprobe.analysis.results import RunResults
from attnprobe.reports import style
from attnprobe.reports.figures import FIGURES, draw_all
from tests.analysis.synthetic import write_run

ORDINARY = np.random.default_rng(0).integers(1, 12, size=40)
RUNS = {
    "ordinary": {"sizes": ORDINARY},
    "no negatives": {"sizes": ORDINARY, "js_of_weight": True},
    "nobody flips": {"sizes": ORDINARY, "never": 1},
    "everybody flips": {"sizes": ORDINARY, "never": 0},
    "two documents": {"sizes": [2, 3]},
    "one document of two items": {"sizes": [2]},
    "another ordering": {"sizes": ORDINARY, "draws": {"random": 1, "attention": 1, "leave_one_out": 1}},
    "awkward name": {"sizes": [4, 5], "dataset": "a_b & <50%$ " + "very long " * 12},
}


def words_in(figure):
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_every_figure_has_something_in_it(run, tmp_path):
    write_run(tmp_path, **run)
    results = RunResults.load(tmp_path)
    for draw in FIGURES.values():
        with mpl.rc_context(style.SETTINGS):
            figure = draw(results)
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
        (axes, *_) = figure.axes
        assert axes.lines or axes.patches or axes.collections or axes.texts
        assert figure.get_size_inches()[0] == style.WIDTH
        assert (np.asarray(canvas.buffer_rgba())[:, :, :3].min(axis=2) < 128).mean() > 0.002


@pytest.mark.filterwarnings("error")
def test_files_are_images_and_the_same_each_time(tmp_path):
    write_run(tmp_path, ORDINARY)
    results = RunResults.load(tmp_path)
    paths = draw_all(results, tmp_path / "new" / "figures")
    assert {path.name for path in paths} == {f"{name}{suffix}" for name in FIGURES for suffix in (".png", ".pdf")}
    again = draw_all(results, tmp_path / "again")
    for path, other in zip(paths, again, strict=True):
        assert path.read_bytes() == other.read_bytes()
        assert path.read_bytes().startswith(b"%PDF" if path.suffix == ".pdf" else b"\x89PNG")
    assert matplotlib.image.imread(paths[0]).shape[1] == pytest.approx(style.WIDTH * 200, abs=1)
    assert len(list((tmp_path / "again").iterdir())) == len(again)


def test_where_there_is_nothing_to_show_the_panel_says_so(tmp_path):
    write_run(tmp_path, ORDINARY, never=1, js_of_weight=True)
    results = RunResults.load(tmp_path)
    assert "never negative" in words_in(FIGURES["negative_delta_js"](results))
    for name in ("fraction_removed", "flip_curves"):
        assert "No decision flips" in words_in(FIGURES[name](results))


def test_units_names_and_counts_are_on_the_figures(tmp_path):
    write_run(tmp_path, ORDINARY)
    results = RunResults.load(tmp_path)
    words = {name: words_in(draw(results)) for name, draw in FIGURES.items()}
    for text in words.values():
        assert f"toy · flan-none · n = {len(results.several)} documents" in text
    assert "ΔJS (nats)" in words["delta_js"]
    assert "Δα = α(i*) − α(r)" in words["delta_js"]
    assert "Smallest set (exact)" in words["flip_curves"]
    assert "never" in words["fraction_removed"]


def test_colours_and_names_of_unknown_orderings():
    names = ["random", "one", "two", "attention"]
    chosen = style.colours(names)
    assert len(set(chosen.values())) == 4
    assert chosen["attention"] == style.COLOURS["attention"]
    assert style.display_name("leave_one_out") == "Leave one out"
    assert style.NAMES.keys() == style.COLOURS.keys()
