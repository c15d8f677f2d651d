"""The decision's score along orderings, as items are erased and as they are kept."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from attnprobe.erasure.erasable import Curves, DecisionCurves
from attnprobe.erasure.kept_scores import KeptScores, ScoreName

_HELD = 1 << 19
"""Numbers that a step over documents holds at once: 4 MB."""


def curves(scores: KeptScores, order: Tensor) -> Curves:
    """The score along orderings (…, batch, items), with everything that an ordering says of k = 0 … n items.

    Sums are always of what is left, or of what is kept: never the total less the others.
    """
    batch, items = scores.mask.shape
    flat = order.reshape(-1, batch, items) if order.numel() else order.new_zeros(order.shape[:-2].numel(), batch, items)
    found = scores.mass.new_empty(2, len(flat), batch, items + 1)
    whole, empty = scores.whole(), scores.when_empty()
    step = max(1, _HELD // max(1, len(flat) * (items + 1) * scores.terms.shape[1]))
    for start in range(0, batch, step):
        rows = slice(start, start + step)
        found[:, :, rows] = _along(scores, flat[:, rows], rows)
    found[0, :, :, 0], found[1, :, :, 0] = whole, empty
    everything = torch.arange(items + 1, device=order.device) >= scores.sizes[:, None]
    found[0] = torch.where(everything, empty[:, None], found[0])
    found[1] = torch.where(everything, whole[:, None], found[1])
    erased, kept = found.reshape(2, *order.shape[:-1], items + 1)
    return Curves(erased, kept)


def curves_of_decision(scores: Callable[[ScoreName], KeptScores], order: Tensor, documents: Tensor) -> DecisionCurves:
    """In closed form, of some documents of a batch.

    Args:
        scores: those of the batch, by name.
        order: permutations of the items (orderings, batch, items).
        documents: rows of the batch (documents,).
    """
    of_log, of_logit = (
        curves(scores(name).of_documents(documents), order[:, documents]) for name in ("log_probability", "logit")
    )
    return DecisionCurves(Curves(*map(torch.exp, of_log)), of_log, of_logit)


def _along(scores: KeptScores, order: Tensor, rows: slice) -> Tensor:
    """Scores (2, orderings, documents, items + 1) without the first k items, and of the first k alone."""
    weighted = torch.cat([scores.terms[rows] * scores.mass[rows, None], scores.mass[rows, None]], dim=1)
    places = order[:, :, None].expand(-1, -1, weighted.shape[1], -1)
    ordered = torch.gather(weighted.expand(len(order), -1, -1, -1), -1, places)
    nothing = ordered.new_zeros(*ordered.shape[:-1], 1)
    sums = torch.stack(
        [
            torch.cat([ordered.flip(-1).cumsum(-1).flip(-1), nothing], -1),
            torch.cat([nothing, ordered.cumsum(-1)], -1),
        ]
    )
    means = scores.means(sums[..., :-1, :], sums[..., -1:, :], scores.empty[rows, :, None])
    return scores.of_means(means, dim=-2)
