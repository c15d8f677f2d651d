import matplotlib as mpl
import matplotlib.image
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from attnprobe.analysis.head_map import head_map
from attnprobe.analysis.results import RunResults
from attnprobe.reports import style
from attnprobe.reports.figures import FIGURES, draw_all
from attnprobe.reports.figures.frame import legend_above
from tests.fixtures.synthetic_runs import write_run
from tests.fixtures.transformer_runs import WITHOUT_ORACLE, write_transformer_run

pytestmark = pytest.mark.usefixtures("few_resamples")

ORDINARY = np.random.default_rng(0).integers(1, 12, size=40)
RUNS = {
    "ordinary": {"sizes": ORDINARY},
    "no negatives": {"sizes": ORDINARY, "js_of_weight": True},
    "nobody flips": {"sizes": ORDINARY, "never": 1},
    "everybody flips": {"sizes": ORDINARY, "never": 0},
    "two documents": {"sizes": [2, 3]},
    "one document of two items": {"sizes": [2]},
    "another ordering": {"sizes": ORDINARY, "draws": {"random": 1, "attention": 1, "erased_alone": 1}},
    "many orderings": {
        "sizes": [3, 4, 5],
        "draws": {"random": 1, "attention": 1, **{f"ordering {i}": 1 for i in range(30)}},
    },
    "awkward name": {"sizes": [4, 5], "dataset": "a_b & <50%$ " + "very long " * 12},
}
TRANSFORMERS = {
    "one head": {"heads": [("self", 1, 1)]},
    "one layer": {"heads": [("self", 1, 12)], "draws": WITHOUT_ORACLE},
    "three stacks": {"heads": [("encoder", 2, 4), ("decoder", 3, 4), ("cross", 1, 2)], "faithful": [("cross", 0, 1)]},
    "many heads": {"heads": [("self", 24, 16)], "faithful": [("self", 20, 3)], "sizes": [5, 6, 1] * 5},
    "nobody flips": {"never": 1, "heads": [("self", 2, 2)]},
    "what heads do": {"heads": [("encoder", 6, 12), ("cross", 6, 12)], "effects": True},
    "no head has items": {"sizes": [1, 1, 4], "only": [0, 1]},
    "awkward name": {"dataset": "a_b & <50%$ " + "very long " * 12, "model": "hf:x/$y_{" + "long " * 20},
}


OF_HEADS = ("head_map", "head_effects")
NOT_OF_ALL = (
    *("decision_curves", "normalised_aopc", "rank_agreement", "erase_or_keep"),
    *("in_distribution", "output_moves", "over_meanings"),
)
"""Of what runs without a model do not have: curves, places in orders, guarantees, models of outputs, ways."""


def words_in(figure):
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.samples(4)
def test_every_figure_has_something_in_it(run, tmp_path):
    write_run(tmp_path, **run)
    results = RunResults.load(tmp_path)
    for name, draw in FIGURES.items():
        if name in (*OF_HEADS, *NOT_OF_ALL):
            assert draw(results) is None
        else:
            check(draw, results, style.WIDTH)


def check(draw, results, width):
    """Something is drawn, at its size in print, and nothing is cut off."""
    with mpl.rc_context(style.SETTINGS):
        figure = draw(results)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    (axes, *_) = figure.axes
    assert axes.lines or axes.patches or axes.collections or axes.texts
    assert figure.get_size_inches()[0] == width
    assert (np.asarray(canvas.buffer_rgba())[:, :, :3].min(axis=2) < 128).mean() > 0.002
    return figure


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("run", TRANSFORMERS.values(), ids=TRANSFORMERS)
@pytest.mark.samples(4)
def test_every_figure_of_a_transformer_has_something_in_it_and_nothing_is_cut(run, tmp_path):
    run = {"sizes": ORDINARY} | run
    only = run.pop("only", None)
    table = write_transformer_run(tmp_path, **run)[-1]
    if only is not None:
        table[table["document"].isin(only)].to_parquet(tmp_path / "heads.parquet")
    results = RunResults.load(tmp_path)
    shown, hidden = reversed(OF_HEADS) if run.get("effects") else OF_HEADS
    assert FIGURES[hidden](results) is None
    for name, draw in FIGURES.items():
        if name in (hidden, *NOT_OF_ALL):
            continue
        figure = check(draw, results, style.PAGE if name == shown and only is None else style.WIDTH)
        needed = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert min(needed.x0, needed.y0) > -0.02, name
        assert needed.x1 < width + 0.02, name
        assert needed.y1 < height + 0.02, name


