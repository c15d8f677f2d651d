"""Claims S1 to S5, on erasing one item alone: i*, the most attended, against r, any other."""

from __future__ import annotations

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, means, ratios
from attnprobe.analysis.intervals import average_shares, binary_shares
from attnprobe.analysis.thresholds import MIDDLING_DELTA_ALPHA, MOST, NEAR_ZERO_JS
from attnprobe.papers.serrano2019.claims.evidence import Evidence, p_value_of
from attnprobe.papers.serrano2019.claims.judgement import NOT_INFORMATIVE, UNDECIDED, Judgement, above, below, both


def top_moves_more(evidence: Evidence) -> Judgement:
    """S1: share of the pairs in which erasing i* moves the output more than erasing r."""
    documents = evidence.results.several
    negative = documents["delta_js_negative"].to_numpy(dtype=np.float64)
    positive = 1 - negative - documents["delta_js_zero"].to_numpy(dtype=np.float64)
    estimate = means({"positive": positive})["positive"]
    p_value = p_value_of(positive - MOST)
    return _unless_uniform(evidence, Judgement(above(estimate, MOST), estimate, MOST, p_value=p_value))


def effect_is_near_zero(evidence: Evidence) -> Judgement:
    """S2: share of the pairs at middling Δα whose ΔJS is near zero; and larger ΔJS are commoner at larger Δα."""
    low, high = MIDDLING_DELTA_ALPHA
    delta_alpha, delta_js = (evidence.pairs[c].to_numpy() for c in ("delta_alpha", "delta_js"))
    middling, large = (delta_alpha >= low) & (delta_alpha < high), delta_alpha >= high
    is_near_zero = (delta_js < NEAR_ZERO_JS).astype(np.float64)
    estimate, beyond, rise = evidence.means_over_pairs(is_near_zero, middling, large)
    if not estimate.n:
        return Judgement(NOT_INFORMATIVE, estimate, MOST, note=f"no pair has Δα from {low} to {high}")
    rises, note = UNDECIDED, f"hardly a pair has Δα of {high} or more: whether it rises there is not seen"
    if beyond.n > 1:  # one document has no interval
        rises = above(rise, 0.0)
        note = f"near zero at Δα of {high} or more: {beyond.value:.1%} of {beyond.n:,} documents' pairs"
    without = len(evidence.results.several) - estimate.n
    left_out = f"{without:,} without such a pair"
    verdict = both(above(estimate, MOST), rises)
    return _unless_uniform(evidence, Judgement(verdict, estimate, MOST, left_out=left_out, note=note))


def negative_where_weights_are_close(evidence: Evidence) -> Judgement:
    """S3: mean Δα of the pairs with ΔJS < 0 less the mean Δα of all pairs."""
    delta_alpha, delta_js = (evidence.pairs[c].to_numpy() for c in ("delta_alpha", "delta_js"))
    compared = evidence.means_over_pairs(delta_alpha, delta_js < 0, np.ones(len(delta_js), dtype=bool))
    estimate = compared.difference._replace(n=compared.first.n)
    if not estimate.n:
        return Judgement(NOT_INFORMATIVE, estimate, 0.0, note="no ΔJS is negative")
    left_out = f"{len(evidence.results.several) - estimate.n:,} without a negative ΔJS"
    note = f"mean Δα of all pairs: {compared.second.value:.3g}"
    return _unless_uniform(evidence, Judgement(below(estimate, 0.0), estimate, 0.0, left_out=left_out, note=note))


def top_rarely_flips(evidence: Evidence) -> Judgement:
    """S4: share of the documents whose decision erasing i* alone flips."""
    flips = evidence.results.several["flip_top"].to_numpy(dtype=np.float64)
    if np.isin(flips, (0.0, 1.0)).all():
        estimate = binary_shares({"flip": flips})["flip"]
    else:  # averages over what stands in
        estimate = average_shares({"flip": (flips, np.ones_like(flips))})["flip"]
    return _unless_uniform(evidence, Judgement(below(estimate, MOST), estimate, MOST))


def top_flips_more_often(evidence: Evidence) -> Judgement:
    """S5: of the flips that exactly one of i* and r makes, the share that i* makes."""
    documents = evidence.results.several
    top, other = (documents[c].to_numpy(dtype=np.float64) for c in ("flip_top", "flip_other"))
    only_top, only_other = top * (1 - other), (1 - top) * other
    estimate = ratios({"top": (only_top, only_top + only_other)})["top"]
    if not estimate.n:
        return Judgement(NOT_INFORMATIVE, estimate, MOST, note="no single erasure flips a decision")
    left_out = f"{len(documents) - estimate.n:,} without such a flip"
    p_value = p_value_of(only_top - only_other)
    judgement = Judgement(above(estimate, MOST), estimate, MOST, left_out=left_out, p_value=p_value)
    return _unless_uniform(evidence, judgement)


def _unless_uniform(evidence: Evidence, judgement: Judgement) -> Judgement:
    """Where attention is nearly uniform no item is singled out, and comparing i* with r tells nothing.

    Where documents do not tell whether it is, whatever the comparison says is undecided.
    """
    left_out = ", ".join(filter(None, [evidence.left_out, judgement.left_out]))
    entropy: Estimate = evidence.entropy
    note = "; ".join(filter(None, [judgement.note, f"normalised attention entropy {entropy.value:.3f}"]))
    verdict = judgement.verdict
    if evidence.is_nearly_uniform is not False and verdict != NOT_INFORMATIVE:
        verdict = NOT_INFORMATIVE if evidence.is_nearly_uniform else UNDECIDED
        if verdict == UNDECIDED:
            note += f" [{entropy.low:.3f}, {entropy.high:.3f}]: whether the weights are nearly equal is open"
    return judgement._replace(verdict=verdict, left_out=left_out, note=note)
