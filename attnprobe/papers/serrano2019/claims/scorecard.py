"""All claims judged on whatever runs there are: the scorecard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.significance import holm
from attnprobe.erasure.registered_ways import ERASING, RENORMALISE
from attnprobe.papers.serrano2019.claims import encoders, orderings, single_weights
from attnprobe.papers.serrano2019.claims.encoders import Grid, OfASeed
from attnprobe.papers.serrano2019.claims.evidence import Evidence
from attnprobe.papers.serrano2019.claims.judgement import (
    FAILS,
    HOLDS,
    UNDECIDED,
    Case,
    Judgement,
    agreed,
    by_group,
    over_all,
    over_meanings,
    over_most,
    size_only,
)
from attnprobe.papers.serrano2019.claims.released_draw import released_draw_deflates

RENORMALISED = ERASING[RENORMALISE].title
"""Of the way of erasing that the runs of the papers are of."""

SINGLE, SETS, OURS = "single attention weights", "sets of attention weights", "new here"


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes:
        id: S1 … S5 on single weights, M1 … M7 on sets; O1 and O2, ours, are identities whose size is told; J1 … J6 are
            those of Jain & Wallace (2019) on correlations.
        sentence: the claim, in our words.
        section: what part of the study it belongs to.
        statistic: what is measured.
        comparison: what of it confirms the claim; the opposite refutes it.
        judge: judges it in a run; None for a claim about comparisons of runs.
        compare: judges it in every comparison of runs that it speaks of.
        verdict: over all cases.
        with_encoder_only: whether it speaks of models with an encoder alone.
        missing: names what would have to be run for it to be tested (further).
        counted: what counts as one over a grid.
        by_first_flips: whether it rests on first flips, so that it is judged under both conventions of what one is.
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
    counted: str = "pairs"
    by_first_flips: bool = False

    @property
    def can_fail(self) -> bool:
        """Whether it is no identity, whose size alone is told."""
        return self.verdict is not size_only


class ClaimResult(NamedTuple):
    """A claim's verdict over the grid and in each case.

    Attributes:
        claim: which.
        verdict: over the grid.
        cases: in which it was judged; where there is a test its p-value, adjusted after Holm over the claim's cases,
            must be below .05 for a verdict of ``holds`` or ``fails``.
        adjusted: these p-values; NaN where there is none.
        missing: what would have to be run.
        as_released: whether a change that happens only when nothing is left was counted as a first flip, as in 2019.
        other_verdict: over the grid under the other convention; None of a claim that does not rest on first flips.
        by_way: by title the verdict over the grid under each way of erasing that all its runs have results of, the own
            one first; empty where that is one alone, or nothing can fail. p-values are adjusted after Holm over all
            cases and further ways together.
    """

    claim: Claim
    verdict: str
    cases: list[Case]
    adjusted: list[float]
    missing: list[str]
    as_released: bool
    other_verdict: str | None
    by_way: Mapping[str, str] = MappingProxyType({})

    @property
    def over_meanings(self) -> str:
        """What becomes of the verdict over all meanings of erasure; empty where there is one."""
        return over_meanings(self.verdict, list(self.by_way.values())[1:]) if self.by_way else ""

    @property
    def other_cases(self) -> list[Case]:
        """The cases as they are judged under the other convention; none where there is none."""
        return [case._replace(judgement=case.other) for case in self.cases if case.other is not None]


def often_but_not_always(cases: Sequence[Case]) -> str:
    """Over the grid: holds in most pairs, and fails or stays open in some; of one that holds neither is to be seen."""
    verdicts = by_group(cases)
    if set(verdicts.values()) != {HOLDS}:
        return over_most(cases)
    return FAILS if len(verdicts) > 1 else UNDECIDED


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
        by_first_flips=True,
    ),
    Claim(
        "M2",
        "Erasing by gradient flips decisions earlier than by attention in every model with an encoder, at least 1.6 "
        "times as often as the other way round.",
        SETS,
        "share of all documents with gradient strictly earlier, less 1.6 times the share with attention earlier",
        "above zero",
        orderings.gradient_before_attention,
        verdict=over_all,
        with_encoder_only=True,
        by_first_flips=True,
    ),
    Claim(
        "M3",
        "Gradient × attention needs slightly less than gradient, often but not always.",
        SETS,
        "share of documents with the product strictly earlier, less the share with gradient earlier",
        "above zero in most models, not in all",
        orderings.product_before_gradient,
        verdict=often_but_not_always,
        by_first_flips=True,
    ),
    Claim(
        "M4",
        "In many models a large fraction of the items must be erased by attention before the decision flips.",
        SETS,
        "median fraction erased in documents of ten items or more, those without a flip counting as all",
        "above .1",
        orderings.large_fractions_needed,
        by_first_flips=True,
    ),
    Claim(
        "M5",
        "Decisions flip earlier with a convolutional encoder than with a recurrent one, more clearly in FLAN than in "
        "HAN.",
        SETS,
        "mean fraction attention erases (all where it flips nothing), recurrent less convolutional, over seeds",
        "above zero",
        None,
        encoders.convolutional_before_recurrent,
        missing=lambda grid: encoders.missing_seeds(grid, ("rnn", "conv")),
        counted="comparisons",
        by_first_flips=True,
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
        counted="comparisons",
        by_first_flips=True,
    ),
    Claim(
        "M7",
        "Even where no ordering flips the decision earlier than attention, what it erases is too much for an "
        "explanation.",
        SETS,
        "median fraction and number erased in those documents, of ten items or more",
        "above .1, or above 10 items",
        orderings.even_the_earliest_is_large,
        by_first_flips=True,
    ),
    Claim(
        "O1",
        "How many times as much attention erases as the smallest set that flips the decision; never less.",
        OURS,
        "mean fraction erased by attention over that of the smallest set, same documents",
        "",
        orderings.distance_from_the_smallest_set,
        verdict=size_only,
    ),
    Claim(
        "O2",
        "How much rarer the released draw of r makes flips by the most attended item alone look; never more common.",
        OURS,
        "share of documents in which only i* flips: r drawn as released less every r",
        "",
        released_draw_deflates,
        verdict=size_only,
    ),
)


def judge_claims(runs: Iterable[RunResults], *, as_released: bool = False) -> list[ClaimResult]:
    """Judge every claim on these runs; a claim that no run speaks to is ``not tested``.

    Of one run at a time the tables are held in memory.

    Args:
        runs: in any order.
        as_released: count a change that happens only when nothing is left as a first flip, as in 2019. The claims that
            rest on first flips are judged under the other convention too.
    """
    cases: dict[str, list[Case]] = {claim.id: [] for claim in CLAIMS}
    grid: dict[tuple[str, str], list[OfASeed]] = {}
    other_grid: dict[tuple[str, str], list[OfASeed]] = {}
    grids: dict[str, dict[tuple[str, str], list[OfASeed]]] = {}
    for results in sorted(runs, key=lambda run: (run.dataset, run.model, run.seed)):
        unread = results.unread()
        conventions = Evidence(unread), Evidence(unread.as_released())
        evidence, other = reversed(conventions) if as_released else conventions
        further = {
            record.title: Evidence(unread.under(way).as_released() if as_released else unread.under(way))
            for way, record in list(results.ways.items())[1:]
        }
        for claim in CLAIMS:
            if claim.judge is not None and (evidence.has_encoder or not claim.with_encoder_only):
                beside = claim.judge(other) if claim.by_first_flips else None
                under = {way: claim.judge(each) for way, each in further.items()} if claim.can_fail else {}
                case = Case(results.name, " · ".join(evidence.pair), claim.judge(evidence), other=beside, under=under)
                cases[claim.id].append(case)
        grid.setdefault(evidence.pair, []).append(OfASeed.of(evidence))
        other_grid.setdefault(evidence.pair, []).append(OfASeed.of(other))
        for way, each in further.items():
            grids.setdefault(way, {}).setdefault(each.pair, []).append(OfASeed.of(each))
    return [
        result_of(
            claim, [*cases[claim.id], *_compared(claim, grid, other_grid, grids)], claim.missing(grid), as_released
        )
        for claim in CLAIMS
    ]


def _compared(claim: Claim, grid: Grid, other_grid: Grid, grids: Mapping[str, Grid]) -> list[Case]:
    """A claim's cases over runs, under both conventions, and under the further ways that all of these runs have."""
    whole = {
        way: claim.compare(of_way)
        for way, of_way in grids.items()
        if {pair: len(seeds) for pair, seeds in of_way.items()} == {pair: len(seeds) for pair, seeds in grid.items()}
    }
    cases, others = claim.compare(grid), claim.compare(other_grid)
    return [
        case._replace(other=other.judgement, under={way: found[place].judgement for way, found in whole.items()})
        for place, (case, other) in enumerate(zip(cases, others, strict=True))
    ]


