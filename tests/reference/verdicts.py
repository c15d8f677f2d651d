"""The verdicts on attention and on single heads, by the rules of docs/statistics.md; nothing of attnprobe is used."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from tests.reference.intervals import SEED, Estimate, Z, bootstrapped_means, holm, sign_flip, wilson

NEGLIGIBLE_LEAD = 0.05
NEGLIGIBLE_GAIN = 0.01
NEARLY_UNIFORM = 0.95
SIGNIFICANT = 0.05


@dataclass
class Verdict:
    """What the last words say: which orderings are ``better``, and against which it is ``open`` who is earlier."""

    verdict: str
    better: set
    open: set
    nearly_uniform: bool | None
    documents_to_decide: tuple | None
    """The fewest and the most, for chance in the ends of the intervals."""


@dataclass
class Head:
    name: tuple
    gain: Estimate
    never: float
    verdict: str


@dataclass
class Effect:
    name: tuple
    flip_whole: Estimate
    js_whole: float
    more: bool
    """Whether its most attended item moves probabilities more than another."""


EARLIER, NO_EARLIER, OPEN = "earlier", "no earlier", "open"


def _state(led, p):
    """What is known of an ordering with this lead; edges are strict."""
    if led.middle_low > 0 and sum(p) / 2 < SIGNIFICANT:
        return EARLIER
    return NO_EARLIER if led.middle_high < NEGLIGIBLE_LEAD else OPEN


def judge(comparisons, entropy, anything_flips, n):
    """The first of the rows of the table in docs/statistics.md that holds."""
    leads = {name: one.lead if name == "random" else one.lead.negated() for name, one in comparisons.items()}
    states = {name: _state(led, comparisons[name].p) for name, led in leads.items()}
    against_random = states.pop("random")
    nearly_uniform = None
    if entropy.middle_low > NEARLY_UNIFORM or entropy.middle_high < NEARLY_UNIFORM:
        nearly_uniform = entropy.middle_low > NEARLY_UNIFORM
    better = {name for name, state in states.items() if state == EARLIER}
    undecided = {name for name, state in states.items() if state == OPEN}
    if against_random == OPEN:
        undecided.add("random")
    if not anything_flips:
        verdict = "nothing flips"
    elif against_random != EARLIER:
        verdict = "not informative" if nearly_uniform else "undecided"
        if against_random == NO_EARLIER and nearly_uniform is False:
            verdict = "no"
    elif better:
        verdict = "only in part"
    else:
        verdict = "undecided" if undecided else "as well as any"
    decide = None
    if verdict == "undecided":
        # Of what the sentence says that these documents do not tell.
        if against_random == NO_EARLIER:
            wanted = [_to_leave(entropy, NEARLY_UNIFORM, n)]
        else:
            asked = {"random"} if against_random == OPEN else undecided
            wanted = [_documents_to_decide(leads[name], comparisons[name].p, n) for name in asked]
        decide = tuple(max(ends) for ends in zip(*wanted, strict=True))
        decide = tuple(map(math.ceil, decide)) if math.isfinite(decide[1]) else None
    return Verdict(verdict, better, undecided, nearly_uniform, decide)


def _to_leave(led, threshold, n):
    """(fewest, most) documents with which the interval would not hold the threshold, for chance in its end."""
    distance = abs(led.value - threshold)
    if not distance:
        return math.inf, math.inf
    ends = reversed(led.low) if threshold < led.value else led.high
    return tuple(n * ((end - led.value) / distance) ** 2 for end in ends)


def _documents_to_decide(led, p, n):
    """(fewest, most) documents that would tell of an open lead whether it is above 0 or below .05."""
    ways = []
    if led.value < NEGLIGIBLE_LEAD:
        ways.append(_to_leave(led, NEGLIGIBLE_LEAD, n))
    if led.value > 0:
        quantiles = stats.norm.isf(np.array(p) / 2)
        by_test = [n * (Z / z) ** 2 if z > 0 else math.inf for z in quantiles]
        ways.append(tuple(map(max, by_test, _to_leave(led, 0, n))))
    return min(way[0] for way in ways), min(way[1] for way in ways)


def judge_heads(heads):
    """Every head's gain and verdict, and of how many documents."""
    if heads is None or heads.empty:
        return [], 0
    heads = heads[heads["n"] > 1]
    head = ["stack", "layer", "head"]
    fraction = {
        order: np.where(heads[f"removed_{order}"] > 0, heads[f"removed_{order}"] / heads["n"], 1.0)
        for order in ("attention", "random")
    }
    rows = heads[["document", *head]].assign(gain=fraction["random"] - fraction["attention"])
    gains = rows.pivot(index="document", columns=head, values="gain")
    never = (heads["removed_attention"] == -1).groupby([heads[key] for key in head]).mean()
    means = bootstrapped_means(gains.to_numpy(), SEED)
    assignments = max(20_000, 400 * len(means))
    above_zero = holm(sign_flip(gains.to_numpy(), SEED, assignments))
    below_negligible = holm(sign_flip(gains.to_numpy() - NEGLIGIBLE_GAIN, SEED + 1, assignments))
    found = []
    for name, gain, p_gain, p_negligible in zip(gains.columns, means, above_zero, below_negligible, strict=True):
        verdict = "undecided"
        if gain.value > 0 and p_gain < SIGNIFICANT:
            verdict = "faithful"
        elif gain.value < NEGLIGIBLE_GAIN and p_negligible < SIGNIFICANT:
            verdict = "not faithful"
        found.append(Head(name, gain, float(never[name]), verdict))
    return found, len(gains)


def judge_effects(effects):
    """What every head does, the one without which decisions flip most often first; and of how many documents."""
    if effects is None or effects.empty:
        return [], 0
    effects = effects[effects["n"] > 1]
    rows = effects.assign(delta=effects["js_top"] - effects["js_other"])
    rows = rows.pivot(index="document", columns=["stack", "layer", "head"])
    p_values = holm(sign_flip(rows["delta"].to_numpy(), SEED, max(20_000, 400 * rows["delta"].shape[1])))
    found = []
    for name, p in zip(rows["delta"].columns, p_values, strict=True):
        flips = rows["flip_whole"][name].astype(int)
        more = bool(rows["delta"][name].mean() > 0 and p < SIGNIFICANT)
        found.append(Effect(name, wilson(int(flips.sum()), len(flips)), float(rows["js_whole"][name].mean()), more))
    return sorted(found, key=lambda head: (-head.flip_whole.value, -head.js_whole)), len(rows)
