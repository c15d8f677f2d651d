"""The leaderboard as files: Markdown, CSV with plain numbers, LaTeX, a figure and a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from attnprobe.analysis.leaderboard import MEASURES, Leaderboard, Ranking
from attnprobe.analysis.stability_over_seeds import Stability
from attnprobe.base.atomic_files import output_folder, replacing
from attnprobe.reports.cells import percentage, plain
from attnprobe.reports.csv_text import csv_text
from attnprobe.reports.latex import booktabs, in_latex
from attnprobe.reports.leaderboard.page import leaderboard_page
from attnprobe.reports.leaderboard.ranks_drawn import save_leaderboard
from attnprobe.reports.leaderboard.words import (
    difference_in_words,
    introduction,
    kind_of,
    mean_in_words,
    not_shown_in_words,
    place_in_words,
    remarks,
)
from attnprobe.reports.markdown import markdown_cell, markdown_table
from attnprobe.reports.numbers import percent_with_interval, significant
from attnprobe.settings.checkpoint_names import short_model_name

Stable = Sequence[Stability]


def write_leaderboard(board: Leaderboard, stability: Stable, folder: Path) -> list[Path]:
    """Write everything into a folder, which is made where it is not there; returns the paths.

    Args:
        board: what came of comparing runs.
        stability: of explanations over seeds; empty where no two runs differ by their seed alone.
        folder: where to.
    """
    output_folder(folder)
    contents = {
        "leaderboard.md": as_markdown(board, stability),
        "leaderboard.csv": csv_text(places_table(board)),
        "differences.csv": csv_text(differences_table(board)),
        "leaderboard.tex": as_latex(board, stability),
        "leaderboard.html": leaderboard_page(board),
    }
    if stability:
        contents["stability.csv"] = csv_text(plain([_flat(stable) for stable in stability]))
    for name, text in contents.items():
        with replacing(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return [*(folder / name for name in contents), *save_leaderboard(board, folder)]


def places_table(board: Leaderboard) -> pd.DataFrame:
    """One row a measure and ordering, best first."""
    return pd.DataFrame(
        [
            {
                "measure": ranking.measure,
                "ordering": place.ordering,
                "title": board.orderings[place.ordering].title,
                "kind": kind_of(board, place.ordering) or "explanation",
                "rank": rank,
                "best_place": place.best,
                "worst_place": place.worst,
                **_numbers("mean", place.mean._asdict()),
                "runs": len(board.runs),
                "not_shown_to_differ_from": " ".join(place.not_shown),
            }
            for ranking in board.rankings.values()
            for rank, place in enumerate(ranking.places, 1)
        ]
    )


def differences_table(board: Leaderboard) -> pd.DataFrame:
    """One row a measure and pair of orderings; the difference is by how much the first is better."""
    return pd.DataFrame(
        [
            {
                "measure": ranking.measure,
                "better": pair.better,
                "worse": pair.worse,
                **_numbers("difference", pair.difference._asdict()),
                "p": pair.p,
                "p_holm": pair.p_holm,
                "shown": "yes" if pair.shown else "no",
                "better_in_runs": pair.runs,
                "runs": len(board.runs),
            }
            for ranking in board.rankings.values()
            for pair in ranking.pairs
        ]
    )


def _numbers(name: str, estimate: dict[str, float]) -> dict[str, float]:
    return {name: estimate["value"]} | {f"{name}_{end}": estimate[end] for end in ("low", "high", "n")}


def _flat(stable: Stability) -> dict[str, object]:
    return {name: each._asdict() if hasattr(each, "_asdict") else each for name, each in stable._asdict().items()}


def as_markdown(board: Leaderboard, stability: Stable) -> str:
    """A section a measure: places, what is not shown, all differences; and how stable explanations are over seeds."""
    parts = [f"# {markdown_cell(board.dataset)}: explanations compared"]
    parts += [markdown_table(["run"], [[name] for name in board.runs]), *map(markdown_cell, remarks(board))]
    for ranking in board.rankings.values():
        parts += [
            f"## {MEASURES[ranking.measure].title}",
            markdown_cell(introduction(board, ranking)),
            markdown_table(
                ["place", "ordering", "", "mean [95 % interval]", "n"],
                [
                    [
                        place_in_words(place),
                        board.orderings[place.ordering].title,
                        kind_of(board, place.ordering),
                        mean_in_words(ranking, place.mean),
                        f"{place.mean.n:,}",
                    ]
                    for place in ranking.places
                ],
            ),
            markdown_cell(not_shown_in_words(board, ranking)),
            _differences(board, ranking),
        ]
    if stability:
        rows = [
            [
                short_model_name(stable.model),
                titled(board, stable.ordering),
                str(stable.seeds),
                f"{stable.kendall_tau.value:.3f} [{stable.kendall_tau.low:.3f}, {stable.kendall_tau.high:.3f}]",
                percent_with_interval(stable.top_overlap._asdict()),
                f"{stable.kendall_tau.n:,}",
            ]
            for stable in stability
        ]
        headings = ["model", "ordering", "seeds", "Kendall's τ", "first 10 % in common", "n"]
        parts += ["## Over seeds of the model", markdown_cell(OVER_SEEDS), markdown_table(headings, rows)]
    return "\n\n".join(parts) + "\n"


OVER_SEEDS = (
    "How alike the same explanation of the same document is in models that differ by their seed alone: means over "
    "documents of what every two of them have in common. Random has in common what chance gives."
)


def titled(board: Leaderboard, ordering: str) -> str:
    """An ordering's title where it is ranked, else its name."""
    return board.orderings[ordering].title if ordering in board.orderings else ordering