def cells(axes):
    return axes.collections[0].get_array()


def test_the_head_map_shows_what_was_planted(tmp_path):
    write_transformer_run(tmp_path, [10] * 40, heads=[("self", 4, 12)], faithful=[("self", 3, 7)])
    results = RunResults.load(tmp_path)
    figure = FIGURES["head_map"](results)
    panels, bars = figure.axes[:6:2], figure.axes[1:6:2]
    heads = head_map(results)
    for axes, statistic in zip(panels, ("fraction_attention", "gain", "delta_js"), strict=True):
        expected = np.reshape([getattr(row, statistic).value for row in heads], (4, 12))
        shown = cells(axes) / (1 if statistic == "delta_js" else 100)
        np.testing.assert_allclose(shown, expected)
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("head", "layer")
        assert axes.yaxis_inverted()
    fraction, gain, delta = (cells(axes) for axes in panels)
    planted = (3, 7)
    assert fraction[planted] == fraction.min()
    assert gain[planted] == gain.max()
    assert delta[planted] == delta.max()
    low, high = panels[1].collections[0].get_clim()
    assert low == -high
    assert high == gain.max()
    assert [bar.get_xlabel() for bar in bars] == [
        "% of the tokens (never: 100)",
        "% of the tokens (above 0: fewer)",
        "nats",
    ]


def test_cells_without_significance_and_no_others_have_a_dot(tmp_path):
    write_transformer_run(tmp_path, [10] * 40, heads=[("self", 3, 4)], faithful=[("self", 2, 1), ("self", 0, 3)])
    results = RunResults.load(tmp_path)
    fraction, _, gain, _, delta, _ = FIGURES["head_map"](results).axes
    assert len(fraction.collections) == 1
    for axes, p in ((gain, "gain_p"), (delta, "delta_js_p")):
        dots = {(int(y), int(x)) for x, y in np.asarray(axes.collections[1].get_offsets())}
        assert dots == {(row.layer, row.head) for row in head_map(results) if getattr(row, p) >= 0.05}
        assert len(dots) == 10


