"""A leaderboard of explanations: who is better than whom on the same documents, over models and seeds.

In each run every ordering has a number a document, draws averaged; a run's mean is over its documents, and what is
ranked is the mean over runs, each of which weighs the same. Differences are paired: by document, and by run.

Intervals are from the bootstrap over documents; of several runs over runs as well, as clusters that cross the
documents. A resample draws documents, and one run fewer than there are: then the variance between runs is right however
few there are (Rao & Wu 1988), and documents and runs drawn independently of each other give no narrower intervals than
there should be (Owen 2007). Of two or three runs a resample is often of one run alone: a difference whose interval
leaves out zero is there in each.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from attnprobe.analysis.bca import percentile_ends
from attnprobe.analysis.bootstrap import LEVEL, SEED, Estimate, Numbers, means, resampling_counts
from attnprobe.analysis.comparable_runs import check_comparable, common_orderings
from attnprobe.analysis.curve_statistics import limits_of, shares_between
from attnprobe.analysis.first_flips import with_controls
from attnprobe.analysis.restricted_means import restricted
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.significance import holm, sign_flip_tests
from attnprobe.analysis.thresholds import SIGNIFICANT
from attnprobe.analysis.whole_curves import WholeCurves, areas
from attnprobe.base.errors import InputError
from attnprobe.runs.ordering_records import OrderingRecord, record_of

OfRun = dict[str, "pd.Series[float]"]
"""By ordering a number a document, by the document's number."""


class Measure(NamedTuple):
    """What explanations are ranked by.

    Attributes:
        title: what readers are shown.
        in_prose: the same within a sentence.
        larger_is_better: whether it is.
        percent: whether it is a share, told in per cent.
        of_run: of these orderings of a run; None where it is not known there.
        needs: what a run has to be made with for it to be known.
        leads: why it comes before those behind it, within a sentence; empty where there is none behind it.
    """

    title: str
    in_prose: str
    larger_is_better: bool
    percent: bool
    of_run: Callable[[RunResults, Sequence[str]], OfRun | None]
    needs: str
    leads: str = ""


def _aopc(results: RunResults, names: Sequence[str]) -> OfRun | None:
    """AOPC of the decision's probability."""
    curves = WholeCurves.of(results)
    if curves is None:
        return None
    numbers = results.several["document"].to_numpy()[curves.documents]
    return {name: pd.Series(reached.mean(axis=1), numbers) for name, reached in _reached(curves, names).items()}


def _normalised(results: RunResults, names: Sequence[str]) -> OfRun | None:
    """The same as a share of what any ordering of the document reaches, where that is known and there is a share."""
    curves = WholeCurves.of(results)
    limits = None if curves is None else limits_of(results, curves, "probability")
    if curves is None or limits is None:
        return None
    numbers = results.several["document"].to_numpy()[curves.documents]
    found = {}
    for name, reached in _reached(curves, names).items():
        least, most = shares_between(reached, limits)
        found[name] = pd.Series((least + most) / 2, numbers).dropna()
    return found if all(len(column) for column in found.values()) else None


def _reached(curves: WholeCurves, names: Sequence[str]) -> dict[str, Numbers]:
    """By ordering its AOPC (documents, draws); of those that have curves."""
    of_all, places = areas(curves, "probability").comprehensiveness, curves.of_orderings()
    return {name: of_all[:, places[name]] for name in names if name in places}


def _first_flip(results: RunResults, names: Sequence[str]) -> OfRun:
    """The share of the items erased at the first flip, emptied and never as all."""
    flips, numbers = with_controls(results), results.several["document"].to_numpy()
    return {name: pd.Series(restricted(flips[name])["fraction"], numbers) for name in names}


MEASURES: Mapping[str, Measure] = {
    "normalised_aopc": Measure(
        "Normalised AOPC",
        "normalised AOPC",
        True,
        True,
        _normalised,
        "--limits",
        "0 % is the worst and 100 % the best order of each document, so that documents count alike, however much or "
        "little any order does to them",
    ),
    "aopc": Measure(
        "AOPC", "AOPC", True, False, _aopc, "--curves", "it is of the whole order, and not of its first flip alone"
    ),
    "first_flip": Measure(
        "Erased at the first flip", "the share erased at the first flip", False, True, _first_flip, ""
    ),
}
"""By name, the first that is known the one that counts."""


