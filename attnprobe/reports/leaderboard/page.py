"""The leaderboard as a page: one file without scripts."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from attnprobe import __version__
from attnprobe.analysis.leaderboard import MEASURES, Leaderboard, Ranking
from attnprobe.erasure.registered_orderings import Role
from attnprobe.reports.leaderboard.words import (
    difference_in_words,
    introduction,
    kind_of,
    mean_in_words,
    not_shown_in_words,
    place_in_words,
    remarks,
)
from attnprobe.reports.numbers import significant
from attnprobe.reports.page.embedding import content_hash
from attnprobe.reports.page.rendering import TEMPLATES, environment


def leaderboard_page(board: Leaderboard) -> str:
    """The page as text: a panel a measure, with places, intervals drawn, and every difference."""
    style = "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in ("page.css", "leaderboard.css"))
    return (
        environment()
        .get_template("leaderboard.html")
        .render(
            dataset=board.dataset,
            runs=board.runs,
            remarks=remarks(board),
            panels=[_panel(board, ranking) for ranking in board.rankings.values()],
            style=Markup(style),
            style_hash=content_hash(style),
            version=__version__,
        )
    )


def _panel(board: Leaderboard, ranking: Ranking) -> dict[str, Any]:
    ends = [end for place in ranking.places for end in place.mean[:3] if end == end]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    reach = high - low or 1.0

    def across(number: float) -> float:
        """Where a number is, in percent of the width."""
        return 100 * (number - low) / reach if number == number else 0.0

    return {
        "title": MEASURES[ranking.measure].title,
        "introduction": introduction(board, ranking),
        "not_shown": not_shown_in_words(board, ranking),
        "places": [
            {
                "place": place_in_words(place),
                "title": board.orderings[place.ordering].title,
                "kind": kind_of(board, place.ordering),
                "explains": board.orderings[place.ordering].role is Role.EXPLANATION,
                "mean": mean_in_words(ranking, place.mean),
                "from": across(place.mean.low),
                "at": across(place.mean.value),
                "to": across(place.mean.high),
            }
            for place in ranking.places
        ],
        "pairs": [
            {
                "better": board.orderings[pair.better].title,
                "worse": board.orderings[pair.worse].title,
                "difference": difference_in_words(ranking, pair),
                "p": significant(pair.p_holm),
                "shown": pair.shown,
                "runs": f"{pair.runs} of {len(board.runs)}",
            }
            for pair in ranking.pairs
        ],
    }
