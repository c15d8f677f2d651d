"""How far the decision's probability falls, at most, when so many items are erased: of the best set of that size.

What is left is a set K of the other items, and the least probability over all K of a size is found from the mean leads
of the decision over its rivals (``kept_scores``): of one rival by ``largest_means``, exactly but for rounding; of
several between a bound by chords and the best of some sets (``chord_bounds``). It falls as K gets smaller, down to a
single item, since the means of K lie among those of the sets that lack one item of it; so of the items without mass as
many are kept as there are, which change nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.erasure.aopc_limits import rounding_of
from attnprobe.erasure.chord_bounds import at_least
from attnprobe.erasure.contributions import Contributions, Readout
from attnprobe.erasure.kept_scores import KeptScores
from attnprobe.erasure.sized_sets import SizedSets


def largest_falls(
    contributions: Contributions, values: Tensor, readout: Readout, documents: Tensor, sizes: Tensor
) -> Tensor:
    """The largest fall of the decision's probability when so many items are erased, as an interval that holds it.

    Args:
        contributions: of a batch.
        values: what the weights average (batch, items, dim).
        readout: the affine rest of the model.
        documents: rows of the batch (documents,).
        sizes: how many items are erased, one at least and no more than there are (documents,).

    Returns:
        What a set attains, and what none passes (documents, 2), float64.
    """
    kept = KeptScores(contributions, "probability").of_documents(documents)
    off = rounding_of(kept, values[documents], readout)
    least, attained = _least(kept, kept.sizes - sizes)
    whole = kept.whole()
    return torch.stack([whole - attained - off, whole - least + off], -1)


def _least(kept: KeptScores, left: Tensor) -> tuple[Tensor, Tensor]:
    """No set of ``left`` items (documents,) has a smaller probability than the first, and one has the second."""
    with_mass = (kept.mass > 0).sum(-1)
    massless = kept.sizes - with_mass
    least = kept.when_empty()
    least = torch.where(left <= massless, least, torch.inf)
    attained = least.clone()
    size = (left - massless).clamp(min=1)
    some = torch.nonzero((left > 0) & (with_mass > 0))[:, 0]
    if len(some):
        forced = torch.where(kept.mass[some] > 0, 0.0, -torch.inf).double()
        sets = SizedSets(kept.mass[some], kept.terms[some], size[some], forced)
        bound, found = _of_sets(kept, sets)
        least[some], attained[some] = torch.minimum(least[some], bound), torch.minimum(attained[some], found)
    return least, attained


def _of_sets(kept: KeptScores, sets: SizedSets) -> tuple[Tensor, Tensor]:
    """The same of sets of a size that have mass."""
    if sets.leads.shape[1] == 1:
        found = sets.largest(-torch.ones_like(sets.leads[..., 0]))
        return kept.of_means(-found.bound[:, None]), kept.of_means(-found.mean[:, None])
    bound, families = at_least(sets)
    attained = torch.stack([kept.of_means(sets.means(members)) for members in families]).amin(0)
    return torch.minimum(bound, attained), attained