class Difference(NamedTuple):
    """Two orderings.

    Attributes:
        better, worse: which, by their means.
        difference: by how much the first is better, above zero; paired.
        p: of the sign-flip test over documents, differences averaged over runs.
        p_holm: the same after Holm's correction over all pairs.
        shown: whether the interval leaves out zero and the corrected p is below .05.
        runs: in how many runs the first is better.
    """

    better: str
    worse: str
    difference: Estimate
    p: float
    p_holm: float
    shown: bool
    runs: int


class Place(NamedTuple):
    """One ordering in the ranking.

    Attributes:
        ordering: its name.
        mean: over runs of means over documents.
        best, worst: the first and the last place that it can have, by the differences that are shown.
        not_shown: from which orderings it is not shown to differ.
    """

    ordering: str
    mean: Estimate
    best: int
    worst: int
    not_shown: list[str]


class Ranking(NamedTuple):
    """By one measure.

    Attributes:
        measure: its name.
        documents: how many different documents there are numbers of.
        places: best first.
        pairs: of all orderings, those of the best first.
    """

    measure: str
    documents: int
    places: list[Place]
    pairs: list[Difference]


class Leaderboard(NamedTuple):
    """What comes of comparing runs.

    Attributes:
        runs: names of the runs.
        dataset: whose documents they are of.
        models: how many different models they are of.
        orderings: what the first run says of those that are ranked, by name.
        rankings: by measure, the one that counts first.
        left_out: orderings that only some runs have.
        unknown: by measure that is not known of every run, the first that lacks it.
    """

    runs: list[str]
    dataset: str
    models: int
    orderings: dict[str, OrderingRecord]
    rankings: dict[str, Ranking]
    left_out: list[str]
    unknown: dict[str, str]


def leaderboard(runs: Sequence[RunResults]) -> Leaderboard:
    """Rank the orderings that all runs have.

    Raises:
        InputError: the runs cannot be compared; or some keep whole curves and others do not.
    """
    check_comparable(runs)
    names, left_out = common_orderings(runs)
    rankings, unknown = {}, {}
    for measure, of in MEASURES.items():
        found = [of.of_run(run, names) for run in runs]
        lacking = [run.folder for run, each in zip(runs, found, strict=True) if each is None]
        table = {} if lacking else table_of_runs([each for each in found if each is not None])
        if len(table) > 1:
            rankings[measure] = ranking(measure, table)
        elif measure == "aopc" and 0 < len(lacking) < len(runs):
            raise InputError(
                f"{lacking[0]} has no whole curves, which other runs have: probe it again with --curves, or leave it "
                "out."
            )
        else:
            unknown[measure] = str([*lacking, runs[0].folder][0])
    models = len({(run.dataset, run.model) for run in runs})
    records = {name: record_of(runs[0].records, name) for name in names}
    return Leaderboard([run.name for run in runs], runs[0].dataset, models, records, rankings, left_out, unknown)


def table_of_runs(runs: Sequence[OfRun]) -> dict[str, Numbers]:
    """By ordering that all runs have numbers of, these (documents, runs), NaN where a run has none of a document."""
    documents = pd.Index(sorted({number for run in runs for column in run.values() for number in column.index}))
    return {
        name: np.column_stack([run[name].reindex(documents).to_numpy(np.float64) for run in runs])
        for name in runs[0]
        if all(name in run for run in runs)
    }


def ranking(measure: str, table: Mapping[str, Numbers]) -> Ranking:
    """Rank orderings by a measure.

    Args:
        measure: its name.
        table: by ordering (documents, runs), NaN at the same places in all.
    """
    sign = 1 if MEASURES[measure].larger_is_better else -1
    estimates, differences = _estimates(table)
    ordered = sorted(table, key=lambda name: -sign * estimates[name].value)
    pairs = list(itertools.combinations(ordered, 2))
    better = {pair: _signed(sign, differences, pair) for pair in pairs}
    averaged = {(one, other): _over_runs(sign * (table[one] - table[other])) for one, other in pairs}
    p_values = {pair: test.p for pair, test in sign_flip_tests(averaged).items()}
    adjusted = holm(p_values)
    found = []
    for pair in pairs:
        shown = better[pair].low > 0 and adjusted[pair] < SIGNIFICANT
        of_runs = np.nanmean(sign * (table[pair[0]] - table[pair[1]]), axis=0)
        found.append(Difference(*pair, better[pair], p_values[pair], adjusted[pair], shown, int((of_runs > 0).sum())))
    return Ranking(
        measure,
        len(next(iter(table.values()))),
        [_place(name, estimates[name], found) for name in ordered],
        found,
    )


