"""What the area over the perturbation curve can be at least and at most, over all orderings of a document.

AOPC is the mean over k = 1 … n of comp(k), the fall of the decision's score without the first k items. What it can be
depends on the model and the document: whoever compares explanations across either has to know (Edin et al. 2025). The
limits here are intervals that are certain to hold the exact ones, rounding included:

* exactly, by dynamic programming over all sets, where at most fourteen items have mass (``exact_removals``);
* for one logit, and for the probability of two classes, by branch and bound (``nested_sets``), which nearly always ends
  with an ordering that attains the bound;
* for a probability of several classes between the bounds of each number of items and the best of some orderings
  (``bounded_chains``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from attnprobe.erasure.arrays import Array, Certified, Mask, numpy_or_torch
from attnprobe.erasure.bounded_chains import bounded_chains
from attnprobe.erasure.contributions import Contributions, Readout, affine
from attnprobe.erasure.exact_removals import exact_totals
from attnprobe.erasure.kept_scores import KeptScores, ScoreName
from attnprobe.erasure.nested_sets import best_chains
from attnprobe.erasure.removals import Removals

EXACT_ITEMS = 14
"""Documents with no more items that have mass are searched through by dynamic programming."""

_MOST_NUMBERS = 1 << 20
"""What documents that are searched together may hold: 8 MB."""

_EQUAL = 1e-9
"""Ends of an interval that differ by less, relative to the larger or to 1, differ by rounding."""

_EPS = torch.finfo(torch.float64).eps


class Certainty(StrEnum):
    """What is known of a limit."""

    EXACT = "exact"
    BETWEEN = "certified between"
    ATTAINED = "attained"


class _Limits(NamedTuple):
    lower: Array
    upper: Array


class AopcLimits(_Limits, Certified):
    """The limits of each document, each an interval that is certain to hold the exact one: (batch, 2), float64.

    Attributes:
        lower: what the least AOPC is at least, and what an ordering attains.
        upper: what an ordering attains, and what the largest AOPC is at most.
    """

    __slots__ = ()

    def certainty(self) -> tuple[list[Certainty], list[Certainty]]:
        """What is known of the lower limit of each document, and of the upper one."""
        return certainty(torch.as_tensor(self.lower)), certainty(torch.as_tensor(self.upper))


@numpy_or_torch
def aopc_limits(
    values: Array,
    weights: Array,
    mask: Mask,
    readout: Readout,
    score: Literal["probability", "logit"] = "probability",
    *,
    scores: Array = None,
) -> AopcLimits:
    """The least and the largest mean over k = 1 … n of comp(k) over all orderings, as intervals that hold them.

    comp(k) is the fall of the decision's score when the first k items are erased and the rest renormalised; with
    everything erased the bias is left.

    Args:
        values: what the weights average (batch, items, dim).
        weights: attention weights (batch, items); may be None where ``scores`` are given.
        mask: True where an item is real (batch, items), or None.
        readout: ``torch.nn.Linear`` or (weight (classes, dim), bias (classes,)).
        score: the decision's ``probability`` or its ``logit``.
        scores: pre-softmax scores (batch, items).

    Returns:
        ``AopcLimits`` of ``lower`` and ``upper``, each (batch, 2), in float64: certain ends stay as they were found.
        Of a document without items both are 0.

    Raises:
        ValueError: as :func:`decision_gradient`; a score of another name; logits beyond what 64 bits hold.
    """
    if score not in ("probability", "logit"):
        raise ValueError(f"score is {score!r}, but probability or logit is needed")
    contributions = Contributions(values, weights, mask, readout, scores=scores)
    return limits_of_documents(contributions, values, readout, score, torch.arange(len(values), device=values.device))


def limits_of_documents(
    contributions: Contributions, values: Tensor, readout: Readout, score: ScoreName, documents: Tensor
) -> AopcLimits:
    """The same of some documents, rows (documents,) of a batch whose values and contributions these are."""
    kept = KeptScores(contributions, score).of_documents(documents)
    return limits_of(kept, rounding_of(kept, values[documents], readout))


def limits_of(kept: KeptScores, rounding: Tensor, exact_items: int = EXACT_ITEMS) -> AopcLimits:
    """The limits of documents, to which ``rounding`` (batch,) is added on both sides.

    ``exact_items`` is how many items with mass a document may have to be searched by dynamic programming.
    """
    found = kept.mass.new_zeros(4, len(kept.sizes))
    with_mass = (kept.mass > 0).sum(-1)
    for documents, exact in _together(with_mass, exact_items, kept.terms.shape[1]):
        if exact:
            smallest, largest = exact_totals(Removals.of(kept, documents, 1))
            found[:, documents] = torch.stack([largest, largest, smallest, smallest])
        else:
            search: Callable[[Removals], tuple[Tensor, Tensor]]
            search = best_chains if kept.terms.shape[1] == 1 else bounded_chains
            high, low = (search(Removals.of(kept, documents, sign)) for sign in (1, -1))
            found[:, documents] = torch.stack([*high, -low[1], -low[0]])
    # Of the sums of scores the largest, above and attained, then the smallest, attained and below.
    most, attained_most, attained_least, least = kept.whole() - found / kept.sizes.clamp(min=1)
    lower = torch.stack([most - rounding, attained_most + rounding], -1)
    upper = torch.stack([attained_least - rounding, least + rounding], -1)
    nothing = (kept.sizes == 0)[:, None]
    return AopcLimits(lower.masked_fill(nothing, 0.0), upper.masked_fill(nothing, 0.0))


def certainty(interval: Tensor) -> list[Certainty]:
    """What intervals (documents, 2) say: a limit but for rounding, two ends, or one, the other being infinite."""
    endless = torch.isinf(interval).any(-1)
    exact = _equal(interval[:, 0], interval[:, 1])
    return [
        Certainty.ATTAINED if one else Certainty.EXACT if both else Certainty.BETWEEN
        for one, both in zip(endless.tolist(), exact.tolist(), strict=True)
    ]


def normalised_aopc(aopc: Tensor, limits: AopcLimits) -> Tensor:
    """(AOPC − lower limit) / (upper − lower), 0 at the least and 1 at the most, as intervals (…, batch, 2).

    Args:
        aopc: of orderings (…, batch).
        limits: of the documents.

    Returns:
        What the share is at least and at most, as far as the limits are known. NaN where the limits are equal, as in
        every document of one item: there is no share of nothing, and whoever takes means counts those left out.
    """
    low, high = (limit.to(aopc) for limit in limits)
    # An ordering is itself among those that the limits are of.
    lowest, attained_lowest = low[:, 0], torch.minimum(low[:, 1], aopc)
    attained_highest, highest = torch.maximum(high[:, 0], aopc), high[:, 1]
    least = _share(aopc, attained_lowest, highest, 0.0)
    most = _share(aopc, lowest, attained_highest, 1.0)
    shares = torch.stack([least, most], -1).clamp(0.0, 1.0)
    return shares.masked_fill(_equal(lowest, highest)[:, None], torch.nan)


def _share(aopc: Tensor, lower: Tensor, upper: Tensor, otherwise: float) -> Tensor:
    width = upper - lower
    return torch.where(width > 0, (aopc - lower) / width.masked_fill(width <= 0, 1.0), otherwise)


def _equal(first: Tensor, second: Tensor) -> Tensor:
    scale = torch.maximum(first.abs(), second.abs()).clamp(min=1)
    return (second - first).abs() <= _EQUAL * scale


def _together(with_mass: Tensor, exact_items: int, means: int) -> Iterator[tuple[Tensor, bool]]:
    """Documents that are searched together, and whether exactly: of one number of items, or of nearly the same."""
    sizes, order = torch.sort(with_mass, stable=True)
    first = 0
    while first < len(sizes):
        items = int(sizes[first])
        exact = items <= exact_items
        alike = sizes[first:][sizes[first:] == items] if exact else sizes[first:]
        numbers = torch.full_like(alike, (means + 1) << items) if exact else alike**2
        held = numbers * torch.arange(1, len(alike) + 1, device=numbers.device)
        documents = max(1, int((held <= _MOST_NUMBERS).sum()))
        yield order[first : first + documents], exact
        first += documents


def rounding_of(kept: KeptScores, values: Tensor, readout: Readout) -> Tensor:
    """How far off rounding may have put each document's limits (batch,).

    With M the largest Σ_d |W_cd| |h_jd| + |b_c| of a document, one item's logit is off by less than dim ε M, a weighted
    mean of them by less than dim + 2 n times ε M, and a mean of n such by n ε M more. A lead is a difference of two
    logits, and a probability moves by no more than a quarter of the largest change of a lead.
    """
    weight, bias = affine(readout)
    batch, items, dim = values.shape
    if not values.numel():
        return kept.mass.new_zeros(batch)
    largest = torch.where(kept.mask[..., None], values.detach().double().abs(), 0.0).amax(1)
    magnitude = (largest @ weight.abs().T + bias.abs()).amax(-1)
    endless = ~torch.isfinite(magnitude * 2 * (items + 1))
    if bool(endless.any()):
        raise ValueError(f"logits are beyond what 64 bits hold in document {int(torch.nonzero(endless)[0])}")
    off = (dim + 4 * items + 4 * len(bias) + 64) * _EPS * magnitude
    return off if kept.name == "logit" else (off / 2).clamp(max=1.0) + (items + 64) * _EPS
