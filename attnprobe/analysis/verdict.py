"""Does attention explain this model? The answer, by rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from attnprobe.analysis.bootstrap import Estimate
from attnprobe.analysis.results import ATTENTION, RANDOM, REFERENCES
from attnprobe.analysis.thresholds import NEARLY_UNIFORM
from attnprobe.analysis.who_flips_first import Comparison

NOT_INFORMATIVE = "not informative"
NO = "no"
UNDECIDED = "undecided"
IN_PART = "only in part"
AS_WELL_AS_ANY = "as well as any ordering tried"


NEGLIGIBLE_LEAD = 0.05
"""A lead of no more than this share of the documents is none worth speaking of.

Of runs, not of claims: chosen after the grids, and after two runs of a transformer whose intervals held 0, one narrow
and one wide, had both been answered with "no".
"""


class Verdict(NamedTuple):
    """The answer and what decided it.

    Attributes:
        verdict: one of the five.
        attention_entropy: mean normalised entropy of the attention weights.
        against_random: attention against a random order.
        against_others: attention against each other ordering, the references left out.
        better: the orderings that flip strictly earlier than attention more often than later.
        nearly_uniform: the weights differ so little that comparing single weights says nothing.
    """

    verdict: str
    attention_entropy: Estimate
    against_random: Comparison
    against_others: list[Comparison]
    better: list[str]
    nearly_uniform: bool


def give_verdict(attention_entropy: Estimate, comparisons: Sequence[Comparison]) -> Verdict:
    """Judge attention; the first rule that holds decides, on 95 % intervals of share earlier − share later.

    - ``no``: attention does not flip decisions strictly earlier than a random order more often than later (the
      interval does not lie above 0, and not even in part above .05); ``undecided``: these documents do not tell (it
      holds both 0 and .05). Where the mean normalised entropy of the weights is above .95 besides either, there was
      nothing to tell apart, and the verdict is ``not informative``. Nearly uniform weights that do beat a random order
      are judged like any others: small differences among hundreds of words can still order them well.
    - ``only in part``: another ordering flips them strictly earlier than attention more often than later (the interval
      of the difference lies above 0). Gradient and gradient × attention are tried, and whatever else is registered.
    - ``as well as any ordering tried``: otherwise.
    """
    against = {comparison.second: comparison for comparison in comparisons if comparison.first == ATTENTION}
    others = [comparison for name, comparison in against.items() if name not in (RANDOM, *REFERENCES)]
    better = [comparison.second for comparison in others if comparison.lead.high < 0]
    nearly_uniform = attention_entropy.value > NEARLY_UNIFORM
    if not against[RANDOM].lead.low > 0:
        verdict = (
            NOT_INFORMATIVE if nearly_uniform else UNDECIDED if against[RANDOM].lead.high > NEGLIGIBLE_LEAD else NO
        )
    elif better:
        verdict = IN_PART
    else:
        verdict = AS_WELL_AS_ANY
    return Verdict(verdict, attention_entropy, against[RANDOM], others, better, nearly_uniform)
