"""What is read off a score's curves: comprehensiveness, sufficiency, and areas over, under and between them.

With s(x) the decision's score, ``comp(k) = s(x) − s(x without the first k items)`` and
``suff(k) = s(x) − s(the first k items alone)``. An explanation is good where comp is large and suff small. Curves are
(…, batch, items + 1), of k = 0 … n items, whatever they were measured on; ``sizes`` (batch,) are the documents' n. What
a document has no number for is NaN.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.erasure.curve_names import ERASER_PERCENT
from attnprobe.erasure.erasable import Curves


def comprehensiveness(curves: Curves) -> Tensor:
    """By how much the score has fallen without the first k items."""
    return curves.erased[..., :1] - curves.erased


def sufficiency(curves: Curves) -> Tensor:
    """By how much the score is lower with the first k items alone; at k = 0, with nothing."""
    return curves.erased[..., :1] - curves.kept


def log_odds(curves: Curves) -> Tensor:
    """log p(x without the first k items) − log p(x), from curves of the log-probability; what the field calls so."""
    return curves.erased - curves.erased[..., :1]


def aopc(curve: Tensor, sizes: Tensor) -> Tensor:
    """The mean over k = 1 … n (…, batch): of comp or suff the area over the perturbation curve (Edin et al. 2025)."""
    return _mean(curve, sizes, 1, sizes)


def aopc_eraser(curve: Tensor, sizes: Tensor) -> Tensor:
    """The mean over the first 1, 5, 10, 20 and 50 % of the items, rounded up (…, batch).

    DeYoung et al. divide the same sum by six, for the curve's beginning, which is zero. Documents of one item, of which
    every share is everything, have none.
    """
    percent = torch.tensor(ERASER_PERCENT, device=sizes.device)
    counts = torch.div(sizes[:, None] * percent + 99, 100, rounding_mode="floor")
    at_shares = curve.gather(-1, counts.expand(*curve.shape[:-1], -1))
    return at_shares.mean(-1).masked_fill(sizes < 2, torch.nan)


def symmetric_relevance_gain(curves: Curves, sizes: Tensor) -> Tensor:
    """The mean score as the last items go first, less the mean as the first do, over k = 1 … n (…, batch).

    SRG (Blücher et al. 2024). To erase the last k is to keep the first n − k.
    """
    return _mean(curves.kept, sizes, 0, sizes - 1) - _mean(curves.erased, sizes, 1, sizes)


def area_against_random(erased: Tensor, at_random: Tensor, sizes: Tensor) -> Tensor:
    """The area between the curve of random orderings and an ordering's, as a share of the whole area under the first.

    RACU (Madsen et al. 2022), by trapezoids; the whole area is down to where everything is erased. It is 0 for an
    ordering that is no better than chance, and may be negative. Where random orderings leave no such area, because the
    score without anything is no lower than along them, there is no share of it.
    """
    whole = _trapezoids(at_random - at_random.gather(-1, _last(at_random, sizes)), sizes)
    between = _trapezoids(at_random - erased, sizes)
    return torch.where(whole > 0, between / whole.masked_fill(whole <= 0, 1.0), torch.nan)


def _mean(curve: Tensor, sizes: Tensor, first: int, last: Tensor) -> Tensor:
    """The mean over k = first … last (…, batch)."""
    k = torch.arange(curve.shape[-1], device=curve.device)
    inside = (k >= first) & (k <= last[:, None])
    total = torch.where(inside, curve, 0.0).sum(-1)
    return torch.where(sizes > 0, total / sizes.clamp(min=1), torch.nan)


def _trapezoids(curve: Tensor, sizes: Tensor) -> Tensor:
    """The area under a curve over shares of the items (…, batch)."""
    middle = (curve[..., 1:] + curve[..., :-1]) / 2
    return _mean(torch.nn.functional.pad(middle, (1, 0)), sizes, 1, sizes)


def _last(curve: Tensor, sizes: Tensor) -> Tensor:
    """Where a curve has everything erased (…, batch, 1)."""
    return sizes[:, None].expand(*curve.shape[:-1], 1)
