"""The decision's score as a function of the items that are kept, for an affine readout.

What is left after an erasure has the mean of its items' own logits, weighted by attention (``contributions``). So a
score of the decision y is a function of a few such means: its logit of one; its probability, and the logarithm of that,
of y's *leads* over the other classes, ``p_y = 1 / (1 + Σ_c exp(−lead_c))``. Every score here rises with each of its
means, and where there is one mean the largest score is that of the largest mean. What has no mass has the score of the
bias.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias, get_args

import torch
from torch import Tensor

from attnprobe.erasure.contributions import Contributions

ScoreName: TypeAlias = Literal["probability", "log_probability", "logit"]
"""Of the decision."""

_LARGEST = 1000
"""Weights are multiplied by a power of two so that no sum of theirs reaches two to this."""

_HELD = 1 << 19
"""Numbers that a step over documents holds at once: 4 MB."""


class KeptScores:
    """What each document's score is made of.

    Attributes:
        mass: attention weights, of each document times a power of two, so that what is made of them neither overflows
            nor underflows; zero at padding (batch, items).
        terms: what each item alone would give of every mean (batch, means, items).
        empty: the means when nothing is left (batch, means).
        mask: True where an item is real (batch, items).
        sizes: how many items are real (batch,).
        name: which score it is.
    """

    def __init__(self, contributions: Contributions, score: ScoreName) -> None:
        if score not in get_args(ScoreName):
            raise ValueError(f"score is {score!r}, but one of {', '.join(get_args(ScoreName))} is needed")
        contributions.check_decides()
        self.name, self.mask, self.sizes = score, contributions.mask, contributions.sizes
        decision = contributions.decision[:, None]
        bias = contributions.bias.expand_as(contributions.logits)
        if score == "logit":
            self.empty = bias.gather(1, decision)
            self.terms = contributions.alone.gather(1, _rows(decision, self.mask))
        else:
            rivals = torch.arange(bias.shape[1] - 1, device=bias.device).expand(len(bias), -1)
            rivals = rivals + (rivals >= decision)
            self.empty = bias.gather(1, decision) - bias.gather(1, rivals)
            self.terms = -contributions.margins.gather(1, _rows(rivals, self.mask))
        self.mass = _lifted(contributions.mass, self.terms)

    def of_means(self, means: Tensor, dim: int = 1) -> Tensor:
        """The score of means, which are along ``dim``, an axis that goes."""
        if self.name == "logit":
            return means.squeeze(dim)
        if means.shape[dim] == 1:
            lead = means.squeeze(dim)
            return torch.sigmoid(lead) if self.name == "probability" else torch.nn.functional.logsigmoid(lead)
        if self.name == "probability":
            return 1 / (1 + torch.exp(-means).sum(dim))
        decided = torch.zeros_like(means.narrow(dim, 0, 1))
        return -torch.logsumexp(torch.cat([decided, -means], dim), dim)

    def when_empty(self) -> Tensor:
        """The score when nothing is left (batch,)."""
        return self.of_means(self.empty)

    def whole(self) -> Tensor:
        """The score of the unerased documents (batch,)."""
        weighted = torch.matmul(self.terms, self.mass[:, :, None])
        return self.of_means(means_of(weighted, self.mass.sum(-1)[:, None, None], self.empty[:, :, None])).squeeze(-1)


class Curves(NamedTuple):
    """The score along orderings (…, batch, items + 1): at k, of what is left without the first k items, or of them.

    Beyond a document's n items both stay what they are at n: the score when nothing is left, and of the whole document.
    """

    erased: Tensor
    kept: Tensor


def curves(scores: KeptScores, order: Tensor) -> Curves:
    """The score along orderings (…, batch, items), with everything that an ordering says of k = 0 … n items.

    Sums are always of what is left, or of what is kept: never the total less the others.
    """
    batch, items = scores.mask.shape
    flat = order.reshape(-1, batch, items) if order.numel() else order.new_zeros(order.shape[:-2].numel(), batch, items)
    found = scores.mass.new_empty(2, len(flat), batch, items + 1)
    whole, empty = scores.whole(), scores.when_empty()
    for rows in _steps(batch, len(flat) * (items + 1) * scores.terms.shape[1]):
        found[:, :, rows] = _along(scores, flat[:, rows], rows)
    found[0, :, :, 0], found[1, :, :, 0] = whole, empty
    everything = torch.arange(items + 1, device=order.device) >= scores.sizes[:, None]
    found[0] = torch.where(everything, empty[:, None], found[0])
    found[1] = torch.where(everything, whole[:, None], found[1])
    erased, kept = found.reshape(2, *order.shape[:-1], items + 1)
    return Curves(erased, kept)


def _along(scores: KeptScores, order: Tensor, rows: slice) -> Tensor:
    """Scores (2, orderings, documents, items + 1) without the first k items, and of them; k = 0 of them is left open."""
    weighted = torch.cat([scores.terms[rows] * scores.mass[rows, None], scores.mass[rows, None]], dim=1)
    places = order[:, :, None].expand(-1, -1, weighted.shape[1], -1)
    ordered = torch.gather(weighted.expand(len(order), -1, -1, -1), -1, places)
    nothing = torch.zeros_like(ordered[..., :1])
    sums = torch.stack(
        [
            torch.cat([ordered.flip(-1).cumsum(-1).flip(-1), nothing], -1),
            torch.cat([nothing, ordered.cumsum(-1)], -1),
        ]
    )
    means = means_of(sums[..., :-1, :], sums[..., -1:, :], scores.empty[rows, :, None])
    return scores.of_means(means, dim=-2)


def means_of(sums: Tensor, mass: Tensor, empty: Tensor) -> Tensor:
    """Weighted sums over the mass that they are of, ``empty`` where there is none."""
    nothing = mass == 0
    return torch.where(nothing, empty, sums / mass.masked_fill(nothing, 1.0))


def _rows(classes: Tensor, mask: Tensor) -> Tensor:
    """Classes (batch, rows) as an index of (batch, classes, items)."""
    return classes[:, :, None].expand(-1, -1, mask.shape[1])


def _steps(documents: int, numbers: int) -> Iterator[slice]:
    """Documents a few at a time, each of which needs so many numbers."""
    step = max(1, _HELD // max(1, numbers))
    return (slice(start, start + step) for start in range(0, documents, step))


def _lifted(mass: Tensor, terms: Tensor) -> Tensor:
    """Mass times the power of two at which the largest products with terms stay just within what float64 holds."""
    if not mass.numel():
        return mass
    reach = torch.frexp(mass.amax(-1)).exponent + torch.frexp(terms.abs().amax((1, 2)).clamp(min=1)).exponent
    power = (_LARGEST - mass.shape[-1].bit_length() - reach).clamp(-_LARGEST, 2 * _LARGEST)
    half = torch.div(power, 2, rounding_mode="floor")
    return mass * _power_of_two(half)[:, None] * _power_of_two(power - half)[:, None]


def _power_of_two(exponent: Tensor) -> Tensor:
    """Exactly, by the bits of its float64."""
    return ((exponent.long() + 1023) << 52).view(torch.float64)
