"""What each item contributes to the logits, and the closed forms of erasure that follow where the readout is affine.

With attention weights a, values h and logits ``W v + b`` of the pooled vector v = Σ aᵢ hᵢ, the logits after erasing a
set S are the mean, weighted by what remains, of the logits that each item would give on its own:

    logits(S) = Σ_{j∉S} aⱼ (W hⱼ + b) / Σ_{j∉S} aⱼ          (b itself where no mass remains)

So class c beats the decision y after erasing S exactly when the *additive* margins
``m_jc = aⱼ [(W hⱼ + b)_c − (W hⱼ + b)_y]`` of the remaining items sum to more than zero (or to zero with c < y, as
argmax resolves ties). Every prefix of an ordering follows from suffix sums, every single erasure from sums on both
sides, and the smallest set that flips the decision from one sort a class. Sums are always of what remains, in float64,
so that a remainder of 1e-300 of the mass is still exact.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from attnprobe.erasure.arrays import Array, Holds, as_mask, check_numbers, first_document
from attnprobe.erasure.guarantees.requirements import Requirements
from attnprobe.erasure.orderings import softmax_of_scores
from attnprobe.erasure.sorting import sort_ascending, stable_order_descending
from attnprobe.erasure.sums import sums_without_each

Readout: TypeAlias = Annotated[nn.Linear | tuple[Array, Array], Holds.READOUT]
"""An affine readout: a ``torch.nn.Linear`` or its (weight (classes, dim), bias (classes,))."""

_PROJECTED = 1 << 18
"""Numbers of the values that are projected at once: 2 MB in float64."""

_SCANNED = 1 << 18
"""Sums that a prefix scan holds at once for one class: 2 MB, which stays in a core's cache."""


class FirstFlip(NamedTuple):
    """Where orderings first flip the decision; each field is (…, batch).

    ``count`` is how many of the ordering's first items are erased (−1: never, not even when all are), ``fraction`` that
    number over the document's items and ``mass`` the share of attention erased (both NaN for never). ``emptied`` is
    True where the decision changes only when nothing is left (what remains weighs 0 in float64) and the readout's bias
    alone decides: no work of the weights, and neither a flip while something is left nor never.
    """

    count: Array
    fraction: Array
    mass: Array
    emptied: Array


class MinimalFlipSet(NamedTuple):
    """The smallest erasure that flips the decision.

    Attributes:
        count: how many items it erases (batch,), −1 where no set flips the decision.
        erased: True for the items in it (batch, items).
        emptied: True where only erasing all that has weight does (batch,).
        rank: each item's 0-based place among those of the set, the one that holds the decision most first; −1 for the
            others (batch, items).
    """

    count: Array
    erased: Array
    emptied: Array
    rank: Array


class SingleErasures(NamedTuple):
    """What erasing each item alone does; padding erases nothing.

    ``relative_logits`` (batch, classes, items) are the logits less the decision's own, ``flips`` (batch, items) is True
    where another class has become the argmax.
    """

    relative_logits: Tensor
    flips: Tensor


