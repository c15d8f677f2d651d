"""How large the sum over a chain of sets can be, with several rivals: bounds, and a chain.

No chain's sum is above the sum of the bounds of its sizes (``tangent_bounds`` where the probability is to be large,
``chord_bounds`` where it is to be small). The chain is the best of several: those of the sets that the bounds come
with, by the number of sizes that an item is in, and one that grows by the best item each time.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.erasure.chord_bounds import at_least
from attnprobe.erasure.removals import Removals
from attnprobe.erasure.sized_sets import SizedSets
from attnprobe.erasure.tangent_bounds import at_most

_MOST_NUMBERS = 1 << 17
"""What programs that are solved together may hold: 1 MB."""


def bounded_chains(removals: Removals) -> tuple[Tensor, Tensor]:
    """No chain's sum is above the first, and one has the second (documents,); terms have several means."""
    bounds, families = _of_each_size(removals)
    chains = [removals.grown(), *(removals.chain_of(family) for family in families)]
    totals = torch.stack([removals.total(removals.along(removals.exchanged(chain))) for chain in chains])
    return removals.total(torch.cat([removals.when_empty()[:, None], bounds], -1)), totals.amax(0)


def _of_each_size(removals: Removals) -> tuple[Tensor, Tensor]:
    """By size, from 1 on: bounds (documents, sizes) and good sets (families, documents, sizes, items)."""
    mass, leads = removals.mass, removals.terms
    documents, items = mass.shape
    forced = torch.where(mass == 0, -torch.inf, 0.0)
    sizes = torch.arange(1, items + 1, device=mass.device)
    document, size = torch.nonzero(sizes <= removals.with_mass[:, None], as_tuple=True)
    bounds = mass.new_zeros(documents, items)
    families = (mass > 0)[:, None].repeat(1 if removals.sign > 0 else 1 + leads.shape[1], 1, items, 1)
    families = families.reshape(-1, documents, items, items)
    step = max(1, _MOST_NUMBERS // max(1, items))
    for first in range(0, len(document), step):
        row, place = document[first : first + step], size[first : first + step]
        sets = SizedSets(mass[row], leads[row], place + 1, forced[row])
        bound, found = at_most(sets) if removals.sign > 0 else at_least(sets)
        bounds[row, place] = removals.sign * bound
        families[:, row, place] = found
    alone = removals.value(leads).masked_fill(mass == 0, -torch.inf).amax(-1)
    bounds[:, 0] = torch.minimum(bounds[:, 0], alone)
    return bounds, families
