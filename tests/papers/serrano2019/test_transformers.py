"""Sheets with runs of transformers among others, or alone: no smallest set, paths for names, tokens for words."""

import numpy as np
import pandas as pd
import pytest

from attnprobe.analysis.finding_runs import load_runs
from attnprobe.papers.serrano2019.claims.scorecard import judge_claims
from attnprobe.papers.serrano2019.figures import PAPER, draw
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.papers.serrano2019.figures.panel_order import in_order_of_display
from attnprobe.papers.serrano2019.figures.sheet import without_smallest_sets
from attnprobe.papers.serrano2019.scorecard_tables import write_scorecard
from attnprobe.reports.run_table import write_run_tables
from tests.fixtures.paper_grids import SIZES, write_one
from tests.fixtures.transformer_runs import MODEL, WITHOUT_ORACLE, write_transformer_run

SAME_NAME = "hf:elsewhere/Mini|LM^{x}"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A pooled model, and two transformers of the same name."""
    folder = tmp_path_factory.mktemp("mixed")
    write_one(folder, "imdb8", "flan-rnn", 0)
    write_transformer_run(folder / "a", SIZES, dataset="imdb8")
    write_transformer_run(folder / "b", SIZES, dataset="imdb8", model=SAME_NAME, draws=WITHOUT_ORACLE)
    return folder


def words_of(monkeypatch, name, grid, folder):
    """The words on a sheet, and the name of its file."""
    sheets = {}

    def keep(figure, _folder, file):
        texts = figure.findobj(lambda artist: hasattr(artist, "get_text"))
        sheets[file] = " ".join(" ".join(text.get_text() for text in texts).split())
        return []

    monkeypatch.setattr(f"attnprobe.papers.serrano2019.figures.{name}.write", keep)
    draw(name, grid, folder)
    return sheets


@pytest.mark.filterwarnings("error")
@pytest.mark.slow
def test_everything_is_drawn_and_no_file_overwrites_another(runs, tmp_path):
    paths = [path for name in PAPER for path in draw(name, RunGrid.find([runs]), tmp_path)]
    assert len(set(paths)) == len(paths)
    assert all(path.exists() for path in paths)
    assert sum(path.name.startswith("figure3_delta_js_Mini_LM_x_") for path in paths) == 4
    assert not any("elsewhere" in path.name or "where" in path.name for path in paths)


def test_who_has_no_smallest_set_is_told(runs, tmp_path, monkeypatch):
    grid = RunGrid.find([runs])
    for name in ("flip_curves", "figure5_fraction_removed", "figure9_mass_removed"):
        (words,) = words_of(monkeypatch, name, grid, tmp_path).values()
        assert "; Mini|LM^{x}: no exact smallest set is known for this readout" in words
        for shown in ("Smallest set (exact)", "Greedy (gradient, re-ranked)", "FLANrnn", "Mini|LM^{x}"):
            assert shown in words
        assert "some where" not in words
    assert "Words or tokens erased, %" in words_of(monkeypatch, "flip_curves", grid, tmp_path)["flip_curves"]


def test_without_any_there_is_no_document_to_draw(runs, tmp_path, monkeypatch):
    words = words_of(monkeypatch, "figure1_document", RunGrid.find([runs / "a"]), tmp_path)
    assert "nothing to frame: no exact smallest set is known for this readout" in words["figure1_document"]
    assert "framed" in words_of(monkeypatch, "figure1_document", RunGrid.find([runs]), tmp_path)["figure1_document"]


def test_tokens_have_columns_where_a_run_counts_them(runs, tmp_path):
    csv, tex = draw("table1_datasets", RunGrid.find([runs]), tmp_path)
    row = pd.read_csv(csv).loc[0]
    assert row["words_mean"] == row["tokens_mean"] == pytest.approx(SIZES.mean())
    assert "Words & Sentences & Tokens" in tex.read_text(encoding="utf-8")
    csv, tex = draw("table1_datasets", RunGrid.find([runs / "imdb8"]), tmp_path)
    assert "okens" not in csv.read_text() + tex.read_text()


def test_orderings_of_several_panels():
    panels = [["random", "attention", "oracle"], ["random", "attention", "mine", "greedy"]]
    assert in_order_of_display(panels) == ["random", "attention", "mine", "greedy", "oracle"]
    assert without_smallest_sets({"flan-rnn": ["attention", "oracle"], "han-rnn": []}) == ""
    assert without_smallest_sets({"hf:x/a": ["attention"], "hf:y/a": ["attention"]}).startswith("; a: no exact")


def test_claims_and_run_tables(runs, tmp_path):
    found = load_runs([runs])
    write_scorecard(judge_claims(found), tmp_path)
    markdown = (tmp_path / "claims.md").read_text(encoding="utf-8")
    assert r"| imdb8 · Mini\|LM^{x} · seed 3 | not informative | – | 0 |" in markdown
    assert "no exact smallest set is known for this readout" in markdown
    write_run_tables(found, tmp_path)
    table = pd.read_csv(tmp_path / "runs.csv").set_index("model")
    assert set(table.index) == {"flan-rnn", MODEL, SAME_NAME}
    assert table["fraction_oracle"].notna().to_dict() == {"flan-rnn": True, MODEL: False, SAME_NAME: False}
    assert table["fraction_greedy"].notna().to_dict() == {"flan-rnn": False, MODEL: True, SAME_NAME: False}
    seeds = pd.read_csv(tmp_path / "seeds.csv")
    assert seeds["mean"].notna().all()
    assert set(seeds[seeds["statistic"] == "fraction_greedy"]["model"]) == {MODEL}


def test_run_tables_where_nothing_ever_flips(tmp_path):
    write_transformer_run(tmp_path / "run", [4] * 6, never=1)
    write_run_tables(load_runs([tmp_path / "run"]), tmp_path)
    table = pd.read_csv(tmp_path / "runs.csv")
    assert np.isnan(table["fraction_attention"][0])
    assert table["never_attention"][0] == 1
