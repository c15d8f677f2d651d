"""The decision's probability as each ordering erases: a line an ordering, dashed where it is a permuted twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.whole_curves import WholeCurves, on_grid
from attnprobe.explanations.names import is_twin
from attnprobe.reports.numbers import ABSENT, percent, percent_with_interval

_STEPS = 50
"""Of the share that is erased, from nothing to everything."""


class CurveLine(NamedTuple):
    """An ordering: its place among those of the page, its line in a square of 100, and what is said of it.

    Attributes:
        ordering: its place.
        name: its title.
        twin: whether it is the permuted twin of an explanation.
        path: from nothing erased, at the left, to everything, as SVG draws it; probability is up.
        falls: the mean fall of the probability over every number of items (AOPC), with its interval.
        kept: the same with only the first items kept.
        normalised: where the first is between the least and the most that any ordering reaches; empty where not known.
    """

    ordering: int
    name: str
    twin: bool
    path: str
    falls: str
    kept: str
    normalised: str


class CurvesPanel(NamedTuple):
    """Lines, of how many documents they are, and whether any is a twin and any has a normalised AOPC.

    Attributes:
        top: the probability at the top of the drawing, in words: a model that chooses among many is seldom sure.
    """

    lines: list[CurveLine]
    top: str
    documents: int
    twins: bool
    normalised: bool


def curves_panel(results: RunResults, summary: Mapping[str, Any], orderings: Sequence[str]) -> CurvesPanel | None:
    """Of the orderings that the page shows; None where no whole curves are kept.

    Args:
        results: the run.
        summary: as ``summarise`` gives it.
        orderings: by name, as the page counts them.
    """
    statistics, curves = summary.get("curves"), WholeCurves.of(results)
    if not statistics or curves is None:
        return None
    means = dict(on_grid(curves, "probability", np.linspace(0, 1, _STEPS + 1)))
    shown = [of for name, of in means.items() if name in orderings and name in statistics["orderings"]]
    top = scale_to(max((float(np.nanmax(of)) for of in shown), default=1.0))
    lines = []
    for place, name in enumerate(orderings):
        if name in means and name in statistics["orderings"]:
            found = statistics["orderings"][name]["probability"]
            normalised = found["normalised"]
            lines.append(
                CurveLine(
                    place,
                    results.title(name),
                    is_twin(name, orderings),
                    _path(means[name] / top),
                    decimal_with_interval(found["comprehensiveness"]),
                    decimal_with_interval(found["sufficiency"]),
                    "" if normalised["value"] is None else percent_with_interval(normalised),
                )
            )
    known, twins = any(line.normalised for line in lines), any(line.twin for line in lines)
    return CurvesPanel(lines, percent(top), statistics["documents"], twins, known)


def scale_to(most: float) -> float:
    """What the top of a drawing of probabilities is: one, or where they are all less than half of it, their most.

    >>> scale_to(0.6), scale_to(0.013)
    (1.0, 0.013)
    """
    return 1.0 if most > 0.5 or most <= 0 else most


def _path(probabilities: Numbers) -> str:
    """A line through shares of the scale at equal steps."""
    steps = np.linspace(0, 100, len(probabilities))
    points = (f"{x:.1f} {100 - 100 * p:.2f}" for x, p in zip(steps.tolist(), probabilities.tolist(), strict=True))
    return "M" + "L".join(points)


def decimal_with_interval(estimate: Mapping[str, Any]) -> str:
    """``.304 [.255, .352]``.

    >>> decimal_with_interval({"value": -0.0312, "low": None, "high": None})
    '−.031'
    """
    value, low, high = (_decimal(estimate[end]) for end in ("value", "low", "high"))
    return value if ABSENT in (low, high) else f"{value} [{low}, {high}]"


def _decimal(number: float | None) -> str:
    if number is None:
        return ABSENT
    return f"{round(number, 3) + 0.0:.3f}".replace("0.", ".", 1).replace("-", "−")