def test_only_some_layers_and_heads(tmp_path):
    table = write_transformer_run(tmp_path, [10] * 20, heads=[("self", 6, 4)])[-1]
    tested = table[table["layer"].isin([2, 5]) & ~((table["layer"] == 5) & (table["head"] == 1)) & (table["head"] > 0)]
    tested.to_parquet(tmp_path / "heads.parquet")
    axes = FIGURES["head_map"](RunResults.load(tmp_path)).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["2", "5"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3"]
    assert np.ma.getmaskarray(cells(axes)).tolist() == [[False, False, False], [True, False, False]]


def test_stacks_are_named_where_there_are_several(tmp_path):
    write_transformer_run(tmp_path, [5] * 9, heads=[("decoder", 2, 2), ("encoder", 1, 2)])
    figure = FIGURES["head_map"](RunResults.load(tmp_path))
    assert [axes.get_title("left") for axes in figure.axes[:3]] == ["encoder attention", "decoder attention", ""]
    write_transformer_run(tmp_path, [5] * 9, heads=[("self", 2, 2)])
    assert "self" not in words_in(FIGURES["head_map"](RunResults.load(tmp_path)))


def test_a_missing_smallest_set_is_told_and_greedy_is_shown(tmp_path):
    write_transformer_run(tmp_path / "greedy", ORDINARY)
    write_transformer_run(tmp_path / "alone", ORDINARY, draws=WITHOUT_ORACLE)
    write_run(tmp_path / "exact", ORDINARY)
    for name in ("flip_curves", "fraction_removed"):
        said = {
            run: " ".join(words_in(FIGURES[name](RunResults.load(tmp_path / run))).split())
            for run in ("greedy", "alone", "exact")
        }
        for run, words in said.items():
            assert ("no exact smallest set is known for this readout" in words) == (run != "exact")
            assert ("Greedy (gradient, re-ranked)" in words) == (run == "greedy")
            assert ("Smallest set (exact)" in words) == (run == "exact")
        assert "Tokens erased" in said["alone"]


@pytest.mark.filterwarnings("error")
@pytest.mark.slow
def test_files_are_images_and_the_same_each_time(tmp_path):
    write_run(tmp_path, ORDINARY)
    results = RunResults.load(tmp_path)
    paths = draw_all(results, tmp_path / "new" / "figures", {})
    expected = [name for name in FIGURES if name not in (*OF_HEADS, *NOT_OF_ALL)]
    assert {path.name for path in paths} == {f"{name}{suffix}" for name in expected for suffix in (".png", ".pdf")}
    again = draw_all(results, tmp_path / "again", {})
    for path, other in zip(paths, again, strict=True):
        assert path.read_bytes() == other.read_bytes()
        assert path.read_bytes().startswith(b"%PDF" if path.suffix == ".pdf" else b"\x89PNG")
    assert matplotlib.image.imread(paths[0]).shape[1] == pytest.approx(style.WIDTH * 200, abs=1)
    assert len(list((tmp_path / "again").iterdir())) == len(again)
    write_transformer_run(tmp_path / "transformer", ORDINARY)
    results = RunResults.load(tmp_path / "transformer")
    paths, again = (draw_all(results, tmp_path / "transformer" / name, {}) for name in ("once", "twice"))
    assert {path.stem for path in paths} == set(FIGURES) - {"head_effects", *NOT_OF_ALL}
    assert all(path.read_bytes() == other.read_bytes() for path, other in zip(paths, again, strict=True))


def test_where_there_is_nothing_to_show_the_panel_says_so(tmp_path):
    write_run(tmp_path, ORDINARY, never=1, js_of_weight=True)
    results = RunResults.load(tmp_path)
    assert "never negative" in words_in(FIGURES["negative_delta_js"](results))
    for name in ("fraction_removed", "flip_curves"):
        assert "No decision flips" in words_in(FIGURES[name](results))


def test_units_names_and_counts_are_on_the_figures(tmp_path):
    write_run(tmp_path, ORDINARY)
    results = RunResults.load(tmp_path)
    words = {name: words_in(draw(results)) for name, draw in FIGURES.items() if name not in (*OF_HEADS, *NOT_OF_ALL)}
    for text in words.values():
        assert f"toy · flan-none · n = {len(results.several)} documents" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "ΔJS (nats)" in words["delta_js"]
    assert "Δα = α(i*) − α(r)" in words["delta_js"]
    assert "Smallest set (exact)" in words["flip_curves"]
    assert "never" in words["fraction_removed"]


def test_colours_and_names_of_unknown_orderings():
    names = ["random", "one", "two", "attention"]
    chosen = style.colours(names)
    assert len(set(chosen.values())) == 4
    assert chosen["attention"] == style.COLOURS["attention"]
    assert style.display_name("erased_alone", {}) == "Erased alone"
    told = {"orderings": {"erased_alone": {"title": "LOO", "role": "explanation"}}}
    assert style.display_name("erased_alone", told) == "LOO"
    every = style.colours([*style.COLOURS, "one", "two", "three"])
    assert len(set(every.values())) == len(every)


def test_an_explanation_has_one_colour_and_line_in_figures_with_controls_and_without():
    explanations = ["attention", "ig", "shap", "ablation", "input_x_gradient"]
    twins = [each for name in explanations[1:] for each in (name, f"{name}_permuted")]
    few, many = explanations, ["random", "attention", "attention_ascending", *twins]
    for kind in (style.colours, style.dashes):
        assert {name: kind(few)[name] for name in few} == {name: kind(many)[name] for name in few}
    looks = {name: (style.colours(many)[name], style.dashes(many)[name]) for name in many}
    assert len(set(looks.values())) == len(many)


def test_a_legend_of_long_names_stays_within_the_figure():
    for name, columns in (("short", 2), ("a very long name of an explanation, permuted, 0.07", 1)):
        figure = Figure(figsize=(style.WIDTH, 3))
        axes = figure.subplots()
        for number in range(4):
            axes.plot([0, 1], [number, 0], label=name)
        with mpl.rc_context(style.SETTINGS):
            legend_above(axes)
        FigureCanvasAgg(figure).draw()
        legend = axes.get_legend()
        assert legend is not None
        assert len({round(text.get_window_extent().x0) for text in legend.get_texts()}) == columns
        assert legend.get_window_extent().width <= figure.bbox.width
