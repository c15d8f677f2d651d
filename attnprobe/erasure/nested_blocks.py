"""The best nested sets of some neighbouring sizes, by branch and bound.

Where the best sets of a *block* of sizes are not nested, an item is in the set of one size and not in the next. In a
chain it is either in at that size, and then in every larger set, or not yet, and then in no smaller one. In each of the
two cases the best sets of each size are found again, with the item forced in or out, and the sum of their bounds is
smaller. The case with the largest sum is divided on, until it is one of nested sets: no chain has more in this block.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from attnprobe.erasure.largest_means import Rows, largest_means
from attnprobe.erasure.removals import Removals

_MOST_ROUNDS = 512
"""Of dividing the best case of each block in two; mostly one is enough."""

_MOST_NUMBERS = 1 << 22
"""What the open cases of all blocks may hold; beyond that they stay open."""


@dataclass(frozen=True)
class _Cases:
    """Cases in which some items are forced in or out of the sets of some sizes.

    Attributes:
        block: the number of the block (cases,).
        document: (cases,).
        sizes: of the sets, 0 behind the block's (cases, layers).
        reach: bounds on the mean (cases, layers).
        members, inside, outside: the best sets found, and what is forced (cases, layers, items).
    """

    block: Tensor
    document: Tensor
    sizes: Tensor
    reach: Tensor
    members: Tensor
    inside: Tensor
    outside: Tensor

    def of(self, which: Tensor) -> _Cases:
        return _Cases(*(getattr(self, field.name)[which] for field in fields(self)))

    def with_those_of(self, others: _Cases) -> _Cases:
        parts = ((getattr(self, field.name), getattr(others, field.name)) for field in fields(self))
        return _Cases(*(torch.cat(pair) for pair in parts))


def nested_in_blocks(
    removals: Removals, reach: Tensor, members: Tensor, joined: Tensor, close: Tensor
) -> tuple[Tensor, Tensor]:
    """By how much the bound on a sum over chains sinks when the sets of each block must be nested.

    Args:
        removals: documents, whose terms have one mean.
        reach: by size, from 1 on, bounds on the mean (documents, sizes).
        members: the best set of each size (documents, sizes, items).
        joined: whether each size is in a block with the next one (documents, sizes).
        close: sums that differ by less are as good as equal (documents,).

    Returns:
        What is taken off (documents,), and ``members`` with nested sets in every block where they were found.
    """
    cases = _whole_blocks(removals, reach, members, joined)
    members = members.clone()
    document, close = cases.document, close[cases.document]
    sums, dropped = _sums(removals, cases), _first_dropped(cases)
    before = bound = sums
    for _ in range(_MOST_ROUNDS):
        number = torch.arange(len(sums), device=sums.device)
        largest = torch.full_like(before, -torch.inf).scatter_reduce(0, cases.block, sums, "amax")
        bound = torch.where(largest > -torch.inf, torch.minimum(largest, bound), bound)  # of blocks that are not done
        nested = (dropped[:, 0] < 0) & (sums >= bound[cases.block] - close[cases.block])
        done = _one_a_block(cases.block[nested], number[nested], len(before))
        _put(members, cases.of(done))
        waiting = torch.ones_like(before, dtype=torch.bool).index_fill(0, cases.block[done], False)
        waiting = waiting[cases.block]
        best = waiting & (sums == largest[cases.block])
        chosen = _one_a_block(cases.block[best], number[best], len(before))
        if not len(chosen) or cases.members.numel() > _MOST_NUMBERS:
            break
        rest = waiting.index_fill(0, chosen, False)
        divided = _divided(removals, cases.of(chosen), dropped[chosen])
        cases = cases.of(rest).with_those_of(divided)
        sums = torch.cat([sums[rest], _sums(removals, divided)])
        dropped = torch.cat([dropped[rest], _first_dropped(divided)])
    gain = torch.zeros_like(reach[:, 0]).index_add_(0, document, (before - bound).clamp(min=0))
    return gain, members


def _whole_blocks(removals: Removals, reach: Tensor, members: Tensor, joined: Tensor) -> _Cases:
    """One case a block, in which nothing is forced."""
    before = torch.nn.functional.pad(joined[:, :-1], (1, 0))
    document, first = torch.nonzero(joined & ~before, as_tuple=True)
    last = torch.nonzero(before & ~joined, as_tuple=True)[1]
    layers = first[:, None] + torch.arange(int((last - first).max()) + 1, device=first.device)
    inner = layers <= last[:, None]
    layers = layers.clamp(max=members.shape[1] - 1)
    of_layers = members[document[:, None], layers]
    none = torch.zeros_like(of_layers)
    without_mass = (removals.mass == 0)[document, None]
    return _Cases(
        torch.arange(len(document), device=first.device),
        document,
        torch.where(inner, layers + 1, 0),
        reach[document[:, None], layers],
        of_layers,
        none,
        none | without_mass,
    )


def _sums(removals: Removals, cases: _Cases) -> Tensor:
    """The sum of the bounds of each case (cases,)."""
    values = removals.value(removals.sign * cases.reach[..., None], -1)
    return values.masked_fill(cases.sizes == 0, 0.0).sum(-1)


def _first_dropped(cases: _Cases) -> Tensor:
    """The first layer and item (cases, 2) of which the item is not in the next layer; −1 where sets are nested."""
    dropped = cases.members[:, :-1] & ~cases.members[:, 1:] & (cases.sizes[:, 1:, None] > 0)
    flat = dropped.flatten(1)
    where, items = flat.int().argmax(-1), cases.members.shape[-1]
    found = torch.stack([torch.div(where, items, rounding_mode="floor"), where % items], -1)
    return found.masked_fill(~flat.any(-1, keepdim=True), -1)


def _one_a_block(block: Tensor, number: Tensor, blocks: int) -> Tensor:
    """Of the numbers of cases the smallest of each block that has one."""
    beyond = torch.iinfo(torch.int64).max
    smallest = torch.full((blocks,), beyond, device=block.device).scatter_reduce_(0, block, number, "amin")
    return smallest[smallest < beyond]


def _put(members: Tensor, cases: _Cases) -> None:
    """Put the sets of cases in the place of those of their documents and sizes."""
    case, layer = torch.nonzero(cases.sizes > 0, as_tuple=True)
    members[cases.document[case], cases.sizes[case, layer] - 1] = cases.members[case, layer]


def _divided(removals: Removals, cases: _Cases, dropped: Tensor) -> _Cases:
    """Each case as two: the dropped item in from its layer on, or out up to it; without those that no chain fits."""
    half = len(cases.block)
    cases, dropped = cases.with_those_of(cases), dropped.repeat(2, 1)
    out = (torch.arange(2 * half, device=dropped.device) >= half)[:, None]
    layers = torch.arange(cases.sizes.shape[1], device=dropped.device)
    # Of items that are alike a chain may take the earlier one first.
    item = dropped[:, 1, None]
    mass, terms = removals.mass[cases.document], removals.terms[cases.document, 0]
    alike = (mass == mass.gather(1, item)) & (terms == terms.gather(1, item))
    place = torch.arange(mass.shape[1], device=item.device)
    item = alike & torch.where(out, place >= item, place <= item)
    forced = torch.where(out, layers <= dropped[:, :1], layers >= dropped[:, :1])[..., None] & item[:, None]
    inside = cases.inside | (forced & ~out[..., None])
    outside = cases.outside | (forced & out[..., None])
    sizes = cases.sizes
    fits = (inside.sum(-1) <= sizes) & ((~outside).sum(-1) >= sizes) & ~(inside & outside).any(-1)
    possible = (fits | (sizes == 0)).all(-1)
    cases = _Cases(cases.block, cases.document, sizes, cases.reach, cases.members, inside, outside).of(possible)
    # Sets that are still allowed are as good as before.
    against = (cases.inside & ~cases.members) | (cases.outside & cases.members)
    case, layer = torch.nonzero(against.any(-1) & (cases.sizes > 0), as_tuple=True)
    document = cases.document[case]
    rows = Rows(
        removals.mass[document],
        removals.sign * removals.terms[document, 0],
        cases.sizes[case, layer],
        torch.where(cases.outside[case, layer], -torch.inf, 0.0).masked_fill_(cases.inside[case, layer], torch.inf),
    )
    found = largest_means(rows, cases.reach[case, layer])
    cases.reach[case, layer] = torch.minimum(cases.reach[case, layer], found.bound)
    cases.members[case, layer] = found.members
    return cases