def _differences(board: Leaderboard, ranking: Ranking) -> str:
    return markdown_table(
        ["better", "worse", "by [95 % interval]", "p, Holm", "", "better in"],
        [
            [
                board.orderings[pair.better].title,
                board.orderings[pair.worse].title,
                difference_in_words(ranking, pair),
                significant(pair.p_holm),
                "shown" if pair.shown else "not shown",
                f"{pair.runs} of {len(board.runs)}",
            ]
            for pair in ranking.pairs
        ],
    )


def as_latex(board: Leaderboard, stability: Stable) -> str:
    """A table a measure, and one of stability over seeds."""
    tables = []
    for ranking in board.rankings.values():
        rows = [
            [
                in_latex(board.orderings[place.ordering].title),
                in_latex(kind_of(board, place.ordering)),
                in_latex(place_in_words(place)),
                in_latex(mean_in_words(ranking, place.mean)),
                in_latex(", ".join(board.orderings[name].title for name in place.not_shown) or "none"),
            ]
            for place in ranking.places
        ]
        headings = ["Ordering", "", "Place", MEASURES[ranking.measure].title, "Not shown to differ from"]
        last = [rf"\parbox[t]{{0.32\linewidth}}{{\raggedright {row[-1]}\strut}}" for row in rows]
        shown = pd.DataFrame([[*row[:-1], cell] for row, cell in zip(rows, last, strict=True)], columns=headings)
        caption = (
            f"{in_latex(introduction(board, ranking))} A place is a range where differences are not shown: intervals "
            r"that hold zero, or $p \geq .05$ after Holm's correction over all pairs."
        )
        tables.append(booktabs(shown, caption, f"tab:leaderboard_{ranking.measure}"))
    if stability:
        rows = [
            [
                in_latex(short_model_name(stable.model)),
                in_latex(titled(board, stable.ordering)),
                str(stable.seeds),
                in_latex(f"{stable.kendall_tau.value:.3f}"),
                percentage(stable.top_overlap._asdict()),
            ]
            for stable in stability
        ]
        headings = ["Model", "Ordering", "Seeds", r"Kendall's $\tau$", r"In common (\%)"]
        tables.append(booktabs(pd.DataFrame(rows, columns=headings), in_latex(OVER_SEEDS), "tab:stability"))
    return "\n".join(tables)
