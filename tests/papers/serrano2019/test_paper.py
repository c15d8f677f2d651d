"""Every figure and table of the paper, drawn from grids as they come."""

import matplotlib as mpl
import matplotlib.image
import numpy as np
import pytest

from attnprobe.papers.serrano2019.figures import PAPER, draw
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.reports import style
from tests.fixtures.paper_grids import write_one

AWKWARD = "a_b & <50%$ \\input{x} 日本 " + "very long " * 6

GRIDS = {
    "degenerate": [
        ("toy", "han-none", 0, {"never": 1}),
        ("toy", "flan-rnn", 0, {"sizes": [2]}),
        ("toy", "flan-none", 0, {"sizes": [1, 1]}),
        ("toy", "bert$_x", 7, {"draws": {"random": 1, "attention": 1, "oracle": 1, "leave$_one_out": 1}}),
        (AWKWARD, "flan-rnn", 0, {"sizes": [3, 4]}),
    ],
    "five datasets": [(f"set{i}", "flan-rnn", i, {"sizes": [3, 4]}) for i in range(5)],
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", list(PAPER))
@pytest.mark.samples(4)
def test_files_are_pictures_and_the_same_each_time(runs, drawn, tmp_path, name):
    again = draw(name, RunGrid.find([runs, runs]), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in again)
    for path, other in zip(drawn[name], again, strict=True):
        assert path.name.startswith(name)
        assert path.read_bytes() == other.read_bytes()
        if path.suffix == ".png":
            assert (matplotlib.image.imread(path)[:, :, :3].min(axis=2) < 0.5).mean() > 0.002
        if path.suffix == ".pdf":
            assert path.read_bytes().startswith(b"%PDF")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("runs", GRIDS.values(), ids=GRIDS)
@pytest.mark.slow
def test_whatever_the_runs(runs, tmp_path, monkeypatch):
    seen = []

    def save(figure, folder, name):
        seen.append((figure, folder / f"{name}.png"))
        return [seen[-1][1]]

    monkeypatch.setattr("attnprobe.papers.serrano2019.figures.sheet.save", save)
    for dataset, model, seed, options in runs:
        write_one(tmp_path / "runs", dataset, model, seed, **options)
    grid = RunGrid.find([tmp_path / "runs"])
    for name in PAPER:
        paths = draw(name, grid, tmp_path / "out")
        assert paths
        for figure, path in seen:
            assert path in paths
            with mpl.rc_context(style.SETTINGS):
                figure.canvas.draw()
            assert (np.asarray(figure.canvas.buffer_rgba())[:, :, :3].min(axis=2) < 160).any()
        seen.clear()


def test_print_sizes(drawn):
    widths = [
        matplotlib.image.imread(drawn[name][0]).shape[1] / 200
        for name in ("figure1_document", "figure3_delta_js", "figure5_fraction_removed", "flip_curves")
    ]
    assert widths == pytest.approx([3.3, 3.3, 6.3, 6.3], abs=0.01)


def test_one_image_a_model(drawn):
    expected = [f"figure3_delta_js_{model}" for model in ("han-rnn", "flan-rnn")]
    assert [path.stem for path in drawn["figure3_delta_js"][::2]] == expected


def test_missing_pairs_say_so_in_the_picture(runs, tmp_path, monkeypatch):
    drawn = {}

    def keep(figure, _folder, name):
        drawn[name] = " ".join(
            text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")) if text.get_text()
        ).replace("\n", " ")
        return []

    for name in ("flip_curves", "figure5_fraction_removed", "figure3_delta_js"):
        monkeypatch.setattr(f"attnprobe.papers.serrano2019.figures.{name}.write", keep)
        draw(name, RunGrid.find([runs]), tmp_path)
    for name in ("flip_curves", "figure5_fraction_removed", "figure3_delta_js_flan-rnn"):
        assert "No run of FLANrnn on imdb8" in drawn[name]
        assert "lowest seed of each pair" in drawn[name]
    boxes = drawn["figure5_fraction_removed"]
    n = int((np.asarray(RunGrid.find([runs]).results("yelp10k", "flan-rnn").documents["n"]) > 1).sum())
    for words in ("Smallest set (exact)", f"n = {n}", "never, %", "Sentences erased", "Words erased"):
        assert words in boxes


@pytest.mark.parametrize("name", ["figure5_fraction_removed", "flip_curves"])
def test_how_a_sheet_is_read_follows_the_convention_that_it_is_drawn_by(name, tmp_path, monkeypatch):
    """By that of 2019 a change with nothing left is a flip, and the sheet does not say otherwise."""
    write_one(tmp_path / "runs", "toy", "flan-rnn", 0, sizes=[4] * 20)
    said = []

    def keep(figure, title, how, legend):
        said.append(how)

    for module in ("box_panel", "flip_curves"):
        monkeypatch.setattr(f"attnprobe.papers.serrano2019.figures.{module}.head", keep)
    for released in (False, True):
        draw(name, RunGrid.find([tmp_path / "runs"], released=released), tmp_path / "out")
    assert ["while something is left" in how for how in said] == [True, False]
    assert "with nothing left too" in said[1]
