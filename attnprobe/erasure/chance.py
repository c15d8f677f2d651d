"""Where what an ordering reaches stands among what random orders of the same document reach.

An ordering is held against orders that are drawn for the document, each as likely as any other. What is compared is
AOPC, the mean over k = 1 … n of the fall of the decision's probability without the first k items: at every size a set
against random sets of the same size, without a size that somebody would have to choose, and on a scale on which orders
differ where first flips, which are whole numbers or never, are mostly equal.

With r random orders out of R that reach more and t that reach as much, ``p = (r + U (t + 1)) / (R + 1)``, U uniform on
[0, 1). An ordering that is itself drawn so is exchangeable with the others, its place among R + 1 is uniform with ties
broken at random, and p is uniform, exactly and for any R (Phipson & Smyth 2010 without ties; Dufour 2006 with them).
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.erasure.curve_names import RANDOM_COLUMNS
from attnprobe.erasure.kept_scores import KeptScores

RANDOM_ORDERS = 199
"""That are drawn of a document where areas have a closed form: of so many p-values have steps of .005, but for ties."""

CLOSED, IN_SINGLE = 2.0**40, 2.0**20
"""Areas are equal where they are so in multiples of one over this, in float64 and where a model computes in float32."""

_HELD = 1 << 19
"""Numbers that a step over documents holds at once: 4 MB."""


def aopc_of_orders(scores: KeptScores, order: Tensor) -> Tensor:
    """AOPC of orders in closed form, from sums of what is left, never the total less the others.

    Args:
        scores: of some documents.
        order: permutations of their items, the first to be erased first and padding last (orders, documents, items).

    Returns:
        (orders, documents), float64.
    """
    orders, documents, items = order.shape
    found = scores.mass.new_empty(orders, documents)
    step = max(1, _HELD // max(1, orders * items * (scores.terms.shape[1] + 1)))
    for start in range(0, documents, step):
        rows = slice(start, start + step)
        found[:, rows] = _left(scores, order[:, rows], rows)
    return scores.whole() - found


def _left(scores: KeptScores, order: Tensor, rows: slice) -> Tensor:
    """The mean score over k = 1 … n removed items (orders, documents): of 0 … n − 1 that are left."""
    mass, sizes = scores.mass[rows], scores.sizes[rows]
    weighted = torch.cat([scores.terms[rows] * mass[:, None], mass[:, None]], dim=1)
    # The last to be erased are the first that are left; padding, which weighs nothing, is before all of them.
    left = order.flip(-1)
    places = left[:, :, None].expand(-1, -1, weighted.shape[1], -1)
    sums = weighted.expand(len(order), -1, -1, -1).gather(-1, places)[..., :-1].cumsum(-1)
    means = scores.means(sums[..., :-1, :], sums[..., -1:, :], scores.empty[rows, :, None])
    along = scores.of_means(means, dim=-2)
    padding = order.shape[-1] - sizes[:, None]
    counted = torch.arange(1, order.shape[-1], device=order.device) > padding
    empty = scores.of_means(scores.empty[rows])
    return (torch.where(counted, along, 0.0).sum(-1) + empty) / sizes


def place_among_random(reached: Tensor, at_random: Tensor, unit: float = CLOSED) -> dict[str, Tensor]:
    """Where orderings stand among random orders, areas as close as rounding taken for equal.

    Areas are compared as whole multiples of 1 / ``unit``: so equality is transitive, and what is computed alike is
    exchangeable as before.

    Args:
        reached: by orderings (orderings, documents).
        at_random: by random orders of the same documents (draws, documents).
        unit: how many steps there are from 0 to 1.

    Returns:
        ``RANDOM_COLUMNS`` (orderings, documents), float64: how many random orders there are, how many of them reach
        more, and how many as much.
    """
    ours, others = (torch.round(areas * unit) for areas in (reached, at_random))
    better, equal = ((compared(others, ours[:, None])).sum(1).double() for compared in (torch.gt, torch.eq))
    return dict(zip(RANDOM_COLUMNS, (torch.full_like(better, len(at_random)), better, equal), strict=True))