def result_of(
    claim: Claim, cases: Sequence[Case], missing: Sequence[str] = (), as_released: bool = False
) -> ClaimResult:
    """The verdict on a claim from its cases.

    Args:
        claim: which.
        cases: in which it was judged.
        missing: what would have to be run.
        as_released: see :class:`ClaimResult`.
    """
    judgements, adjusted = _after_holm([case.judgement for case in cases])
    judged = [case._replace(judgement=judgement) for case, judgement in zip(cases, judgements, strict=True)]
    verdict = claim.verdict(judged)
    by_way = _by_way(claim, cases)
    if by_way:
        by_way = {RENORMALISED: verdict, **by_way}
    if not claim.by_first_flips:
        return ClaimResult(claim, verdict, judged, adjusted, list(missing), as_released, None, by_way)
    others, _ = _after_holm([case.other for case in cases if case.other is not None])
    judged = [case._replace(other=other) for case, other in zip(judged, others, strict=True)]
    result = ClaimResult(claim, verdict, judged, adjusted, list(missing), as_released, None, by_way)
    return result._replace(other_verdict=claim.verdict(result.other_cases))


def _by_way(claim: Claim, cases: Sequence[Case]) -> dict[str, str]:
    """By title the verdicts under the further ways of erasing that all cases have."""
    ways = [way for way in cases[0].under if all(way in case.under for case in cases)] if cases else []
    judgements, _ = _after_holm([case.under[way] for way in ways for case in cases])
    found = {}
    for place, way in enumerate(ways):
        of_way = judgements[place * len(cases) : (place + 1) * len(cases)]
        found[way] = claim.verdict(
            [case._replace(judgement=judgement) for case, judgement in zip(cases, of_way, strict=True)]
        )
    return found


def _after_holm(judgements: Sequence[Judgement]) -> tuple[list[Judgement], list[float]]:
    """Judgements that their tests agree with, and the p-values of these after Holm, NaN where there is no test."""
    adjusted = list(holm({i: judgement.p_value for i, judgement in enumerate(judgements)}).values())
    pairs = zip(judgements, adjusted, strict=True)
    return [judgement._replace(verdict=agreed(judgement.verdict, p)) for judgement, p in pairs], adjusted
