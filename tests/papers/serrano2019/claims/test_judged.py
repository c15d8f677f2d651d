"""How single claims are judged in a run: over which documents, with which interval, and by which test."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attnprobe.analysis.bootstrap import RESAMPLES, resampling_counts
from attnprobe.analysis.intervals import wilson
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.who_flips_first import who_flips_first
from attnprobe.papers.serrano2019.claims import orderings, single_weights
from attnprobe.papers.serrano2019.claims.evidence import Evidence
from attnprobe.papers.serrano2019.claims.judgement import (
    FAILS,
    HOLDS,
    IDENTITY,
    NOT_INFORMATIVE,
    UNDECIDED,
    Case,
    Judgement,
    agreed,
)
from attnprobe.papers.serrano2019.claims.released_draw import released_draw_deflates
from attnprobe.papers.serrano2019.claims.scorecard import CLAIMS, judge_claims
from attnprobe.papers.serrano2019.scorecard_tables import as_csv, as_latex, as_markdown, for_terminal
from tests.fixtures.synthetic_runs import write_run


def evidence_of(folder, sizes, removed=None, **options):
    """A run in which random orders have each number five times; orderings that are not given flip at random."""
    removed = {name: np.asarray(column) for name, column in (removed or {}).items()}
    if "random" in removed:
        removed["random"] = np.repeat(removed["random"][:, None], 5, axis=1)
    write_run(folder, sizes, removed=removed, **options)
    return Evidence(RunResults.load(folder))


def test_the_lead_of_a_claim_is_that_of_the_comparison(tmp_path):
    evidence = evidence_of(tmp_path, np.random.default_rng(1).integers(1, 9, size=80), never=0.3)
    known = {one[:2]: one for one in who_flips_first(evidence.results)}
    random = known["attention", "random"]
    judged = orderings.attention_before_random(evidence)
    assert (*judged.estimate, judged.p_value) == pytest.approx((*random.lead, random.p))
    assert judged.note == f"neither flips in {random.neither.value:.1%}"
    product = known["gradient", "gradient_attention"]
    judged = orderings.product_before_gradient(evidence)
    assert judged.estimate.value == -product.lead.value
    assert judged.p_value == product.p
    assert judged.estimate.n == len(evidence.results.several)


@pytest.mark.parametrize(
    ("gradient", "attention", "verdict"), [(40, 25, UNDECIDED), (60, 20, HOLDS), (25, 30, FAILS), (3, 0, UNDECIDED)]
)
def test_the_test_of_m2_is_of_1_6(tmp_path, gradient, attention, verdict):
    ties = 120 - gradient - attention
    removed = {
        "gradient": [1] * gradient + [3] * attention + [2] * ties,
        "attention": [3] * gradient + [1] * attention + [2] * ties,
    }
    judged = orderings.gradient_before_attention(evidence_of(tmp_path, [10] * 120, removed))
    share = stats.binom(gradient + attention, 1.6 / 2.6)
    expected = min(1, 2 * min(share.cdf(gradient), share.sf(gradient - 1)))
    assert judged.p_value == pytest.approx(expected)
    assert judged.verdict == agreed(judged.verdict, judged.p_value) == verdict
    assert judged.estimate.value == pytest.approx((gradient - 1.6 * attention) / 120)


LARGE = {"M4": orderings.large_fractions_needed, "M7": orderings.even_the_earliest_is_large}


@pytest.mark.parametrize("claim", LARGE)
@pytest.mark.parametrize(
    ("long", "removed_of_long", "verdict"),
    [(50, 1, FAILS), (50, 5, HOLDS), (29, 5, NOT_INFORMATIVE), (0, 5, NOT_INFORMATIVE)],
)
def test_a_large_part_is_judged_over_long_documents(tmp_path, claim, long, removed_of_long, verdict):
    # Of each short document one item of two goes, which is half of it.
    sizes = [12] * long + [2] * 100
    removed = dict.fromkeys(("attention", "gradient", "gradient_attention"), [removed_of_long] * long + [1] * 100)
    judged = LARGE[claim](evidence_of(tmp_path, sizes, removed | {"random": [11] * long + [1] * 100}))
    assert judged.verdict == verdict
    assert judged.estimate.n == long
    assert "100 with fewer than 10 words" in judged.left_out


@pytest.mark.parametrize("claim", LARGE)
@pytest.mark.parametrize("n", range(10, 14))
def test_a_single_item_is_never_too_much(tmp_path, claim, n):
    removed = dict.fromkeys(("attention", "gradient", "gradient_attention"), [1] * 40)
    judged = LARGE[claim](evidence_of(tmp_path, [n] * 40, removed | {"random": [n - 1] * 40}))
    assert judged.verdict in (FAILS, UNDECIDED)


def test_what_cannot_fail_is_not_judged(tmp_path):
    removed = {"attention": [4] * 40, "oracle": [2] * 40}
    evidence = evidence_of(tmp_path, [10] * 40, removed, never=0)
    judged = orderings.distance_from_the_smallest_set(evidence)
    assert (judged.verdict, judged.estimate.value) == (IDENTITY, pytest.approx(2))
    assert released_draw_deflates(evidence).verdict == IDENTITY
    results = {result.claim.id: result for result in judge_claims([evidence.results])}
    assert {claim for claim, result in results.items() if result.verdict == IDENTITY} == {"O1", "O2"}
    scorecard = list(results.values())
    assert "O1  IDENTITY        1 pair: 1 identity" in for_terminal(scorecard)
    assert (
        "Measured: mean fraction erased by attention over that of the smallest set, same documents.\n"
        in as_markdown(scorecard)
    )
    assert "identity & -- & -- & -- & --" in as_latex(scorecard)


def test_the_released_draw_never_makes_flips_by_the_top_look_commoner(tmp_path):
    for seed in range(5):
        evidence = evidence_of(tmp_path / str(seed), np.random.default_rng(seed).integers(2, 6, size=60), seed=seed)
        assert released_draw_deflates(evidence).estimate.value <= 0


def by_hand(evidence, numerators, denominators):
    """Standard deviation over the resamples of the difference of two weighted means, each resampled."""
    counts = np.concatenate(list(resampling_counts(len(evidence.results.several))))
    assert len(counts) == RESAMPLES
    first, second = ((counts @ above) / (counts @ below) for above, below in zip(numerators, denominators, strict=True))
    return np.std(first - second)


def sums(evidence, values):
    """Sums of ``values`` (pairs,) by document with several items."""
    rows = pd.Index(evidence.results.several["document"]).get_indexer(evidence.pairs["document"])
    return np.bincount(rows, weights=values, minlength=len(evidence.results.several))


def test_s3_resamples_the_mean_that_it_subtracts(tmp_path):
    evidence = evidence_of(tmp_path, np.random.default_rng(2).integers(2, 9, size=300))
    pairs = evidence.pairs
    weight, delta_alpha, negative = pairs["weight"], pairs["delta_alpha"], pairs["delta_js"] < 0
    judged = single_weights.negative_where_weights_are_close(evidence)
    expected = np.average(delta_alpha[negative], weights=weight[negative]) - np.average(delta_alpha, weights=weight)
    assert judged.estimate.value == pytest.approx(expected)
    assert judged.estimate.n == pairs[negative]["document"].nunique()
    columns = [sums(evidence, weight * delta_alpha * negative), sums(evidence, weight * delta_alpha)]
    spread = by_hand(evidence, columns, [sums(evidence, weight * negative), sums(evidence, weight)])
    assert judged.estimate.high - judged.estimate.low == pytest.approx(2 * 1.96 * spread, rel=0.05)


def test_s2_resamples_the_share_that_it_compares_with(tmp_path):
    evidence = evidence_of(tmp_path, [3] * 500)
    pairs = evidence.pairs
    weight, near_zero = pairs["weight"], pairs["delta_js"] < 0.05
    sides = pairs["delta_alpha"].between(0.35, 0.45, inclusive="left"), pairs["delta_alpha"] >= 0.45
    compared = evidence.means_over_pairs(near_zero.to_numpy(float), *(side.to_numpy() for side in sides))
    columns = [sums(evidence, weight * near_zero * side) for side in sides]
    spread = by_hand(evidence, columns, [sums(evidence, weight * side) for side in sides])
    assert compared.difference.high - compared.difference.low == pytest.approx(2 * 1.96 * spread, rel=0.05)
    judged = single_weights.effect_is_near_zero(evidence)
    assert judged.estimate == compared.first
    assert (judged.verdict == HOLDS) == (compared.first.low > 0.5 and compared.difference.low > 0)


def test_s4_has_wilsons_interval(tmp_path):
    evidence = evidence_of(tmp_path, [5] * 60)
    flips = evidence.results.several["flip_top"]
    assert single_weights.top_rarely_flips(evidence).estimate == wilson(int(flips.sum()), 60)


@pytest.mark.parametrize(
    ("entropies", "verdict"), [((0.88, 1.0), UNDECIDED), ((0.955, 0.98), NOT_INFORMATIVE), ((0.92, 0.948), HOLDS)]
)
def test_single_weights_are_undecided_where_the_interval_of_the_entropy_holds_the_threshold(
    tmp_path, entropies, verdict
):
    evidence = evidence_of(tmp_path, [5] * 100, entropy=np.tile(entropies, 50))
    judged = single_weights.top_rarely_flips(evidence)
    assert judged.verdict == verdict
    assert ("is open" in judged.note) == (verdict == UNDECIDED)


def test_holm_decides_over_a_grid(tmp_path):
    # Six against none has p = 1/32, which twenty runs of no difference beside it do not leave below .05.
    def run(seed, earlier):
        removed = {"gradient_attention": [1] * earlier + [2] * (100 - earlier), "gradient": [2] * 100}
        folder = tmp_path / f"{seed}-{earlier}"
        return evidence_of(folder, [10] * 100, removed, seed=seed, dataset=f"set{seed}").results

    alone = {result.claim.id: result for result in judge_claims([run(0, 6)])}["M3"]
    assert [case.judgement.verdict for case in alone.cases] == [HOLDS]
    many = {result.claim.id: result for result in judge_claims([run(seed, 6 * (seed == 0)) for seed in range(3)])}["M3"]
    assert {case.judgement.verdict for case in many.cases} == {UNDECIDED}
    assert min(many.adjusted) == pytest.approx(3 / 32)


def test_claims_that_rest_on_first_flips_are_judged_both_ways(tmp_path):
    # Attention changes decisions only when nothing is left, a random order never does.
    removed = {"attention": [20] * 100, "random": [-1] * 100}
    results = evidence_of(tmp_path, [20] * 100, removed).results
    for as_released in (False, True):
        scorecard = judge_claims([results], as_released=as_released)
        found = {result.claim.id: result for result in scorecard}
        assert [claim.id for claim in CLAIMS if claim.by_first_flips] == [f"M{i}" for i in range(1, 8)]
        assert all((result.other_verdict is None) == (name[0] != "M") for name, result in found.items())
        verdicts = found["M1"].verdict, found["M1"].other_verdict
        assert verdicts == ((HOLDS, UNDECIDED) if as_released else (UNDECIDED, HOLDS))
        other = ("while something is left", "as released")[not as_released]
        assert f"With flips {other}: {verdicts[1]}. 1 pair: 1 {verdicts[1]}." in for_terminal(scorecard)
        assert f"| {other} |" in as_markdown(scorecard)
        rows = pd.read_csv(tmp_path_of(tmp_path, as_csv(scorecard)))
        row = rows[rows["claim"] == "M1"].iloc[0]
        assert (row["verdict"], row["other_verdict"]) == verdicts
        assert row["flips"] == ("while something is left", "as released")[as_released]
        assert rows[rows["claim"] == "S1"]["other_verdict"].isna().all()
        assert other.capitalize() in as_latex(scorecard)


def tmp_path_of(folder, text):
    (folder / "claims.csv").write_text(text)
    return folder / "claims.csv"


def test_comparisons_of_encoders_are_counted_as_such():
    (claim,) = [claim for claim in CLAIMS if claim.id == "M6"]
    judgement = Judgement(HOLDS, wilson(5, 10), 0.0)
    cases = [Case(f"case {i}", f"case {i}", judgement, other=judgement) for i in range(3)]
    (result,) = [result for result in judge_claims([]) if result.claim is claim]
    text = for_terminal([result._replace(cases=cases, adjusted=[np.nan] * 3)])
    assert "3 comparisons: 3 holds" in text
