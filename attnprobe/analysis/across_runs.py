"""The same statistic over many runs: a point a seed, and Student's interval from three seeds on.

An interval within a run is about other documents, given its trained model; how much another seed would change is only
to be seen across runs. ``run_folders.load_runs`` finds the runs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import NamedTuple

from attnprobe.analysis.bootstrap import Estimate
from attnprobe.analysis.intervals import t_interval
from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError

Pair = tuple[str, str]
"""Dataset and model."""


class AcrossSeeds(NamedTuple):
    """One statistic of one dataset and model.

    Attributes:
        dataset, model: of which.
        seeds: in ascending order.
        points: the statistic of each seed, NaN where it is not defined.
        over_seeds: mean and t-interval, whose ends are NaN below three seeds; its ``n`` counts seeds.
    """

    dataset: str
    model: str
    seeds: list[int]
    points: list[float]
    over_seeds: Estimate


def by_pair(runs: Iterable[RunResults]) -> dict[Pair, list[RunResults]]:
    """Runs by dataset and model in alphabetical order, each in order of seed.

    Raises:
        InputError: two runs are of the same dataset, model and seed.
    """
    ordered = sorted(runs, key=lambda run: (run.dataset, run.model, run.seed))
    for one, other in itertools.pairwise(ordered):
        if (one.dataset, one.model, one.seed) == (other.dataset, other.model, other.seed):
            raise InputError(f"{one.folder} and {other.folder} are both {one.name}.")
    groups = itertools.groupby(ordered, key=lambda run: (run.dataset, run.model))
    return {pair: list(group) for pair, group in groups}


def across_seeds(runs: Iterable[RunResults], statistic: Callable[[RunResults], float | Estimate]) -> list[AcrossSeeds]:
    """A statistic of every run, by dataset and model.

    Args:
        runs: in any order.
        statistic: of one run; of an estimate the value counts.
    """
    results = []
    for (dataset, model), seeds in by_pair(runs).items():
        points = [_value(statistic(run)) for run in seeds]
        results.append(AcrossSeeds(dataset, model, [run.seed for run in seeds], points, t_interval(points)))
    return results


def _value(statistic: float | Estimate) -> float:
    return float(statistic.value if isinstance(statistic, Estimate) else statistic)