def _place(name: str, mean: Estimate, pairs: Sequence[Difference]) -> Place:
    own = [pair for pair in pairs if name in (pair.better, pair.worse)]
    behind = sum(pair.shown and pair.worse == name for pair in own)
    ahead = sum(pair.shown and pair.better == name for pair in own)
    not_shown = [pair.worse if pair.better == name else pair.better for pair in own if not pair.shown]
    return Place(name, mean, 1 + behind, len(own) + 1 - ahead, not_shown)


def _signed(sign: int, differences: Mapping[tuple[str, str], Estimate], pair: tuple[str, str]) -> Estimate:
    """By how much the first is better, of differences of which each is there one way round."""
    if pair not in differences:
        pair, sign = (pair[1], pair[0]), -sign
    value, low, high, n = differences[pair]
    return Estimate(value, low, high, n) if sign > 0 else Estimate(-value, -high, -low, n)


def _over_runs(values: Numbers) -> Numbers:
    """Means over the runs that have a document (documents,)."""
    there = ~np.isnan(values)
    mean: Numbers = np.where(there, values, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return np.where(there.any(axis=1), mean, np.nan)


def _estimates(table: Mapping[str, Numbers]) -> tuple[dict[str, Estimate], dict[tuple[str, str], Estimate]]:
    """Of each ordering its mean, and of each pair their difference, the first's less the second's."""
    pairs = list(itertools.combinations(table, 2))
    runs = next(iter(table.values())).shape[1]
    if runs == 1:
        single = {name: column[:, 0] for name, column in table.items()}
        return means(single), means({(one, other): single[one] - single[other] for one, other in pairs})
    documents = int((~np.isnan(next(iter(table.values())))).any(axis=1).sum())
    stacked = np.stack(list(table.values()), axis=2)
    value, resampled = _resampled(stacked)

    def estimate(value: float, resampled: Numbers) -> Estimate:
        defined = resampled[~np.isnan(resampled)]
        if documents < 2 or not len(defined):
            return Estimate(float(value), math.nan, math.nan, documents)
        return Estimate(float(value), *percentile_ends(defined, LEVEL), documents)

    places = {name: place for place, name in enumerate(table)}
    of_each = {name: estimate(value[i], resampled[:, i]) for name, i in places.items()}
    of_pairs = {}
    for one, other in pairs:
        i, j = places[one], places[other]
        of_pairs[one, other] = estimate(value[i] - value[j], resampled[:, i] - resampled[:, j])
    return of_each, of_pairs


def _resampled(stacked: Numbers) -> tuple[Numbers, Numbers]:
    """Means over runs of means over documents (orderings,), and of resamples of both (resamples, orderings).

    Args:
        stacked: (documents, runs, orderings), NaN where a run has no number of a document, in all orderings alike.
    """
    documents, runs, orderings = stacked.shape
    there = ~np.isnan(stacked[:, :, 0])
    flat = np.where(there[:, :, None], stacked, 0.0).reshape(documents, -1)
    generator = np.random.default_rng(SEED)

    def of_runs(counts: Numbers) -> Numbers:
        sums = (counts @ flat).reshape(len(counts), runs, orderings)
        weights = (counts @ there.astype(np.float64))[:, :, None]
        found: Numbers = np.divide(sums, weights, out=np.full(sums.shape, np.nan), where=weights > 0)
        return found

    parts = []
    for counts in resampling_counts(documents):
        drawn = generator.multinomial(runs - 1, np.full(runs, 1 / runs), size=len(counts))
        parts.append(_weighted(of_runs(counts), drawn))
    everyone = np.ones((1, documents))
    return _weighted(of_runs(everyone), np.ones((1, runs), dtype=np.int64))[0], np.concatenate(parts)


def _weighted(of_runs: Numbers, drawn: npt.NDArray[np.int64]) -> Numbers:
    """Means over runs (resamples, orderings) that are drawn so often (resamples, runs); NaN where none has any."""
    weights = np.where(np.isnan(of_runs), 0, drawn[:, :, None])
    total = weights.sum(axis=1)
    sums = (np.nan_to_num(of_runs) * weights).sum(axis=1)
    found: Numbers = np.divide(sums, total, out=np.full(sums.shape, np.nan), where=total > 0)
    return found
