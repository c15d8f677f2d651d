"""Does what a run says stand, whatever is meant by "erased"? Its comparisons and its verdict under each way of erasing.

The verdict of Serrano & Smith (2019) is about weights that are zeroed while the rest is renormalised. Replace functions
change what explanations are found faithful (Hase, Xie & Bansal 2021), and metrics of circuits hang on the ablation
(Miller, Chughtai & Saunders 2024). So the same comparisons are made under every way that the run was erased in, each
with its own interval and test.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from attnprobe.analysis.bootstrap import Estimate, means
from attnprobe.analysis.restricted_means import restricted
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.significance import holm
from attnprobe.analysis.single_weights import attention_entropy
from attnprobe.analysis.thresholds import SIGNIFICANT
from attnprobe.analysis.verdict import NOT_INFORMATIVE, UNDECIDED, anything_flips, give_verdict
from attnprobe.analysis.who_flips_first import Comparison, compare
from attnprobe.erasure.registered_orderings import ATTENTION, PAPER

SURVIVES = "survives"
FALLS = "falls"
OPEN = "undecided"
"""What becomes of something that is found under a run's own way of erasing, over all ways."""


class UnderWay(NamedTuple):
    """What is found under one way of erasing.

    Attributes:
        title: of the way, as readers are shown it.
        verdict: by the rule of ``give_verdict``.
        comparisons: attention against each other ordering of the paper.
        erased: by these orderings and attention the mean share of the items erased at the first flip while something is
            left, documents without one counting as all.
    """

    title: str
    verdict: str
    comparisons: list[Comparison]
    erased: dict[str, Estimate]


class OverMeanings(NamedTuple):
    """What becomes of a run's answer under the ways of erasing that it has results of.

    Attributes:
        ways: by name, the run's own first.
        verdict: ``survives`` where the rule gives the same verdict under each; ``falls`` where it gives another under
            some, which is no *undecided* and no *not informative*; ``undecided`` otherwise, and where the run's own is
            one of these.
        comparisons: by the ordering that attention is compared with what becomes of who is earlier: see ``stands``.
        reversed: by the same ordering the ways under which who is earlier is reversed.
        same: under how many ways the verdict is the run's own, this one included.
    """

    ways: dict[str, UnderWay]
    verdict: str
    comparisons: dict[str, str]
    reversed: dict[str, list[str]]
    same: int


def over_meanings(results: RunResults) -> OverMeanings | None:
    """The answer of a run under each of its ways of erasing; None where there is one, or decisions cannot flip.

    Raises:
        InputError: a table lacks an ordering, or cannot be read.
    """
    if len(results.ways) < 2 or not results.meaning.flips:
        return None
    entropy = attention_entropy(results)
    ways = {name: _under(results.under(name), record.title, entropy) for name, record in results.ways.items()}
    own, *others = (under.verdict for under in ways.values())
    compared, turned = {}, {}
    for row in zip(*(under.comparisons for under in ways.values()), strict=True):
        sides, other = [_side(comparison) for comparison in row], row[0].second
        compared[other] = stands(sides)
        turned[other] = [way for way, is_reversed in zip(ways, reversed_under(sides), strict=True) if is_reversed]
    return OverMeanings(ways, _of_verdicts(own, others), compared, turned, 1 + others.count(own))


def _under(results: RunResults, title: str, entropy: Estimate) -> UnderWay:
    flips = {name: flip for name, flip in results.first_flips.items() if name in PAPER}
    compared = compare(flips, [(ATTENTION, name) for name in flips if name != ATTENTION])
    erased = means({name: restricted(flip)["fraction"] for name, flip in flips.items()})
    verdict = give_verdict(entropy, compared, anything_flips=anything_flips(results)).verdict
    return UnderWay(title, verdict, compared, erased)


class Side(NamedTuple):
    """To which side of zero a lead lies.

    Attributes:
        sign: 1 or −1 where its whole interval lies there, and 0 where it holds zero.
        p: of the test that it is zero.
    """

    sign: int
    p: float


def _side(comparison: Comparison) -> Side:
    lead = comparison.lead
    return Side(int(lead.low > 0) - int(lead.high < 0), comparison.p)


def stands(sides: Sequence[Side]) -> str:
    """What becomes of a lead, by its sides under all ways of erasing, the own one first.

    ``survives`` where it lies to the own side under every way, each with its whole interval and p below .05: what is
    claimed of all at once needs no correction. ``falls`` where under some way it lies to the other side with its whole
    interval, and p below .05 after Holm over the other ways: there are several occasions for that. Else ``undecided``.
    """
    own, *others = sides
    if own.sign == 0 or not own.p < SIGNIFICANT:
        return OPEN
    if all(side.sign == own.sign and side.p < SIGNIFICANT for side in others):
        return SURVIVES
    return FALLS if any(reversed_under(sides)) else OPEN


def reversed_under(sides: Sequence[Side]) -> list[bool]:
    """Of each way of erasing whether a lead is reversed under it, by the rule of :func:`stands`; the first is own."""
    own, *others = sides
    adjusted = holm({place: side.p for place, side in enumerate(others)})
    return [False] + [
        own.sign != 0 and side.sign == -own.sign and adjusted[place] < SIGNIFICANT for place, side in enumerate(others)
    ]


def _of_verdicts(own: str, others: Sequence[str]) -> str:
    silent = (UNDECIDED, NOT_INFORMATIVE)
    if own in silent:
        return OPEN
    if all(other == own for other in others):
        return SURVIVES
    return FALLS if any(other not in (own, *silent) for other in others) else OPEN
