"""The answer over several seeds of one dataset and model: means with their spread, and whether the verdicts agree."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from attnprobe.analysis.across_runs import AcrossSeeds, across_seeds
from attnprobe.analysis.first_flips import OUTCOMES
from attnprobe.analysis.intervals import SEEDS_FOR_AN_INTERVAL
from attnprobe.analysis.results import RunResults
from attnprobe.base.text_cells import aligned
from attnprobe.reports.answer import filled, shortened
from attnprobe.reports.meaning_in_words import meaning_in_words
from attnprobe.reports.numbers import ABSENT, percent, percent_with_interval
from attnprobe.reports.selection_in_words import question
from attnprobe.runs.ordering_records import ENTRY

Summary = Mapping[str, Any]

Statistic = tuple[str, ...]
"""Where an estimate stands in a summary: the names of the entries, from the outermost in."""

ACCURACY: Statistic = ("accuracy",)

SHARES = dict(zip(("while some are left", "only when none is left", "never"), OUTCOMES, strict=True))
"""Headings, and the entries of an ordering that stand under them: shares of documents."""

ERASED = "restricted_mean"
"""The entry of an ordering that says how much is erased by then."""


def answer_over_seeds(runs: Sequence[RunResults], summaries: Sequence[Summary]) -> str:
    """Three short tables and two sentences; at most 100 characters a line.

    Args:
        runs: of one dataset and model, of different seeds.
        summaries: of these runs, as ``summarise`` gives them.

    Raises:
        InputError: two runs are the same.
    """
    by_seed = dict(sorted((run.seed, summary) for run, summary in zip(runs, summaries, strict=True)))
    spread = _Spread(runs, by_seed)
    parts = [
        _introduction(runs[0], by_seed, spread),
        _outcomes(by_seed, spread),
        _erased(by_seed, spread),
        _seeds(by_seed),
        _agreement(by_seed),
    ]
    return "\n\n".join(parts)


class _Spread:
    """Looks an estimate up in the summary of each seed."""

    def __init__(self, runs: Sequence[RunResults], summaries: Mapping[int, Summary]) -> None:
        self._runs, self._summaries = runs, summaries

    def of(self, statistic: Statistic) -> AcrossSeeds:
        """Points, mean and t-interval of a statistic."""
        (found,) = across_seeds(self._runs, lambda run: value_of(self._summaries[run.seed], statistic))
        return found

    def share(self, statistic: Statistic) -> str:
        """The mean of a share with its interval, of which only what a share can be is shown."""
        estimate = self.of(statistic).over_seeds
        low, high = (end if math.isnan(end) else min(max(end, 0.0), 1.0) for end in (estimate.low, estimate.high))
        return percent_with_interval(estimate._replace(low=low, high=high)._asdict())


def value_of(summary: Summary, statistic: Statistic) -> float:
    """The value of an estimate; NaN where the summary has none."""
    entry: Any = summary
    for name in (*statistic, "value"):
        entry = None if entry is None else entry.get(name)
    return math.nan if entry is None else float(entry)


def _introduction(run: RunResults, summaries: Mapping[int, Summary], spread: _Spread) -> str:
    seeds = len(summaries)
    counts = sorted({summary["counts"]["with_several_items"] for summary in summaries.values()})
    documents = " to ".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1])))
    text = f"{run.dataset} · {run.short_model} over {seeds} seed{'s' * (seeds > 1)}: {documents} documents. "
    if not math.isnan(spread.of(ACCURACY).over_seeds.value):
        text += f"The model is right in {spread.share(ACCURACY)}. "
    means = "brackets are 95 % t-intervals, of other seeds on the same documents"
    if seeds < SEEDS_FOR_AN_INTERVAL:
        means = f"an interval takes {SEEDS_FOR_AN_INTERVAL} seeds"
    return filled(f"{text}Means over seeds; {means}. {meaning_in_words(run.config)}".rstrip())


def _outcomes(summaries: Mapping[int, Summary], spread: _Spread) -> str:
    unit = _unit(summaries)
    rows = [
        [shortened(name, _told(summaries)), *(spread.share(("first_flips", name, field)) for field in SHARES.values())]
        for name in _orderings(summaries)
    ]
    title = f"Erasing {unit} after {unit} until the decision changes, it changes (share of documents):"
    return "\n".join([title, *aligned([["", *SHARES], *rows])])


def _erased(summaries: Mapping[int, Summary], spread: _Spread) -> str:
    rows = []
    for name in _orderings(summaries):
        statistic = ("first_flips", name, ERASED)
        points = [point for point in spread.of(statistic).points if not math.isnan(point)]
        ends = [percent(end) for end in (min(points), max(points))] if points else [ABSENT, ABSENT]
        rows.append([shortened(name, _told(summaries)), spread.share(statistic), *ends])
    title = f"{_unit(summaries).capitalize()}s erased by then (none left, or never, counts as all):"
    return "\n".join([title, *aligned([["", "mean", "lowest seed", "highest seed"], *rows])])


def _orderings(summaries: Mapping[int, Summary]) -> list[str]:
    return list(dict.fromkeys(name for summary in summaries.values() for name in summary["first_flips"]))


def _told(summaries: Mapping[int, Summary]) -> Summary:
    """What all seeds together say of their orderings."""
    return {ENTRY: {name: told for summary in summaries.values() for name, told in (summary.get(ENTRY) or {}).items()}}


def _unit(summaries: Mapping[int, Summary]) -> str:
    return str(next(iter(summaries.values()))["run"]["unit"])


def _seeds(summaries: Mapping[int, Summary]) -> str:
    headings = ["seed", "right", "attention first", "random first", "verdict"]
    rows = [
        [
            str(seed),
            percent((summary["accuracy"] or {}).get("value")),
            *(percent(summary["answer"]["against_random"][field]["value"]) for field in _FIRST),
            summary["answer"]["verdict"],
        ]
        for seed, summary in summaries.items()
    ]
    title = "Seed by seed, with the share of documents that attention, or a random order, flips first:"
    return "\n".join([title, *aligned([headings, *rows])])


_FIRST = ("first_earlier", "second_earlier")


def _agreement(summaries: Mapping[int, Summary]) -> str:
    """Which verdict the seeds come to, or which of them come to which."""
    seeds: dict[str, list[int]] = {}
    for seed, summary in summaries.items():
        seeds.setdefault(summary["answer"]["verdict"], []).append(seed)
    asked = question(next(iter(summaries.values())))
    if len(summaries) == 1:
        return filled(f"{asked} Of the one seed: {next(iter(seeds))}.")
    if len(seeds) == 1:
        return filled(f"{asked} All {len(summaries)} seeds say: {next(iter(seeds))}.")
    said = "; ".join(
        f"{verdict} (seed{'s' * (len(those) > 1)} {', '.join(map(str, those))})" for verdict, those in seeds.items()
    )
    return filled(f"{asked} The seeds do not agree: {said}.")
