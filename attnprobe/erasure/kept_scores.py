"""The decision's score as a function of the items that are kept, for an affine readout.

What is left after an erasure has the mean of its items' own logits, weighted by attention (``contributions``). So a
score of the decision y is a function of a few such means: its logit of one; its probability, and the logarithm of that,
of y's *leads* over the other classes, ``p_y = 1 / (1 + Σ_c exp(−lead_c))``. Every score here rises with each of its
means, and where there is one mean the largest score is that of the largest mean. What has no mass has the score of the
bias.
"""

from __future__ import annotations

import copy
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

from attnprobe.erasure.contributions import Contributions

ScoreName: TypeAlias = Literal["probability", "log_probability", "logit"]
"""Of the decision."""

_LARGEST = 1000
"""Weights are multiplied by a power of two so that no sum of theirs reaches two to this."""


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
        self.empty = self._of_logits(contributions.bias.expand_as(contributions.logits), contributions.decision)
        if score == "logit":
            self.terms = contributions.alone.gather(1, _rows(contributions.decision[:, None], self.mask))
        else:
            rivals = _rivals(contributions.decision, len(contributions.bias))
            self.terms = -contributions.margins.gather(1, _rows(rivals, self.mask))
            self._wins_ties = rivals < contributions.decision[:, None]
        self.mass = _lifted(contributions.mass, self.terms)

    def _of_logits(self, logits: Tensor, decision: Tensor) -> Tensor:
        """The means (batch, means) that logits (batch, classes) are."""
        decided = logits.gather(1, decision[:, None])
        return decided if self.name == "logit" else decided - logits.gather(1, _rivals(decision, logits.shape[1]))

    def of_documents(self, documents: Tensor) -> KeptScores:
        """The same of some documents, rows of the batch (documents,)."""
        part = copy.copy(self)
        part.mass, part.terms, part.empty = self.mass[documents], self.terms[documents], self.empty[documents]
        part.mask, part.sizes = self.mask[documents], self.sizes[documents]
        if self.name != "logit":
            part._wins_ties = self._wins_ties[documents]
        return part

    def means(self, sums: Tensor, mass: Tensor, empty: Tensor) -> Tensor:
        """The means of what is kept, of sums of its weighted terms, and its mass; ``empty`` are those of nothing."""
        return means_of(sums, mass, empty)

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

    def of_sets(self, kept: Tensor) -> Tensor:
        """The score (sets, batch) of sets (sets, batch, items): True where an item is kept, whatever padding says."""
        return self.of_means(self._means_of_sets(kept), dim=-1)

    def flips_of_sets(self, kept: Tensor) -> Tensor:
        """Whether such sets decide for another class (sets, batch), as argmax resolves ties; not of the logit."""
        leads = self._means_of_sets(kept)
        return ((leads < 0) | ((leads == 0) & self._wins_ties)).any(-1)

    def _means_of_sets(self, kept: Tensor) -> Tensor:
        mass = self.mass * kept
        sums = torch.einsum("bmi,sbi->sbm", self.terms, mass)
        return self.means(sums, mass.sum(-1, keepdim=True), self.empty)

    def when_empty(self) -> Tensor:
        """The score when nothing is left (batch,)."""
        return self.of_means(self.empty)

    def whole(self) -> Tensor:
        """The score of the unerased documents (batch,)."""
        weighted = torch.matmul(self.terms, self.mass[:, :, None])
        means = self.means(weighted, self.mass.sum(-1)[:, None, None], self.empty[:, :, None])
        return self.of_means(means).squeeze(-1)


class ReplacedScores(KeptScores):
    """The same where a vector takes the mass that is lost (``replaced_mass``).

    Then each mean is that of the vector, and beside it the sum, weighted by attention, of by how much what is kept
    passes it: ``terms`` are these differences.

    Args:
        contributions: of a batch.
        score: of the decision.
        stand_in: the logits of what stands in, bias included (batch, classes).
    """

    def __init__(self, contributions: Contributions, score: ScoreName, stand_in: Tensor) -> None:
        super().__init__(contributions, score)
        total = contributions.mass.sum(-1, keepdim=True)
        nothing = total == 0
        # Of what never had any mass nothing is ever lost.
        self.empty = torch.where(nothing, self.empty, self._of_logits(stand_in, contributions.decision))
        self.terms = self.terms - self.empty[:, :, None]
        self.mass = contributions.mass / total.masked_fill(nothing, 1.0)

    def means(self, sums: Tensor, mass: Tensor, empty: Tensor) -> Tensor:
        """See :meth:`KeptScores.means`."""
        return sums + empty


def means_of(sums: Tensor, mass: Tensor, empty: Tensor) -> Tensor:
    """Weighted sums over the mass that they are of, ``empty`` where there is none."""
    nothing = mass == 0
    return torch.where(nothing, empty, sums / mass.masked_fill(nothing, 1.0))


def _rivals(decision: Tensor, classes: int) -> Tensor:
    """The classes other than those decided for (batch,), in order (batch, classes less one)."""
    rivals = torch.arange(classes - 1, device=decision.device).expand(len(decision), -1)
    return rivals + (rivals >= decision[:, None])


def _rows(classes: Tensor, mask: Tensor) -> Tensor:
    """Classes (batch, rows) as an index of (batch, classes, items)."""
    return classes[:, :, None].expand(-1, -1, mask.shape[1])


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
