"""The smallest probability of the decision over all sets of a size, with several rivals: bounds by chords.

The odds against the decision are Σ_c exp(m_c), m_c how far rival c's mean logit is above the decision's. Each m_c has
exact ends over all sets of a size; exp is convex, so between them it is below its chord, and the largest sum of the
chords over all sets is the largest mean of a sum of leads (``largest_means``). Where that is far from what the set
attains, the box of ends is cut in two, at the rival and the logit where a chord is furthest off.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.erasure.sized_sets import SizedSets

_CUTS = 8
"""Of the box with the largest odds."""

_CLOSE = 1e-4
"""A row whose bound is as near to the probability of a set is done."""


class _Chords(NamedTuple):
    """Of boxes of logits, one a row: no odds in them are larger (rows,); for which sets, and their logits."""

    odds: Tensor
    members: Tensor
    logits: Tensor


def at_least(sets: SizedSets) -> tuple[Tensor, Tensor]:
    """No set of a row has a smaller probability (rows,), and sets that have small ones (1 + rivals, rows, items)."""
    low, high, strong = _ends(sets)
    # Odds are in units of exp(shift), which is the strongest rival's where it is as far above the decision as can be.
    shift = high.amax(-1, keepdim=True)
    box = _chords(sets, low, high, shift)
    members, attained = box.members, _odds(box.logits, shift)
    worst = torch.empty_like(box.odds)
    rows = torch.arange(len(worst), device=worst.device)
    boxes = _Boxes(low[:, None], high[:, None], box.odds[:, None], box.logits[:, None])
    for cut in range(_CUTS + 1):
        worst[rows] = boxes.odds.amax(-1)
        close = _probability(attained, shift)[rows] - _probability(worst, shift)[rows] < _CLOSE
        if cut == _CUTS or bool(close.all()):
            break
        rows = rows[~close]
        boxes = boxes.of(~close)
        boxes, found = boxes.divided(sets.of(rows), shift[rows])
        for chords in found:
            odds = _odds(chords.logits, shift[rows])
            better = odds > attained[rows]
            attained[rows[better]], members[rows[better]] = odds[better], chords.members[better]
    return _probability(worst, shift), torch.cat([members[None], strong])


def _ends(sets: SizedSets) -> tuple[Tensor, Tensor, Tensor]:
    """The least and the largest mean logit of each rival (rows, rivals), and the sets of the largest."""
    low, high, strong = [], [], []
    for rival in range(sets.leads.shape[1]):
        one = torch.zeros_like(sets.leads[..., 0])
        one[:, rival] = 1.0
        low.append(-sets.largest(one).bound)
        highest = sets.largest(-one)
        high.append(highest.bound)
        strong.append(highest.members)
    return torch.stack(low, -1), torch.stack(high, -1), torch.stack(strong)


class _Boxes(NamedTuple):
    """Boxes that hold all logits of a row: ends and logits of sets (rows, boxes, rivals), odds (rows, boxes)."""

    low: Tensor
    high: Tensor
    odds: Tensor
    logits: Tensor

    def of(self, which: Tensor) -> _Boxes:
        return _Boxes(*(part[which] for part in self))

    def divided(self, sets: SizedSets, shift: Tensor) -> tuple[_Boxes, tuple[_Chords, _Chords]]:
        """With the box of the largest odds cut in two, and what was found in both parts."""
        row, box = torch.arange(len(shift), device=shift.device), self.odds.argmax(-1)
        low, high = self.low[row, box], self.high[row, box]
        rival, at = _furthest_off(low, high, self.logits[row, box], shift)
        below, above = high.clone(), low.clone()
        below[row, rival], above[row, rival] = at, at
        first, second = _chords(sets, low, below, shift), _chords(sets, above, high, shift)
        most = self.odds[row, box]
        odds = self.odds.index_put((row, box), torch.minimum(first.odds, most))
        parts = (
            (self.low, above),
            (self.high.index_put((row, box), below), high),
            (odds, torch.minimum(second.odds, most)),
            (self.logits.index_put((row, box), first.logits), second.logits),
        )
        return _Boxes(*(torch.cat([old, new[:, None]], 1) for old, new in parts)), (first, second)


def _chords(sets: SizedSets, low: Tensor, high: Tensor, shift: Tensor) -> _Chords:
    """What the chords over boxes (rows, rivals) say of all sets."""
    first, slope = _slopes(low, high, shift)
    found = sets.largest(-slope, -(slope * low).sum(-1, keepdim=True))
    odds = torch.minimum(first.sum(-1) + found.bound, _odds(high, shift))
    return _Chords(odds, found.members, -sets.means(found.members))


def _slopes(low: Tensor, high: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
    """The chords of exp(m − shift): their values at ``low``, and their slopes (rows, rivals)."""
    first, last = torch.exp(low - shift), torch.exp(high - shift)
    way = high - low
    return torch.where(way > 0, first, last), torch.where(way > 0, (last - first) / way.masked_fill(way <= 0, 1.0), 0.0)


def _furthest_off(low: Tensor, high: Tensor, logits: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
    """The rival (rows,) whose chord is furthest off at logits, and the logit at which to cut its side of the box."""
    inside = torch.minimum(torch.maximum(logits, low), high)
    first, slope = _slopes(low, high, shift)
    off, rival = (first + slope * (inside - low) - torch.exp(inside - shift)).max(-1)
    # A set in the corner of its box, or beyond it, does not say where to cut.
    longest = (slope * (high - low)).argmax(-1)
    rival = torch.where(off > 0, rival, longest)
    at = torch.where((off > 0)[:, None], inside, (low + high) / 2)
    return rival, at.gather(1, rival[:, None]).squeeze(1)


def _odds(logits: Tensor, shift: Tensor) -> Tensor:
    """Σ_c exp(m_c), in units of exp(shift), of logits (rows, rivals)."""
    return torch.exp(logits - shift).sum(-1)


def _probability(odds: Tensor, shift: Tensor) -> Tensor:
    """The decision's probability at odds (rows,) in units of exp(shift)."""
    return torch.sigmoid(-torch.log(odds) - shift.squeeze(-1))