class Contributions:
    """What each item of each document contributes to the logits, and the closed forms that follow from it.

    The public functions of this module make one and ask it one question; whoever asks several makes it once.

    Attributes:
        mass: attention weights in float64, zero at padding (batch, items).
        alone: the logits that each item would give on its own, bias included (batch, classes, items).
        bias: the logits when nothing is left (classes,).
        logits: the unerased logits (batch, classes).
        decision: their argmax, the first of ties (batch,).
        margins: ``alone`` less its row of the decision (batch, classes, items).
        mask: True where an item is real (batch, items).
        sizes: how many items are real (batch,).
        threshold: what sums of margins of what remains have to reach for a class to take over (batch, classes).
    """

    def __init__(
        self,
        values: Tensor,
        weights: Tensor | None,
        mask: Tensor | None,
        readout: Readout,
        *,
        scores: Tensor | None = None,
    ) -> None:
        weight, self.bias = affine(readout)
        self._check_shapes(values, weights, scores, weight)
        self.mask = as_mask(mask, values[..., 0])
        self.sizes = self.mask.sum(-1)
        if scores is not None:
            self.mass = softmax_of_scores(scores, self.mask)
        elif weights is not None:
            check_weights(weights, self.mask)
            self.mass = weights.detach().to(torch.float64, copy=True)
            self.mass = self.mass if mask is None else self.mass.masked_fill(~self.mask, 0.0)
        else:
            raise ValueError("give attention weights or scores")
        projected = _project(values.detach(), weight)
        check_numbers("values", projected.sum(1), self.mask)
        self.alone = projected.add_(self.bias[:, None])
        if mask is not None:
            self.alone.masked_fill_(~self.mask[:, None], 0.0)
        self._decide()

    @staticmethod
    def _check_shapes(values: Tensor, weights: Tensor | None, scores: Tensor | None, weight: Tensor) -> None:
        if values.dim() != 3 or values.shape[-1] != weight.shape[-1]:
            raise ValueError(
                f"values have shape {tuple(values.shape)}, but (batch, items, {weight.shape[-1]}) is needed"
            )
        for name, given in (("weights", weights), ("scores", scores)):
            if given is not None and given.shape != values.shape[:2]:
                raise ValueError(f"{name} have shape {tuple(given.shape)}, but {tuple(values.shape[:2])} is needed")

    def _decide(self) -> None:
        total = self.mass.sum(-1, keepdim=True)
        summed = torch.matmul(self.alone, self.mass[:, :, None]).squeeze(-1)
        nothing = total == 0
        self.logits = torch.where(nothing, self.bias, summed / total.masked_fill(nothing, 1.0))
        endless = ~torch.isfinite(self.logits).all(-1)
        if bool(endless.any()):
            raise ValueError(f"logits are beyond what 64 bits hold in document {int(torch.nonzero(endless)[0])}")
        self.decision = self.logits.argmax(-1)
        classes = torch.arange(len(self.bias), device=self.bias.device)
        # A class before the decision wins a tie, one after it does not: the margin sums at which each takes over.
        smallest = torch.nextafter(self.bias.new_zeros(()), self.bias.new_ones(()))
        after = (classes > self.decision[:, None]).to(self.bias.dtype) * smallest
        self.threshold = after.masked_fill(classes == self.decision[:, None], torch.inf)
        self._flips_when_empty = self.bias.argmax() != self.decision
        self.margins = self.alone - of_class(self.alone, self.decision)[:, None]
        if not bool(torch.isfinite(self.margins.sum())):
            beyond = ~torch.isfinite(self.margins.sum(1))
            if bool(beyond.any()):
                raise ValueError(f"logits are beyond what 64 bits hold in {first_document(beyond)}")

    def _weighted(self, terms: Tensor) -> Tensor:
        """Terms (batch, classes, items) times the mass, and the mass as one more row."""
        return torch.cat([terms * self.mass[:, None], self.mass[:, None]], dim=1)

    def check_decides(self) -> None:
        """Raise a ``ValueError`` where the readout has one row: its argmax is the same whatever is erased."""
        if len(self.bias) == 1:
            raise ValueError(
                "the readout has one row, and one logit decides nothing by argmax: give its two-row form, weight rows "
                "(0, w) and bias (0, b)"
            )

    def log_probabilities(self) -> Tensor:
        """Log-probabilities of the unerased documents (batch, classes)."""
        return torch.log_softmax(self.logits, dim=-1)

    def _flipped(self, sums: Tensor, threshold: Tensor) -> Tensor:
        """Whether sums of weighted margins (…, batch, classes + 1, sets) of what remains mean another decision."""
        flipped = torch.zeros_like(sums[..., 0, :], dtype=torch.bool)
        for index in range(threshold.shape[-1]):  # a loop over classes: `any` over a short axis is four times slower
            flipped |= sums[..., index, :] >= threshold[:, index, None]
        return flipped

    def decision_gradient(self) -> Tensor:
        """∂p_y/∂aᵢ = p_y (u_iy − Σ_c p_c u_ic), u = W h: free weights after the softmax (batch, items), float64."""
        self.check_decides()
        p = self.log_probabilities().exp()
        p_decision = p.gather(1, self.decision[:, None])
        bias_margin = self.bias - self.bias[self.decision][:, None]
        mean_margin = torch.matmul(p[:, None], self.margins).squeeze(1) - (p * bias_margin).sum(-1, keepdim=True)
        return (-p_decision * mean_margin).masked_fill_(~self.mask, 0.0)

    def single_erasures(self) -> SingleErasures:
        """The decision after erasing each item alone."""
        self.check_decides()
        sums = sums_without_each(self._weighted(self.margins))
        relative = _divide(sums, self.bias - self.bias[self.decision][:, None])
        empty = sums[:, -1] == 0
        flips = (self._flipped(sums, self.threshold) & ~empty) | (empty & self._flips_when_empty[:, None])
        return SingleErasures(relative, flips & self.mask)

    def logits_without_each(self) -> Tensor:
        """The logits after erasing each item alone (batch, classes, items)."""
        erased = _divide(sums_without_each(self._weighted(self.alone)), self.bias.expand_as(self.logits))
        return torch.where(self.mask[:, None], erased, self.logits[:, :, None])

    def decided_logit_without_each(self) -> Tensor:
        """The logit of the decision after erasing each item alone (batch, items)."""
        sums = sums_without_each(self._weighted(of_class(self.alone, self.decision)[:, None]))
        return _divide(sums, self.bias[self.decision][:, None]).squeeze(1)

    def first_flip(self, order: Tensor) -> FirstFlip:
        """The first prefix of each ordering (…, batch, items) whose erasure flips the decision."""
        self.check_decides()
        self._check_order(order)
        batch, items = order.shape[-2:]
        flat = order.reshape(math.prod(order.shape[:-2]), batch, items)
        weighted = self.margins * self.mass[:, None]
        step = max(1, _SCANNED // max(1, items * flat.shape[0]))
        # Of documents without items, which are not gone through, nothing flips the decision.
        count = torch.full(flat.shape[:2], -1, dtype=torch.int64, device=order.device)
        mass = torch.zeros(flat.shape[:2], dtype=torch.float64, device=order.device)
        emptied = torch.zeros(flat.shape[:2], dtype=torch.bool, device=order.device)
        for start in range(0, batch if items else 0, step):
            rows = slice(start, start + step)
            count[:, rows], mass[:, rows], emptied[:, rows] = self._scan(flat[:, rows], weighted[rows], rows)
        count, mass, emptied = (each.reshape(order.shape[:-1]) for each in (count, mass, emptied))
        never = count < 0
        fraction = (count.double() / self.sizes.clamp(min=1)).masked_fill(never, torch.nan)
        share = mass / self.mass.sum(-1).masked_fill(self.mass.sum(-1) == 0, 1.0)
        return FirstFlip(count, fraction, share.masked_fill(never, torch.nan), emptied)

    def requirements(self) -> Requirements:
        """What has to be kept so that the decision stands whatever else is erased."""
        self.check_decides()
        return Requirements.of(self.margins, self.mass, self.decision, self.bias, self.mask)

    def _scan(self, order: Tensor, weighted: Tensor, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        """Of orderings (orderings, documents, items): counts, erased mass and whether nothing is left by then.

        By sums over what each prefix leaves.
        """
        backwards = order.flip(-1)

        def ordered(terms: Tensor) -> Tensor:
            return torch.gather(terms.expand(len(order), -1, -1), -1, backwards)

        flips = torch.zeros_like(order, dtype=torch.bool)
        for index in range(weighted.shape[1]):  # a class at a time, so that its sums stay in the core's cache
            flips |= ordered(weighted[:, index]).cumsum_(-1) >= self.threshold[rows, index, None]
        mass = ordered(self.mass[rows])
        flips_when_empty = self._flips_when_empty[rows, None]
        empty = mass.cumsum(-1) == 0
        flips = torch.where(empty, flips_when_empty, flips)
        # Position q − 1 holds the sums over the last q items. The first flip leaves the most of them; all of them are
        # the decision by definition, whatever rounding makes of a tie.
        flips[..., -1:] = False
        items = order.shape[-1]
        rank = torch.arange(1, items + 1, device=order.device)
        left = (flips * rank).amax(-1)
        count = torch.where(left > 0, items - left, torch.where(flips_when_empty[:, 0], self.sizes[rows], -1))
        erased_mass = (mass * (rank > items - count[..., None])).sum(-1)
        nothing_left = empty.gather(-1, (left - 1).clamp(min=0)[..., None]).squeeze(-1) | (left == 0)
        return count, erased_mass, nothing_left & (count > 0)

    def _check_order(self, order: Tensor) -> None:
        if order.shape[-2:] != self.mask.shape:
            raise ValueError(f"order has shape {tuple(order.shape)}, but (…, {tuple(self.mask.shape)}) is needed")

    def minimal_flip_set(self) -> MinimalFlipSet:
        """The oracle: for each class erase its smallest margins first; the least count over classes is the minimum."""
        self.check_decides()
        margins = (self.margins * self.mass[:, None]).masked_fill_(~self.mask[:, None], -torch.inf)
        # From the largest margin down: the sums are positive for the first few and never again.
        sums = sort_ascending(-margins).neg_().cumsum_(-1)
        keeps = (sums >= self.threshold[:, :, None]).sum(-1).clamp_(max=self.sizes[:, None] - 1)
        # With a tie the margins kept may all be zero; they count only where one of them has mass.
        massive = ((margins >= 0) & (self.mass > 0)[:, None]).any(-1)
        keeps = keeps.masked_fill(~massive, 0)
        kept, best = keeps.max(-1)
        # Or leave no mass at all: erase every item that has some.
        weightless = (self.sizes - (self.mass > 0).sum(-1)).masked_fill(~self._flips_when_empty, -1)
        emptied = weightless >= torch.where(kept > 0, kept + 1, 0)
        count = self.sizes - torch.where(emptied, weightless, kept)
        count = torch.where(emptied | (kept > 0), count, -1)
        chosen = of_class(margins, best)
        ascending = stable_order_descending((-chosen).masked_fill(~self.mask, -torch.inf))
        place = torch.arange(chosen.shape[-1], device=chosen.device).expand_as(ascending)
        erased = torch.zeros_like(self.mask).scatter_(1, ascending, place < count[:, None])
        erased = torch.where(emptied[:, None], self.mass > 0, erased)
        among = erased.gather(1, ascending)
        rank = torch.full_like(ascending, -1).scatter_(1, ascending, among.cumsum(-1).masked_fill_(~among, 0) - 1)
        return MinimalFlipSet(count, erased, emptied, rank)


def of_class(numbers: Tensor, classes: Tensor) -> Tensor:
    """Of numbers (batch, classes, items) those of one class a document (batch, items)."""
    return numbers.gather(1, classes[:, None, None].expand(-1, 1, numbers.shape[-1])).squeeze(1)


def _project(values: Tensor, weight: Tensor) -> Tensor:
    """W h for every item (batch, classes, items) in float64, a few documents at a time: no float64 copy of them all.

    What is in float64 already is read once, as it lies.
    """
    batch, items, dim = values.shape
    if values.dtype == torch.float64:
        return (values @ weight.T).transpose(1, 2).contiguous()
    projected = weight.new_empty(batch, len(weight), items)
    step = max(1, _PROJECTED // max(1, items * dim))
    for start in range(0, batch, step):
        rows = slice(start, start + step)
        torch.matmul(weight, values[rows].double().transpose(1, 2), out=projected[rows])
    return projected


def _divide(sums: Tensor, when_empty: Tensor) -> Tensor:
    """Weighted sums (batch, classes + 1, items) over the mass in the last row; ``when_empty`` (batch, classes) if 0."""
    remaining = sums[:, -1:]
    empty = remaining == 0
    return torch.where(empty, when_empty[:, :, None], sums[:, :-1] / remaining.masked_fill(empty, 1.0))


def affine(readout: Readout) -> tuple[Tensor, Tensor]:
    """A readout's weight (classes, dim) and bias (classes,) in float64."""
    if isinstance(readout, nn.Linear):
        readout = (readout.weight, readout.bias)
    weight = readout[0].detach().double()
    bias = weight.new_zeros(len(weight)) if readout[1] is None else readout[1].detach().double()
    if weight.dim() != 2 or not weight.numel() or bias.shape != weight.shape[:1]:
        raise ValueError(
            f"the readout has a weight of shape {tuple(weight.shape)} and a bias of {tuple(bias.shape)}, but "
            "(classes, dim) and (classes,) are needed"
        )
    if not bool(torch.isfinite(weight).all() and torch.isfinite(bias).all()):
        raise ValueError("the readout holds NaN or infinite numbers")
    return weight, bias


def check_weights(weights: Tensor, real: Tensor) -> None:
    """Raise a ``ValueError`` that names the document in which real weights are no numbers, or negative."""
    if weights.numel():
        least, most = (float(end) for end in torch.aminmax(weights.detach()))
        if least >= 0 and math.isfinite(most * weights.numel()):  # at one look, as nearly always
            return
    check_numbers("weights", weights, real)
    endless = ~torch.isfinite(weights.double().masked_fill(~real, 0.0).sum(-1))
    if bool(endless.any()):
        raise ValueError(f"weights have no finite sum in {first_document(endless[..., None])}")
    negative = (weights < 0) & real
    if bool(negative.any()):
        raise ValueError(f"weights are negative in {first_document(negative)}; attention weights never are")
