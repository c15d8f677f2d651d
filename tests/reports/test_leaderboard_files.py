"""The leaderboard as files: the same numbers in each, and text of others harmless in all."""

import json
import re

import pandas as pd
import pytest

from attnprobe.analysis.leaderboard import MEASURES, leaderboard
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.stability_over_seeds import stability_over_seeds
from attnprobe.reports.leaderboard.files import write_leaderboard
from attnprobe.reports.leaderboard.ranks_drawn import draw_leaderboard
from attnprobe.reports.leaderboard.words import leaderboard_in_words
from attnprobe.reports.orderings_in_words import names_to_type
from tests.fixtures.planted_explanations import write_planted_run

HOSTILE = "<b>|_%$`\u202e"


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    place = tmp_path_factory.mktemp("planted")
    runs = []
    for seed in (0, 1):
        folder = write_planted_run(place / f"seed-{seed}", seed=seed)
        config = json.loads((folder / "config.json").read_text())
        config["orderings"]["guess"]["title"] = HOSTILE
        (folder / "config.json").write_text(json.dumps(config))
        runs.append(RunResults.load(folder))
    return leaderboard(runs), stability_over_seeds(runs)


@pytest.fixture(scope="module")
def written(board, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "comparison"
    return {path.name: path for path in write_leaderboard(board[0], board[1], folder)}


def test_every_file_is_there(written):
    assert set(written) == {
        *("leaderboard.md", "leaderboard.csv", "leaderboard.tex", "leaderboard.html", "leaderboard.png"),
        *("leaderboard.pdf", "differences.csv", "stability.csv"),
    }


def test_csv_holds_the_numbers(board, written):
    rankings = board[0].rankings
    places, pairs = (pd.read_csv(written[f"{name}.csv"]) for name in ("leaderboard", "differences"))
    assert len(places) == sum(len(found.places) for found in rankings.values())
    for name, found in rankings.items():
        rows = places[places.measure == name]
        assert rows.ordering.tolist() == [place.ordering for place in found.places]
        assert rows["rank"].tolist() == list(range(1, len(rows) + 1))
        assert rows["mean"].tolist() == pytest.approx([place.mean.value for place in found.places])
        of_pairs = pairs[pairs.measure == name]
        assert (of_pairs.shown == "yes").tolist() == [pair.shown for pair in found.pairs]
        assert of_pairs.difference_low.tolist() == pytest.approx([pair.difference.low for pair in found.pairs])
    assert places.set_index("ordering").loc["truth_permuted", "kind"].unique().tolist() == ["twin of truth"]
    stability = pd.read_csv(written["stability.csv"]).set_index("ordering")
    assert stability.loc["truth", "top_overlap"] == 1


def test_the_terminal_names_what_is_not_shown(board):
    text = leaderboard_in_words(board[0])
    found = next(iter(board[0].rankings.values()))
    not_shown = sum(not pair.shown for pair in found.pairs)
    assert f"{not_shown} of {len(found.pairs)} differences" in " ".join(text.split())
    assert re.search(r"^1 +truth +\d", text, re.MULTILINE)
    assert "Random (chance)" in text
    assert "\u202e" not in text


def test_it_is_said_why_one_measure_leads_and_of_how_many_documents_each_is(board, written):
    first, *others = board[0].rankings.values()
    assert others
    told = " ".join(leaderboard_in_words(board[0]).split())
    assert f"{MEASURES[first.measure].title} leads: " in told
    axes = draw_leaderboard(board[0]).axes
    for panel, found in zip(axes, board[0].rankings.values(), strict=True):
        assert panel.get_xlabel().endswith(f"\n{found.documents:,} documents")
    for kind in ("md", "html"):
        assert "leads: " in written[f"leaderboard.{kind}"].read_text(encoding="utf-8")
    for other in others:
        assert f"{MEASURES[other.measure].in_prose} ({other.documents:,} documents)" in told


def test_names_to_type_are_told_where_titles_do_not_tell_them():
    assert names_to_type(["random", "attention", "shapley", "leave_one_out_logit", "norm", "mine"]) == ""
    told = names_to_type(["contribution", "mine", "chefer"])
    assert told == "Typed behind --orderings: contribution (Output share), chefer (Attention relevance)."


def test_text_of_others_is_harmless_everywhere(written):
    page, markdown, latex = (
        written[f"leaderboard.{kind}"].read_text(encoding="utf-8") for kind in ("html", "md", "tex")
    )
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
    assert "<script" not in page
    assert "<b>" not in markdown
    assert "&lt;b>\\|" in markdown
    rows = [line for line in markdown.splitlines() if "&lt;b>" in line and line.startswith("|")]
    assert rows
    assert r"\textless{}b\textgreater{}" in latex
    for text in (page, markdown, latex):
        assert "\u202e" not in text


def test_the_page_has_a_panel_a_measure_and_every_difference(board, written):
    page = written["leaderboard.html"].read_text(encoding="utf-8")
    for found in board[0].rankings.values():
        assert f"All {len(found.pairs)} differences" in page
    assert page.count('class="panel"') == len(board[0].rankings)
    assert page.count("<circle") == sum(len(found.places) for found in board[0].rankings.values())
    assert "default-src 'none'" in page


@pytest.mark.filterwarnings("error")
def test_nothing_of_the_figure_is_cut_and_all_orderings_are_in_it(board):
    figure = draw_leaderboard(board[0])
    figure.draw_without_rendering()
    needed, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(needed.x0, needed.y0) > -0.02
    assert max(needed.x1 - width, needed.y1 - height) < 0.02
    first = next(iter(board[0].rankings.values()))
    assert len(figure.axes) == 3
    assert len(figure.axes[0].get_yticklabels()) == len(first.places)
