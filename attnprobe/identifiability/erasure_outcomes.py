"""Must erasing an item flip the decision, may it, or does it never, over all attention weights with the same output?

For any weights a' class c beats the decision y after erasing S iff ``Σ_{j∉S} a'_j M_cj > 0`` (``readout_margins``), or
= 0 with c < y, as argmax resolves ties; where no mass remains, the bias decides. So over alternatives

    some a' flips      iff  for some c   max Σ_{j∉S} a'_j M_cj > 0,              one linear program a class,
    some a' does not   iff  max t subject to Σ_{j∉S} a'_j M_cj + t ≤ 0 for all c is not negative: one program.

Where the logits are the same for all alternatives and S = {i}, ``Σ_{j≠i} a'_j M_cj = m_c − a'_i M_ci`` with the
observed margin m_c: the outcome depends on a'_i alone and flips above the critical weight ``w_i* = min_c m_c / M_ci``
over M_ci < 0. The range of a'_i then decides without further programs: must where low > w*, may where high > w*.

Margins of what remains, relative to its mass, count as ties below 1e-9 of the largest margin of an item.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from attnprobe.erasure.arrays import Array, Mask, numbers, numpy_or_torch
from attnprobe.erasure.contributions import Readout
from attnprobe.identifiability.alternatives import Alternatives
from attnprobe.identifiability.linear_programs import Numbers
from attnprobe.identifiability.readout_margins import margins_of
from attnprobe.identifiability.same_output import same_head_output
from attnprobe.identifiability.value_space import as_batch, as_distributions

TIE = 1e-9
"""Margins of what remains, relative to its mass, that count as ties."""

POSITIVE = 1e-12
"""What a program must reach to count as more than zero."""

_WEIGHT = 1e-9
"""To what a weight's range is exact."""


class ItemFlips(NamedTuple):
    """What erasing each item alone can do over all alternatives; (…, items), False at padding.

    Attributes:
        can_flip: some alternative's decision flips.
        can_stay: some alternative's decision does not.
    """

    can_flip: Array
    can_stay: Array

    @property
    def must_flip(self) -> Array:
        """Every alternative's decision flips."""
        return self.can_flip & ~self.can_stay

    @property
    def may_flip(self) -> Array:
        """Some alternatives' decisions flip and others' do not: the test's answer is not the output's."""
        return self.can_flip & self.can_stay

    @property
    def never_flips(self) -> Array:
        """No alternative's decision flips."""
        return self.can_stay & ~self.can_flip


@numpy_or_torch
def item_flips(values: Array, weights: Array, mask: Mask, readout: Readout) -> ItemFlips:
    """Must, may or never: the outcome of erasing each item over all weights with the same head output.

    Args:
        values: what the weights average (batch, items, dim), or (items, dim).
        weights: attention weights (batch, items), or (items,).
        mask: True where an item is real, or None.
        readout: ``torch.nn.Linear`` or (weight (classes, dim), bias (classes,)).

    Returns:
        ``ItemFlips`` in the shape of ``weights``.

    Raises:
        ValueError: shapes that do not fit, NaN or infinite numbers, weights that are no distribution, a readout of one
            row.
        SolverError: a linear program failed.
    """
    exact, real = as_batch(values.cpu(), None if mask is None else mask.cpu())
    mass = as_distributions(weights.cpu(), real)
    can_flip, can_stay = torch.zeros_like(real), torch.zeros_like(real)
    for row in np.ndindex(*real.shape[:-1]):  # each row is a polytope of its own
        kept = real[row]
        alternatives = same_head_output(mass[row][kept], exact[row][kept])
        found = ErasureOutcomes(alternatives, exact[row][kept], readout).items()
        can_flip[row][kept], can_stay[row][kept] = torch.from_numpy(found.can_flip), torch.from_numpy(found.can_stay)
    return ItemFlips(can_flip, can_stay)


