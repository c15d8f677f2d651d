"""How large the sum over a chain of sets can be, where the score rises with one weighted mean: bounds, and a chain.

The best set of each size alone (``largest_means``) gives a bound, which a chain attains where these sets are *nested*,
each in the next. Mostly they are, but for a few places: an item is in the set of one size and not in the next. The
sizes between which it comes and returns are a *block*, in which nested sets are searched (``nested_blocks``). Outside
of its blocks the bound of a document is that of its sizes one by one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.erasure.largest_means import Rows, largest_means
from attnprobe.erasure.nested_blocks import nested_in_blocks
from attnprobe.erasure.removals import Removals

_MOST_EXTENSIONS = 8
"""Of blocks to sizes beside them."""

_MOST_NUMBERS = 1 << 17
"""What programs that are solved together may hold: 1 MB."""

_CLOSE = 1e-10
"""A difference between sums that is not pursued, relative to the largest value or to 1."""


def best_chains(removals: Removals) -> tuple[Tensor, Tensor]:
    """No chain's sum is above the first, and one has the second (documents,); terms have one mean."""
    reach, members = _best_sets(removals)
    bounds = torch.cat([removals.when_empty()[:, None], removals.value(removals.sign * reach[..., None], -1)], -1)
    upper, attained = removals.total(bounds), _attained(removals, members)
    close = _CLOSE * bounds.abs().amax(-1).clamp(min=1)
    sizes = removals.with_mass + removals.without_mass
    single, joined = upper, _joined(members)
    for _ in range(_MOST_EXTENSIONS):
        divided = torch.nonzero((upper - attained > close * sizes) & joined.any(-1))[:, 0]
        if not len(divided):
            break
        some = removals.some(divided)
        gain, nested = nested_in_blocks(some, reach[divided], members[divided], joined[divided], close[divided])
        upper = upper.index_put((divided,), torch.minimum(upper[divided], single[divided] - gain))
        attained[divided] = torch.maximum(attained[divided], _attained(some, nested))
        # Sets that are nested in their block may not be so beyond it: then the block is larger.
        wider = joined[divided] | _joined(nested)
        extended = (wider != joined[divided]).any(-1)
        joined = torch.zeros_like(joined).index_put_((divided[extended],), wider[extended])
    return upper, attained


def _attained(removals: Removals, members: Tensor) -> Tensor:
    """The sum of the chain that sets (documents, sizes, items) are, or nearly are."""
    chain = removals.exchanged(removals.chain_of(members))
    return removals.total(removals.along(chain))


def _best_sets(removals: Removals) -> tuple[Tensor, Tensor]:
    """By size, from 1 on: bounds on the mean (documents, items) and the best sets (documents, sizes, items)."""
    mass, terms = removals.mass, removals.sign * removals.terms[:, 0]
    documents, items = mass.shape
    forced = torch.where(mass == 0, -torch.inf, 0.0)
    start = (mass * terms).sum(-1) / mass.sum(-1).masked_fill(mass.sum(-1) == 0, 1.0)
    sizes = torch.arange(1, items + 1, device=mass.device)
    document, size = torch.nonzero(sizes <= removals.with_mass[:, None], as_tuple=True)
    reach = mass.new_zeros(documents, items)
    members = (mass > 0)[:, None].repeat(1, items, 1)
    step = max(1, _MOST_NUMBERS // max(1, items))
    for first in range(0, len(document), step):
        row, place = document[first : first + step], size[first : first + step]
        found = largest_means(Rows(mass[row], terms[row], place + 1, forced[row]), start[row])
        reach[row, place] = found.bound
        members[row, place] = found.members
    return reach, members


def _joined(members: Tensor) -> Tensor:
    """Whether each size is in a block with the next one (documents, sizes), by what is not nested between sets."""
    document, last, item = torch.nonzero(members[:, :-1] & ~members[:, 1:], as_tuple=True)
    held = members[document, :, item]
    size = torch.arange(members.shape[1], device=members.device)
    comes = torch.where(~held & (size < last[:, None]), size, -1).amax(-1) + 1
    returns = torch.where(held & (size > last[:, None]), size, len(size)).amin(-1)
    ends = torch.zeros(len(members), len(size), dtype=torch.int64, device=members.device)
    ends.index_put_((document, comes), torch.ones_like(comes), accumulate=True)
    ends.index_put_((document, returns - 1), -torch.ones_like(comes), accumulate=True)
    return ends.cumsum(1) > 0
