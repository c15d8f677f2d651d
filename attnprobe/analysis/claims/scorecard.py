"""All claims judged on whatever runs there are: the scorecard."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from attnprobe.analysis.claims import encoders, orderings, single_weights
from attnprobe.analysis.claims.encoders import Grid, OfASeed
from attnprobe.analysis.claims.evidence import Evidence
from attnprobe.analysis.claims.judgement import FAILS, HOLDS, Case, Judgement, by_group, over_all, over_most
from attnprobe.analysis.claims.released_draw import released_draw_deflates
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.significance import holm

SINGLE, SETS, OURS = "single attention weights", "sets of attention weights", "new here"


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes:
        id: S1 … S5 on single weights, M1 … M7 on sets, O1, O2 ours.
        sentence: the claim, in our words.
        section: what part of the study it belongs to.
        statistic: what is measured.
        comparison: what of it confirms the claim; the opposite refutes it.
        judge: judges it in a run; None for a claim about comparisons of runs.
        compare: judges it in every comparison of runs that it speaks of.
        verdict: over all cases.
        with_encoder_only: whether it speaks of models with an encoder alone.
        missing: names what would have to be run for it to be tested (further).
    """

    id: str
    sentence: str
    section: str
    statistic: str
    comparison: str
    judge: Callable[[Evidence], Judgement] | None
    compare: Callable[[Grid], list[Case]] = lambda grid: []
    verdict: Callable[[Sequence[Case]], str] = over_most
    with_encoder_only: bool = False
    missing: Callable[[Grid], list[str]] = lambda grid: []


class ClaimResult(NamedTuple):
    """A claim's verdict over the grid and in each case; p-values are adjusted after Holm over the claim's cases."""

    claim: Claim
    verdict: str
    cases: list[Case]
    adjusted: list[float]
    missing: list[str]


def often_but_not_always(cases: Sequence[Case]) -> str:
    """Over the grid: holds in most pairs, and fails or stays open in some."""
    verdict = over_most(cases)
    return FAILS if set(by_group(cases).values()) == {HOLDS} else verdict


CLAIMS = (
    Claim(
        "S1",
        "Erasing the most attended item moves the output more than erasing another one, in most documents.",
        SINGLE,
        "share of pairs (document, r) with ΔJS > 0",
        "above half",
        single_weights.top_moves_more,
    ),
    Claim(
        "S2",
        "Yet ΔJS stays near zero for most even at Δα around 0.4, and rises only at the largest Δα.",
        SINGLE,
        "share of pairs with Δα from .35 to .45 whose ΔJS is below .05 nats; the same share at larger Δα",
        "above half; and smaller at larger Δα",
        single_weights.effect_is_near_zero,
    ),
    Claim(
        "S3",
        "Another item moves the output more (ΔJS < 0) where the two weights are close.",
        SINGLE,
        "mean Δα of the pairs with ΔJS < 0, less that of all pairs",
        "below zero",
        single_weights.negative_where_weights_are_close,
    ),
    Claim(
        "S4",
        "Erasing the most attended item alone rarely flips the decision.",
        SINGLE,
        "share of documents that flip",
        "below half",
        single_weights.top_rarely_flips,
    ),
    Claim(
        "S5",
        "Where exactly one of the two erasures flips the decision, it is the most attended item's more often.",
        SINGLE,
        "share of i* among flips that one of i* and r makes",
        "above half",
        single_weights.top_flips_more_often,
    ),
    Claim(
        "M1",
        "Erasing by attention flips decisions earlier than erasing at random.",
        SETS,
        "share of documents with attention strictly earlier, less the share later",
        "above zero",
        orderings.attention_before_random,
        verdict=over_all,
    ),
    Claim(
        "M2",
        "Erasing by gradient flips decisions earlier than by attention in every model with an encoder, at least 1.6 "
        "times as often as the other way round.",
        SETS,
        "share of documents with gradient strictly earlier, less 1.6 times the share with attention earlier",
        "above zero",
        orderings.gradient_before_attention,
        verdict=over_all,
        with_encoder_only=True,
    ),
    Claim(
        "M3",
        "Gradient × attention needs slightly less than gradient, often but not always.",
        SETS,
        "share of documents with the product strictly earlier, less the share with gradient earlier",
        "above zero in most models, not in all",
        orderings.product_before_gradient,
        verdict=often_but_not_always,
    ),
    Claim(
        "M4",
        "In many models a large fraction of the items must be erased by attention before the decision flips.",
        SETS,
        "median fraction erased, never-flips counting as all",
        "above .1",
        orderings.large_fractions_needed,
    ),
    Claim(
        "M5",
        "Decisions flip earlier with a convolutional encoder than with a recurrent one, more clearly in FLAN than in "
        "HAN.",
        SETS,
        "mean fraction attention erases (never-flips counting as all), recurrent less convolutional, over seeds",
        "above zero",
        None,
        encoders.convolutional_before_recurrent,
        missing=lambda grid: encoders.missing_seeds(grid, ("rnn", "conv")),
    ),
    Claim(
        "M6",
        "Without an encoder the flip point moves, random does better, most of all on Amazon, and attention gains on "
        "gradient.",
        SETS,
        "with an encoder less without: mean fraction attention erases; the same for random; attention's lead over "
        "gradient",
        "not zero; above zero; rises",
        None,
        encoders.without_encoder,
        encoders.flip_point_moves,
        missing=lambda grid: encoders.missing_seeds(grid, ("rnn", "conv", "none")),
    ),
    Claim(
        "M7",
        "Even where no ordering flips the decision earlier than attention, what it erases is too much for an "
        "explanation.",
        SETS,
        "median fraction and number erased in those documents",
        "above .1, or above 10 items",
        orderings.even_the_earliest_is_large,
    ),
    Claim(
        "O1",
        "Attention erases more than the smallest set that flips the decision.",
        OURS,
        "mean fraction erased by attention over that of the smallest set, same documents",
        "above one",
        orderings.distance_from_the_smallest_set,
        verdict=over_all,
    ),
    Claim(
        "O2",
        "The released draw of r makes flips by the most attended item alone look rarer than they are.",
        OURS,
        "share of documents in which only i* flips: r drawn as released less every r",
        "below zero",
        released_draw_deflates,
    ),
)


def judge_claims(runs: Iterable[RunResults]) -> list[ClaimResult]:
    """Judge every claim on these runs; a claim that no run speaks to is ``not tested``.

    Of one run at a time the tables are held in memory.
    """
    cases: dict[str, list[Case]] = {claim.id: [] for claim in CLAIMS}
    grid: dict[tuple[str, str], list[OfASeed]] = {}
    for results in sorted(runs, key=lambda run: (run.dataset, run.model, run.seed)):
        evidence = Evidence(results.unread())
        for claim in CLAIMS:
            if claim.judge is not None and (evidence.has_encoder or not claim.with_encoder_only):
                case = Case(results.name, " · ".join(evidence.pair), claim.judge(evidence))
                cases[claim.id].append(case)
        grid.setdefault(evidence.pair, []).append(OfASeed.of(evidence))
    return [_judge(claim, [*cases[claim.id], *claim.compare(grid)], grid) for claim in CLAIMS]


def _judge(claim: Claim, cases: list[Case], grid: Grid) -> ClaimResult:
    p_values = {i: case.judgement.p_value for i, case in enumerate(cases) if not math.isnan(case.judgement.p_value)}
    adjusted = holm(p_values)
    return ClaimResult(
        claim,
        claim.verdict(cases),
        cases,
        [adjusted.get(i, math.nan) for i in range(len(cases))],
        claim.missing(grid),
    )
