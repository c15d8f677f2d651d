"""Figures by name: each of the registries has one, and it is drawn into the axes that are given and nowhere else."""

import inspect

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import SubFigure

import attnprobe
from attnprobe import plots
from attnprobe.reports.figures import FIGURES, IDENTIFIABILITY_FIGURES
from attnprobe.reports.figures.frame import Sheet
from tests.fixtures.synthetic_runs import write_run

SIZES = [1, 2, 5, 8, 3, 4, 6, 7, 2, 9]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "seed-0"
    write_run(folder, SIZES)
    return attnprobe.load_run(folder)


@pytest.fixture
def grid():
    figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    yield figure, axes
    plt.close(figure)


def test_every_figure_has_its_function():
    functions = {name for name, of in inspect.getmembers(plots, inspect.isfunction) if not name.startswith("_")}
    assert functions == {*FIGURES, *IDENTIFIABILITY_FIGURES}


@pytest.mark.parametrize("name", ["fraction_removed", "flip_curves", "delta_js", "negative_delta_js"])
@pytest.mark.samples(2)
def test_a_figure_is_drawn_into_the_axes_that_are_given(name, results, grid):
    figure, (ax, other) = grid
    assert getattr(plots, name)(results, ax=ax) is figure
    figure.draw_without_rendering()
    assert ax.has_data()
    assert not other.has_data()
    assert "n = 9 documents" in ax.get_title().replace("\N{NO-BREAK SPACE}", " ")
    assert ax.get_tightbbox().x1 <= other.get_tightbbox().x0, "the neighbour is not covered"
    assert ax.get_tightbbox().y1 <= figure.bbox.height + 1, "the title is not cut"
    alone = getattr(plots, name)(results)
    assert isinstance(alone, Sheet)
    assert alone is not figure
    assert alone._repr_png_().startswith(b"\x89PNG")  # what a notebook shows
    assert [text.get_text() for text in alone.axes[0].get_xticklabels()]


def test_the_number_of_open_figures_stays(results):
    before = plt.get_fignums()
    plots.flip_curves(results)
    assert plt.get_fignums() == before


def test_figures_of_several_panels_take_the_place_of_the_axes(results, grid, monkeypatch):
    from attnprobe.reports.figures import frame

    figure, (ax, _) = grid
    part = frame.new_sheet((6, 3), ax)
    assert isinstance(part, SubFigure)
    assert part in figure.subfigs
    free = figure.add_axes((0.1, 0.1, 0.2, 0.2))
    with pytest.raises(attnprobe.InputError, match="ax no place in a grid"):
        frame.new_sheet((6, 3), free)


def test_what_a_run_has_nothing_of_is_told(results):
    with pytest.raises(attnprobe.InputError, match="has nothing that the figure weight_ranges shows"):
        plots.weight_ranges(results)


def test_what_is_no_run_is_told():
    with pytest.raises(TypeError, match=r"Results of a run are needed, .*not str"):
        plots.flip_curves("runs")  # type: ignore[arg-type]
