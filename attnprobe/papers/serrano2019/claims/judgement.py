"""What can be said of a claim, from an interval and never from a value: holds, fails, undecided, not informative.

Of an identity, which holds by algebra, nothing is judged: its size is told.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from attnprobe.analysis.bootstrap import Estimate
from attnprobe.analysis.over_meanings import FALLS, SURVIVES
from attnprobe.analysis.thresholds import SIGNIFICANT

HOLDS = "holds"
FAILS = "fails"
UNDECIDED = "undecided"
NOT_INFORMATIVE = "not informative"
NOT_TESTED = "not tested"

IDENTITY = "identity"
"""What cannot fail: of it the size alone is told."""

VERDICTS = (HOLDS, FAILS, UNDECIDED, NOT_INFORMATIVE)
"""What is judged of a claim that can fail."""


class Judgement(NamedTuple):
    """A verdict and what it rests on.

    Attributes:
        verdict: one of ``VERDICTS``, or ``IDENTITY``.
        estimate: the statistic, with its 95 % interval and its n.
        threshold: what it is held against.
        left_out: how many documents have no part in it, and why, in words.
        note: what else a reader should know.
        p_value: of the test that the statistic is the threshold, where there is one; NaN elsewhere. Not adjusted.
    """

    verdict: str
    estimate: Estimate
    threshold: float
    left_out: str = ""
    note: str = ""
    p_value: float = math.nan


class Case(NamedTuple):
    """A judgement in one run, or of one comparison of several.

    Attributes:
        name: the run, or what is compared.
        group: what counts as one over a grid: a pair of dataset and model with all its seeds, or a comparison.
        judgement: the judgement.
        part: which part of a claim that has several.
        other: of a claim that rests on first flips, the judgement under the other convention of what one is.
        under: by title the judgements under further ways of erasing that the runs have results of.
    """

    name: str
    group: str
    judgement: Judgement
    part: str = ""
    other: Judgement | None = None
    under: Mapping[str, Judgement] = MappingProxyType({})


def above(estimate: Estimate, threshold: float) -> str:
    """``holds`` where the whole interval lies above the threshold, ``fails`` where it lies below it."""
    if estimate.low > threshold:
        return HOLDS
    return FAILS if estimate.high < threshold else UNDECIDED


def below(estimate: Estimate, threshold: float) -> str:
    """``holds`` where the whole interval lies below the threshold, ``fails`` where it lies above it."""
    if estimate.high < threshold:
        return HOLDS
    return FAILS if estimate.low > threshold else UNDECIDED


def differs(estimate: Estimate, threshold: float) -> str:
    """``holds`` where the threshold lies outside the interval, to either side; it cannot fail, only stay undecided."""
    return HOLDS if HOLDS in (above(estimate, threshold), below(estimate, threshold)) else UNDECIDED


def both(first: str, second: str) -> str:
    """The verdict on two things claimed together."""
    verdicts = {first, second}
    if FAILS in verdicts:
        return FAILS
    return HOLDS if verdicts == {HOLDS} else UNDECIDED


def agreed(verdict: str, p_value: float) -> str:
    """The verdict of an interval where the test beside it, if there is one, finds the same; else ``undecided``."""
    return UNDECIDED if verdict in (HOLDS, FAILS) and p_value >= SIGNIFICANT else verdict


def over_meanings(own: str, others: Sequence[str]) -> str:
    """What becomes of a verdict over all meanings of erasure: ``survives``, ``falls`` or ``undecided``.

    It survives where it is ``holds``, or ``fails``, and so under every other meaning; it falls where it is the opposite
    under one of them; else, and where it is neither, that is undecided.
    """
    if own not in (HOLDS, FAILS):
        return UNDECIDED
    if all(other == own for other in others):
        return SURVIVES
    return FALLS if (FAILS if own == HOLDS else HOLDS) in others else UNDECIDED


def by_group(cases: Sequence[Case]) -> dict[str, str]:
    """One verdict a group: the one that all its cases share, else ``undecided``."""
    verdicts: dict[str, set[str]] = {}
    for case in cases:
        verdicts.setdefault(case.group, set()).add(case.judgement.verdict)
    return {group: found.pop() if len(found) == 1 else UNDECIDED for group, found in verdicts.items()}


def over_all(cases: Sequence[Case]) -> str:
    """The verdict over a grid on a claim about every model: one failure refutes it, one open case leaves it open.

    Groups that are not informative are left out; if no other is left, nor is the grid.
    """
    counts = Counter(by_group(cases).values())
    for verdict in (FAILS, UNDECIDED, HOLDS, NOT_INFORMATIVE):
        if counts[verdict]:
            return verdict
    return NOT_TESTED


def over_most(cases: Sequence[Case]) -> str:
    """The verdict over a grid on a claim about most models: that of more than half of the informative groups.

    ``undecided`` where neither ``holds`` nor ``fails`` has so many.
    """
    counts = Counter(by_group(cases).values())
    if not counts:
        return NOT_TESTED
    informative = counts[HOLDS] + counts[FAILS] + counts[UNDECIDED]
    if not informative:
        return NOT_INFORMATIVE
    return next((verdict for verdict in (HOLDS, FAILS) if counts[verdict] > informative / 2), UNDECIDED)


def size_only(cases: Sequence[Case]) -> str:
    """Over the grid on an identity: there is nothing to judge, but perhaps no run has it."""
    verdicts = set(by_group(cases).values())
    return IDENTITY if IDENTITY in verdicts else NOT_INFORMATIVE if verdicts else NOT_TESTED
