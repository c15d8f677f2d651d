"""The leaderboard for the terminal: who stands where, and which differences are not shown."""

from __future__ import annotations

import math
from collections.abc import Callable

from attnprobe.analysis.bootstrap import Estimate
from attnprobe.analysis.intervals import SEEDS_FOR_AN_INTERVAL
from attnprobe.analysis.leaderboard import MEASURES, Difference, Leaderboard, Place, Ranking
from attnprobe.base.text_cells import aligned
from attnprobe.base.visible import visible
from attnprobe.erasure.registered_orderings import Role
from attnprobe.explanations.names import PERMUTED
from attnprobe.reports.answer import filled
from attnprobe.reports.numbers import ABSENT, percent_with_interval, points_with_interval, signed
from attnprobe.reports.orderings_in_words import names_to_type

KINDS = {Role.CHANCE: "chance", Role.CONTROL: "control", Role.EXPLANATION: "", Role.REFERENCE: "reference"}

TOLD = 8
"""Differences that are not shown and are told one by one; the others are in the files."""


def leaderboard_in_words(board: Leaderboard) -> str:
    """A table by the measure that counts, and what is not shown by it; sentences in lines of at most 100 characters."""
    ranking = next(iter(board.rankings.values()))
    rows = [
        [place_in_words(place), named(board, place.ordering), mean_in_words(ranking, place.mean)]
        for place in ranking.places
    ]
    table = aligned([["place", "ordering", "mean"], *rows])
    said = [not_shown_in_words(board, ranking), *remarks(board)]
    parts = [filled(introduction(board, ranking)), "\n".join(table), *map(filled, said)]
    return "\n\n".join(filter(None, parts))


def introduction(board: Leaderboard, ranking: Ranking) -> str:
    """Of what, by what, and what the brackets say."""
    measure, runs = MEASURES[ranking.measure], len(board.runs)
    which = "larger" if measure.larger_is_better else "smaller"
    of = f"{visible(board.dataset)}, {runs:,} runs of {board.models:,} model{'s' * (board.models > 1)}"
    of = of if runs > 1 else board.runs[0]
    text = f"{of}: orderings by {measure.in_prose} ({which} is better), "
    text += (
        f"{'means over runs of ' * (runs > 1)}means over {ranking.documents:,} documents. Brackets are 95 % intervals"
    )
    if runs == 1:
        return f"{text} over documents, given this model."
    text += " over documents and runs."
    if runs < SEEDS_FOR_AN_INTERVAL + 1:
        text += " Of so few runs they say whether something is so in each, and little of other models."
    return text


def remarks(board: Leaderboard) -> list[str]:
    """What else it is ranked by, what was left out, how some orderings are asked for, what is not known."""
    said = [_other_rankings(board), _left_out(board), names_to_type(board.orderings)]
    return [*filter(None, said), *_unknown(board)]


def _other_rankings(board: Leaderboard) -> str:
    """Why the first ranking leads, and of how many documents the others are; empty where there is one alone."""
    first, *others = board.rankings.values()
    if not others:
        return ""
    counted = " and ".join(f"{MEASURES[other.measure].in_prose} ({other.documents:,} documents)" for other in others)
    measure = MEASURES[first.measure].in_prose
    return (
        f"{measure[0].upper()}{measure[1:]} leads: {MEASURES[first.measure].leads}. The files also rank by {counted}."
    )


def not_shown_in_words(board: Leaderboard, ranking: Ranking) -> str:
    """Which differences are not shown, in one sentence, those of explanations first; that all are, where they are."""

    def beside(pair: Difference) -> int:
        return sum(board.orderings[name].role is not Role.EXPLANATION for name in (pair.better, pair.worse))

    not_shown = sorted((pair for pair in ranking.pairs if not pair.shown), key=beside)
    if not not_shown:
        return f"All {len(ranking.pairs):,} differences are shown, p after Holm's correction below .05."
    told = "; ".join(
        f"{named(board, pair.better)} against {named(board, pair.worse)} ({difference_in_words(ranking, pair)})"
        for pair in not_shown[:TOLD]
    )
    more = f"; and {len(not_shown) - TOLD:,} more" * (len(not_shown) > TOLD)
    verb = "are" if len(not_shown) > 1 else "is"
    return f"Not shown {verb} {len(not_shown):,} of {len(ranking.pairs):,} differences: {told}{more}."


def _left_out(board: Leaderboard) -> str:
    if not board.left_out:
        return ""
    names = ", ".join(visible(name) for name in board.left_out[:TOLD])
    more = f" and {len(board.left_out) - TOLD:,} more" * (len(board.left_out) > TOLD)
    return f"Not in every run, and left out: {names}{more}."


def _unknown(board: Leaderboard) -> list[str]:
    return [
        f"There is no ranking by {MEASURES[measure].in_prose}: {visible(folder)} was made without "
        f"{MEASURES[measure].needs}."
        for measure, folder in board.unknown.items()
    ]


def named(board: Leaderboard, ordering: str) -> str:
    """An ordering's title, and what it is where it is no explanation."""
    title, kind = board.orderings[ordering].title, kind_of(board, ordering)
    return f"{title} ({kind})" if kind and not kind.startswith("twin") else title


def kind_of(board: Leaderboard, ordering: str) -> str:
    """What an ordering is where it is no explanation: chance, a control, the twin of another."""
    of = ordering.removesuffix(PERMUTED)
    if of != ordering and of in board.orderings and board.orderings[ordering].role is Role.CONTROL:
        return f"twin of {board.orderings[of].title}"
    return KINDS[board.orderings[ordering].role]


def place_in_words(place: Place) -> str:
    """The places that are possible: ``2``, or ``2–4`` where differences are not shown."""
    return str(place.best) if place.best == place.worst else f"{place.best}–{place.worst}"


def mean_in_words(ranking: Ranking, mean: Estimate) -> str:
    """A mean with its interval, in the unit of its measure."""
    if MEASURES[ranking.measure].percent:
        return percent_with_interval(mean._asdict())
    return _decimals(mean, lambda number: f"{number:.3f}")


def difference_in_words(ranking: Ranking, pair: Difference) -> str:
    """A difference with its interval, in points where the measure is a share."""
    if MEASURES[ranking.measure].percent:
        told = {end: None if math.isnan(number) else number for end, number in pair.difference._asdict().items()}
        return points_with_interval(told)
    return _decimals(pair.difference, lambda number: signed(number, 4))


def _decimals(estimate: Estimate, form: Callable[[float], str]) -> str:
    value, low, high = (ABSENT if math.isnan(number) else form(number) for number in estimate[:3])
    return value if math.isnan(estimate.low) else f"{value} [{low}, {high}]"
