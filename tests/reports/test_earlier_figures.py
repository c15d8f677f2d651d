"""What would be drawn the same is not drawn again; what was changed by anybody is."""

import json

import pandas as pd
import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.reports.figures import FIGURES, READS, draw_all, earlier
from attnprobe.runs.run_folder import FURTHER_TABLES, TABLES
from tests.fixtures.transformer_runs import write_transformer_run


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run's folder, and a function that draws its figures and tells which were drawn."""
    monkeypatch.setenv("ATTNPROBE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "run"
    folder.mkdir()
    write_transformer_run(folder, [5, 6, 1, 7] * 4)
    kept = {name: FIGURES[name] for name in ("fraction_removed", "head_map", "head_effects")}
    monkeypatch.setattr(FIGURES, "_entries", {name: FIGURES._entries[name] for name in kept})
    monkeypatch.setattr("attnprobe.reports.figures.IDENTIFIABILITY_FIGURES", {})
    drawn = []

    def save(figure, into, name):
        drawn.append(name)
        files = [into / f"{name}{suffix}" for suffix in (".png", ".pdf")]
        for file in files:
            file.write_text(
                " ".join(text.get_text() for text in figure.findobj(lambda each: hasattr(each, "get_text")))
            )
        return files

    monkeypatch.setattr("attnprobe.reports.figures.panel.save", save)

    def draw():
        drawn.clear()
        earlier._key.cache_clear()  # as in a process of its own
        files = draw_all(RunResults.load(folder), folder / "figures", {}, folder / "drawn.json")
        assert {file.stem for file in files} == {file.stem for file in (folder / "figures").iterdir()}
        return list(drawn)

    return folder, draw


def test_only_what_another_figure_would_come_of_is_drawn_again(run):
    folder, draw = run
    assert draw() == ["fraction_removed", "head_map"]
    assert draw() == []
    write_transformer_run(folder.parent / "other", [5, 6, 1, 7] * 4, effects=True)
    (folder.parent / "other" / "head_effects.parquet").rename(folder / "head_effects.parquet")
    assert draw() == ["head_effects"]
    heads = pd.read_parquet(folder / "heads.parquet")
    heads.assign(js_top=heads["js_top"] + 0.01).to_parquet(folder / "heads.parquet")
    assert draw() == ["head_map"]
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"unit": "word"}))
    assert draw() == ["fraction_removed", "head_map", "head_effects"]
    assert draw() == []


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "figures" / "head_map.pdf").write_text("forged"),
        lambda folder: (folder / "figures" / "head_map.png").unlink(),
        lambda folder: (folder / "drawn.json").write_text("[" * 100_000),
        lambda folder: (folder / "drawn.json").write_text('{"head_map": {"made_from": 1, "files": 2}}'),
        lambda folder: (folder.parent / "cache" / "figures.key").unlink(),
    ],
)
@pytest.mark.samples(2)
def test_what_was_changed_or_comes_from_somebody_else_is_drawn_again(run, harm):
    folder, draw = run
    draw()
    before = (folder / "figures" / "head_map.pdf").read_text()
    harm(folder)
    assert "head_map" in draw()
    assert (folder / "figures" / "head_map.pdf").read_text() == before
    assert draw() == []


def test_figures_are_made_from_those_tables_alone_that_are_said(tmp_path):
    for effects in (False, True):
        folder = tmp_path / str(effects)
        folder.mkdir()
        write_transformer_run(folder, [5, 6, 1, 7] * 4, effects=effects)
        for name, reads in READS.items():
            whole = FIGURES[name](RunResults.load(folder))
            hidden = [folder / f"{table}.parquet" for table in (*TABLES, *FURTHER_TABLES) if table not in reads]
            hidden = [path for path in hidden if path.exists()]
            for path in hidden:
                path.rename(path.with_suffix(".hidden"))
            alone = FIGURES[name](RunResults.load(folder))
            for path in hidden:
                path.with_suffix(".hidden").rename(path)
            assert (whole is None) == (alone is None)
