"""What is measured of a batch that is erased in otherwise than the run means it first.

Orders are those of the first way: the same explanations are judged, by what else could be meant by erased. Of a way
with several draws of what stands in, each row of an ordering is of one draw, and each draw has as many rows: an
ordering with another number of draws goes through its own, or the others, again. Single erasures are measured draw by
draw and averaged, as those of random orders are. What hangs on the way is measured, and no more: no curves, limits or
guarantees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.base.errors import InputError
from attnprobe.erasure.erasable import Erasable, Erasures, OtherErasures, SingleEffects, StandIn
from attnprobe.erasure.measurements import measured_otherwise
from attnprobe.erasure.orderings import completed
from attnprobe.erasure.registered_orderings import Ordering, Role, smallest_among


class OfOtherWays(NamedTuple):
    """What the tests gave.

    Attributes:
        documents: column name, with the way's behind it, → (batch,).
        items: the same (batch, items).
        erasures: way → (ordering, draw) → the columns of :meth:`Erasures.first_flips`, each (batch,).
    """

    documents: dict[str, Tensor]
    items: dict[str, Tensor]
    erasures: dict[str, dict[tuple[str, int], dict[str, Tensor]]]


class OneByOne:
    """Ways of erasing and draws of which each is a batch of its own.

    Args:
        batches: by what stands in, the same documents erased in so.
    """

    def __init__(self, batches: Mapping[StandIn, Erasures]) -> None:
        self.stand_ins = list(batches)
        self._batches = list(batches.values())

    def first_flips(self, order: Tensor, pairs: Sequence[tuple[int, int]]) -> dict[str, Tensor]:
        """See :meth:`OtherErasures.first_flips`; of one batch after the other."""
        rows: dict[int, dict[str, Tensor]] = {}
        for number, batch in enumerate(self._batches):
            of_batch = [place for place, (_, stand_in) in enumerate(pairs) if stand_in == number]
            if of_batch:
                table = batch.first_flips(order[[pairs[place][0] for place in of_batch]])
                for row, place in enumerate(of_batch):
                    rows[place] = {name: column[row] for name, column in table.items()}
        return {name: torch.stack([rows[place][name] for place in sorted(rows)]) for name in (rows[0] if rows else ())}

    def single_effects(self) -> SingleEffects:
        """See :meth:`OtherErasures.single_effects`."""
        effects = [batch.single_effects()[:4] for batch in self._batches]  # targets are followed in the first way alone
        return SingleEffects(*map(torch.stack, zip(*effects, strict=True)))

    def smallest_sets(self) -> dict[str, Tensor] | None:
        """See :meth:`OtherErasures.smallest_sets`."""
        found = []
        for batch in self._batches:
            smallest = batch.smallest_set()
            if smallest is None:
                return None
            found.append(batch.first_flips(completed(smallest[None], batch.attention.mask)))
        return {name: torch.cat([table[name] for table in found]) for name in found[0]}


class _Alone(Erasable):
    """A batch, of which single erasures are those of another way, and of one draw.

    Args:
        batch: as the run means it first.
        effects: of single erasures.
    """

    def __init__(self, batch: Erasable, effects: SingleEffects) -> None:
        super().__init__(batch.erasures, batch.documents)
        self._effects = effects

    def single_effects(self) -> SingleEffects:
        """What erasing each item alone does."""
        return self._effects


def erased_otherwise(batch: Erasable, orders: Mapping[str, Tensor], orderings: Mapping[str, Ordering]) -> OfOtherWays:
    """Everything that is measured of a batch in the further ways that it is ready for.

    Args:
        batch: of documents.
        orders: what each ordering makes of it (draws, batch, items).
        orderings: the same orderings themselves, perhaps among others.

    Raises:
        InputError: an ordering bears a name with which columns of a way would be taken for its own.
    """
    found = OfOtherWays({}, {}, {})
    for other in batch.otherwise():
        numbers: dict[str, list[int]] = {}
        for number, stand_in in enumerate(other.stand_ins):
            numbers.setdefault(stand_in.erase_by, []).append(number)
        _check_names(orders, numbers)
        effects = other.single_effects()
        for way, of_way in numbers.items():
            single = [SingleEffects(*(part[number] for part in effects[:4])) for number in of_way]
            columns = [measured_otherwise(_Alone(batch, each), orders, orderings) for each in single]
            found.documents.update({f"{name}_{way}": _mean([each[name] for each in columns]) for name in columns[0]})
            found.items[f"js_{way}"] = _mean([each.js for each in single])
            found.items[f"flips_{way}"] = _mean([each.flips for each in single])
        found.erasures.update(_first_flips(other, numbers, orders, orderings))
    return found


def _mean(draws: Sequence[Tensor]) -> Tensor:
    """The mean over draws; of a single one what it is."""
    return draws[0] if len(draws) == 1 else torch.stack(list(draws)).double().mean(0)


def _first_flips(
    other: OtherErasures,
    numbers: Mapping[str, Sequence[int]],
    orders: Mapping[str, Tensor],
    orderings: Mapping[str, Ordering],
) -> dict[str, dict[tuple[str, int], dict[str, Tensor]]]:
    """By way, ordering and draw where decisions flip; of references, which are made of that, only the smallest sets."""
    judged = {name: order for name, order in orders.items() if orderings[name].role != Role.REFERENCE}
    keys, pairs, first = list[tuple[str, str, int]](), list[tuple[int, int]](), 0
    for name, order in judged.items():
        for way, of_way in numbers.items():
            for draw in range(len(of_way) * -(-len(order) // len(of_way))):
                keys.append((way, name, draw))
                pairs.append((first + draw % len(order), of_way[draw % len(of_way)]))
        first += len(order)
    table = other.first_flips(torch.cat(list(judged.values())), pairs)
    found: dict[str, dict[tuple[str, int], dict[str, Tensor]]] = {way: {} for way in numbers}
    for row, (way, name, draw) in enumerate(keys):
        found[way][name, draw] = {column: values[row] for column, values in table.items()}
    name_of_smallest = smallest_among(orderings)
    smallest = None if name_of_smallest is None else other.smallest_sets()
    if name_of_smallest is not None and smallest is not None:
        for way, of_way in numbers.items():
            for draw, number in enumerate(of_way):
                found[way][name_of_smallest, draw] = {column: values[number] for column, values in smallest.items()}
    return found


def _check_names(orders: Mapping[str, Tensor], ways: Mapping[str, Sequence[int]]) -> None:
    for name in orders:
        for way in ways:
            if name == way or name.endswith(f"_{way}"):
                raise InputError(
                    f"The ordering {name} ends with the name of the way of erasing {way}, so that columns of the two "
                    "could not be told apart: call it otherwise, or leave out that way."
                )
