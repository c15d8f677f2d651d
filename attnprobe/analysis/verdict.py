"""Does attention explain this model? The answer, by rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from attnprobe.analysis.bootstrap import Estimate
from attnprobe.analysis.intervals import QUANTILE
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.thresholds import NEARLY_UNIFORM, NEGLIGIBLE_LEAD
from attnprobe.analysis.who_flips_first import Comparison
from attnprobe.erasure.registered_orderings import ATTENTION, PAPER, RANDOM

NO_FLIPS_HERE = "no decision to flip"
NOTHING_FLIPS = "nothing flips"
NOT_INFORMATIVE = "not informative"
NO = "no"
UNDECIDED = "undecided"
IN_PART = "only in part"
AS_WELL_AS_ANY = "as well as any ordering tried"


class Verdict(NamedTuple):
    """The answer and what decided it.

    Attributes:
        verdict: one of the seven.
        attention_entropy: mean normalised entropy of the attention weights.
        against_random: attention against a random order.
        against_others: attention against each other of the paper's orderings; these alone are judged by.
        better: the orderings that flip strictly earlier than attention more often than later.
        open: the orderings, the random one too, of which these documents do not tell whether attention (against the
            random one), or they (against attention), flip decisions earlier.
        nearly_uniform: whether the weights differ so little that comparing single weights says nothing; None where
            these documents do not tell.
        documents_to_decide: of an undecided verdict, how many documents with several items would tell what it is said
            not to tell if what is seen in these is how it is: whether attention is earlier than a random order where
            that is open (``documents_to_tell``); else whether the weights are nearly equal, or which of the open
            orderings are earlier than attention. None of other verdicts, and where it cannot be said.
    """

    verdict: str
    attention_entropy: Estimate
    against_random: Comparison
    against_others: list[Comparison]
    better: list[str]
    open: list[str]
    nearly_uniform: bool | None
    documents_to_decide: int | None


def give_verdict(
    attention_entropy: Estimate,
    comparisons: Sequence[Comparison],
    *,
    anything_flips: bool = True,
    can_flip: bool = True,
) -> Verdict:
    """Judge attention; the first rule that holds decides, on share earlier − share later over all documents with n > 1.

    One ordering is *earlier* than another where the 95 % interval of that lead lies above 0 and the test beside it has
    p below .05, *no earlier* where it is not and the interval lies below .05; else it is *open*.

    - ``no decision to flip``: the model predicts a number, and nobody has said how far it may move.
    - ``nothing flips``: no decision changes, whatever is erased while something is left.
    - Where attention is not earlier than a random order: ``not informative`` where the weights are nearly equal (the
      interval of their mean normalised entropy lies above .95), so that there is nothing to tell apart; ``no`` where it
      is no earlier and the weights are not nearly equal; else ``undecided``. Nearly uniform weights that do beat a
      random order are judged like any others: small differences among hundreds of words can still order them well.
    - ``only in part``: it is, and another ordering is earlier than attention. Gradient and gradient × attention are
      tried, the paper's; what else is registered has comparisons of its own, and no part in the verdict.
    - ``as well as any ordering tried``: both are no earlier than attention.
    - ``undecided``: otherwise.

    Args:
        attention_entropy: mean normalised entropy of the weights.
        comparisons: attention, as the first, against a random order and others; what else there is is passed over.
        anything_flips: whether any decision changes under anything: ``anything_flips``.
        can_flip: whether there is another decision at all.
    """
    against = {comparison.second: comparison for comparison in comparisons if comparison.first == ATTENTION}
    random = against[RANDOM]
    others = [comparison for name, comparison in against.items() if name in PAPER and name != RANDOM]
    better = [comparison.second for comparison in others if comparison.second_leads]
    undecided = [random] if not random.first_leads and not random.lead.high < NEGLIGIBLE_LEAD else []
    undecided += [one for one in others if not one.second_leads and not one.lead.low > -NEGLIGIBLE_LEAD]
    nearly_uniform = is_nearly_uniform(attention_entropy)
    needed: list[float] = []
    if not can_flip:
        verdict, better, undecided = NO_FLIPS_HERE, [], []
    elif not anything_flips:
        verdict, better, undecided = NOTHING_FLIPS, [], []
    elif not random.first_leads:
        verdict = NO
        if nearly_uniform:
            verdict = NOT_INFORMATIVE
        elif random in undecided:
            verdict, needed = UNDECIDED, [documents_to_tell(random.lead, random.p)]
        elif nearly_uniform is None:
            verdict, needed = UNDECIDED, [_documents_to_pass(attention_entropy, NEARLY_UNIFORM)]
    elif better:
        verdict = IN_PART
    elif undecided:
        verdict = UNDECIDED
        needed = [documents_to_tell(_turned(one.lead), one.p) for one in undecided]
    else:
        verdict = AS_WELL_AS_ANY
    enough = max(needed, default=math.nan)
    return Verdict(
        verdict,
        attention_entropy,
        random,
        others,
        better,
        [one.second for one in undecided],
        nearly_uniform,
        math.ceil(enough) if math.isfinite(enough) else None,
    )


def anything_flips(results: RunResults) -> bool:
    """Whether any decision changes while something is left, under any ordering or one item alone being erased."""
    if any(np.isfinite(flip.removed).any() for flip in results.first_flips.values()):
        return True
    single = [name for name in results.several if str(name).startswith(("flip_top", "flip_other"))]
    return bool((results.several[single].to_numpy(dtype=np.float64) > 0).any())


def is_nearly_uniform(attention_entropy: Estimate) -> bool | None:
    """Whether mean normalised entropy is above .95, by its interval; None where that holds .95, or there is none."""
    if attention_entropy.low > NEARLY_UNIFORM:
        return True
    return False if attention_entropy.high < NEARLY_UNIFORM else None


def documents_to_tell(lead: Estimate, p: float) -> float:
    """With about how many documents a lead that is open would be above 0 or below .05; infinite where none can be said.

    If the lead stays as it is, the ends of its interval come nearer to it as 1 / √n, and the normal quantile of the p
    of its test grows as √n. Above 0 asks for both, below .05 for the interval alone. The nearer of the two counts.
    """
    quantile = float(-ndtri(p / 2)) if p > 0 else math.inf
    tested = lead.n * (QUANTILE / quantile) ** 2 if quantile > 0 else math.inf
    above = max(_documents_to_pass(lead, 0.0), tested) if lead.value > 0 else math.inf
    below = _documents_to_pass(lead, NEGLIGIBLE_LEAD) if lead.value < NEGLIGIBLE_LEAD else math.inf
    return min(above, below)


def _documents_to_pass(estimate: Estimate, threshold: float) -> float:
    """With how many documents its interval would have left the threshold behind, its width shrinking as 1 / √n."""
    distance = abs(estimate.value - threshold)
    reach = estimate.value - estimate.low if estimate.value > threshold else estimate.high - estimate.value
    return estimate.n * (reach / distance) ** 2 if distance else math.inf


def _turned(lead: Estimate) -> Estimate:
    """The lead of the second over the first."""
    return Estimate(-lead.value, -lead.high, -lead.low, lead.n)