class ErasureOutcomes:
    """What erasing sets of items can do over the alternatives of one row of one head.

    Attributes:
        alternatives: over which the programs run.
        margins: M (classes, items), divided by their largest, without the decision's row.
        before: which of those classes win a tie against the decision (classes,).
        flips_when_empty: whether the bias alone decides otherwise.
    """

    def __init__(self, alternatives: Alternatives, values: Tensor | Numbers, readout: Readout) -> None:
        """Join alternatives with what is read out of them.

        Args:
            alternatives: of one row of one head.
            values: (items, dim).
            readout: ``torch.nn.Linear`` or (weight (classes, dim), bias (classes,)).

        Raises:
            ValueError: alternatives of several heads, shapes that do not fit, NaN or infinite numbers, a readout of one
                row, which decides nothing.
        """
        if alternatives.observed.ndim != 1:
            raise ValueError("erasing items needs the alternatives of one head, but they are of several")
        exact = as_batch(numbers("values", values), None)[0].numpy()
        found = margins_of(exact, alternatives.observed, readout)
        self.alternatives = alternatives
        others = np.delete(found.alone, found.decision, axis=0)
        self.margins = others / max(float(np.abs(others).max(initial=0.0)), 1e-300)
        self.before = np.delete(np.arange(len(found.alone)), found.decision) < found.decision
        self.flips_when_empty = found.flips_when_empty

    def flipped(self, weights: Numbers, kept: np.ndarray) -> np.ndarray:
        """Whether given alternatives (k, items) flip when only ``kept`` (items,) remain, by the sums themselves."""
        remaining = weights * kept
        mass = remaining.sum(1)
        sums = remaining @ self.margins.T
        beaten = ((sums > 0) | ((sums == 0) & self.before)).any(1)
        return np.where(mass > 0, beaten, self.flips_when_empty)

    def can_flip(self, kept: np.ndarray) -> Numbers | None:
        """An alternative whose decision flips when only ``kept`` (items,) remain; None where there is none."""
        vertices = self.alternatives.extremes.vertices
        clear = ((vertices * kept) @ (self.margins - TIE).T > POSITIVE).any(1)
        if clear.any():
            return np.asarray(vertices[int(clear.argmax())])
        emptied = self.can_empty(kept)
        if self.flips_when_empty and emptied is not None:
            return emptied
        for margin, wins_ties in zip(self.margins, self.before, strict=True):
            found = self.alternatives.maximise(kept * (margin - TIE))
            if found.value <= POSITIVE and wins_ties and found.value > -3 * TIE:
                found = self.alternatives.maximise(kept * (margin + TIE))
            if found.value > POSITIVE:
                return found.weights
        return None

    def can_empty(self, kept: np.ndarray) -> Numbers | None:
        """An alternative that has no weight on ``kept`` (items,); None where there is none."""
        if self.alternatives.extremes.low[kept].max(initial=0.0) > _WEIGHT:
            return None
        found = self.alternatives.minimise(kept.astype(np.float64))
        return found.weights if found.value <= POSITIVE else None

    def can_stay(self, kept: np.ndarray) -> Numbers | None:
        """An alternative whose decision stays with each of the sets ``kept`` (sets, items); None where there is none.

        Where a bias that decides otherwise would take over, some mass must remain in every set.
        """
        vertices = self.alternatives.extremes.vertices
        for one in kept:
            stays = ~self.flipped(vertices, one) & (((vertices * one) @ (self.margins + TIE).T) <= 0).all(1)
            vertices = vertices[stays]
            if not len(vertices):
                break
        else:
            return np.asarray(vertices[0])
        found, slack = self._largest_margin(kept, np.full(len(self.before), TIE))
        if not self._holds(found, kept, slack) and slack > -3 * TIE and not self.before.all():
            found, slack = self._largest_margin(kept, np.where(self.before, TIE, -TIE))
            return found if self._holds(found, kept, slack, ties=True) else None
        return found if self._holds(found, kept, slack) else None

    def _largest_margin(self, kept: np.ndarray, shift: Numbers) -> tuple[Numbers, float]:
        rows = (kept[:, None] * (self.margins + shift[:, None])[None]).reshape(-1, kept.shape[1])
        if self.flips_when_empty:
            rows = np.vstack([rows, -1.0 * kept])
        found = self.alternatives.largest_slack(rows, np.zeros(len(rows)), 1.0 if self.flips_when_empty else 0.0)
        return found.weights, found.value

    def _holds(self, weights: Numbers, kept: np.ndarray, slack: float, *, ties: bool = False) -> bool:
        if slack <= (POSITIVE if self.flips_when_empty else -_WEIGHT):
            return False
        if not ties:
            return not any(bool(self.flipped(weights[None], one)[0]) for one in kept)
        remaining = weights * kept
        return bool(((remaining @ self.margins.T) <= 2 * TIE * remaining.sum(1, keepdims=True)).all())

    def items(self) -> ItemFlips:
        """Must, may or never for each item (items,), as NumPy arrays."""
        if self.alternatives.fixes(self.margins):
            return self._items_by_critical_weight()
        kept = ~np.eye(self.margins.shape[1], dtype=bool)
        can_flip = np.array([self.can_flip(one) is not None for one in kept])
        can_stay = np.array([self.can_stay(one[None]) is not None for one in kept])
        return ItemFlips(can_flip, can_stay)

    def critical_weights(self) -> Numbers:
        """Where alternatives have the same logits: the weight (classes, items) above which c wins once i is erased.

        Infinite where it never does. The least over classes is the critical weight w* of the module's text.
        """
        observed = (self.margins @ self.alternatives.observed)[:, None].clip(max=0.0)
        against = self.margins < 0
        return np.where(against, observed / np.where(against, self.margins, 1.0), np.inf)

    def _items_by_critical_weight(self) -> ItemFlips:
        low, high, _ = self.alternatives.extremes
        critical = self.critical_weights()
        before = self.before[:, None]
        # With a weight of one nothing remains, and the bias decides; below one what remains decides.
        alone = high >= 1 - _WEIGHT
        reached = np.where(before & ~alone, high >= critical - _WEIGHT, high > critical + _WEIGHT)
        reached &= critical < 1 - _WEIGHT
        exceeded = np.where(before, low >= critical - _WEIGHT, low > critical + _WEIGHT)
        certain = low >= 1 - _WEIGHT
        can_flip = np.where(certain, self.flips_when_empty, reached.any(0) | (alone & self.flips_when_empty))
        can_stay = np.where(certain, not self.flips_when_empty, ~exceeded.any(0))
        return ItemFlips(can_flip.astype(bool), can_stay.astype(bool))
