"""Several ways of erasing in one row a document, side by side: what erasures leave is summed once for all of them.

Which weights are erased, and what the others give, has nothing to do with what takes their place: a table of sums is
made of each ordering, and each way or draw of what stands in makes its contexts of the entries that it asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from attnprobe.engines.items import Items
from attnprobe.engines.known_flips import KnownFlips
from attnprobe.engines.protocol import gather_effects
from attnprobe.engines.single_row import SingleRow, renormalised, replaced
from attnprobe.engines.ways_together import SideBySideErasures
from attnprobe.erasure.erasable import SingleEffects

_SUMS = 1 << 22
"""Numbers of the tables of sums that are held at once: 32 MB in float64."""


class RowsTogether(SideBySideErasures):
    """Ways of which the row that the decision is read from has closed forms.

    Args:
        engines: of the same batch, all of which erase in closed form and decide alike.
    """

    def __init__(self, engines: Sequence[SingleRow]) -> None:
        super().__init__(engines)
        self._engines = list(engines)
        self._one = first = engines[0]
        self._whole_mass = first.weights.sum(-1, keepdim=True)
        zeros = self._whole_mass.new_zeros(*first.values.shape[:2], first.values.shape[-1])
        vectors = [each.stand_in if each.meaning.has_stand_in else zeros for each in engines]
        self._stand_ins = torch.stack(vectors).flatten(0, 1)
        self._renormalise = torch.tensor([each.meaning.renormalises for each in engines], device=zeros.device)
        self._heads = first.chosen.heads.to(zeros.device)

    @torch.no_grad()
    def evaluate(self, documents: Tensor, erased: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """See :meth:`SetErasures.evaluate`; of any sets of tokens, way after way."""
        logits = self.logits.new_empty(len(documents), self.logits.shape[-1])
        for way, engine in enumerate(self._engines):
            of_way = (documents // self.batch == way).nonzero().flatten()
            for part, found in engine.evaluate(documents[of_way] % self.batch, erased[of_way]):
                logits[of_way[part]] = found
        yield slice(0, len(documents)), logits

    @torch.no_grad()
    def single_effects(self, items: Items) -> SingleEffects:
        """See :meth:`SetErasures.single_effects`."""
        left = self._one.left_by_single_items(self._of_batch(items)).flatten(0, 1)
        documents, item = items.mask.nonzero(as_tuple=True)
        return gather_effects(
            self, items, documents, item, self._behind(left, self._place(documents, item, items), documents)
        )

    def _of_batch(self, items: Items) -> Items:
        """The items of the batch's documents, of which there are as many copies as ways."""
        if self._known_items is None or self._known_items[0] is not items:
            parts = (each[: self.batch] for each in (items.of_token, items.mask, items.sizes))
            self._known_items = items, Items(*parts)
        return self._known_items[1]

    _known_items: tuple[Items, Items] | None = None

    def _place(self, documents: Tensor, item: Tensor, items: Items) -> Tensor:
        """Where the sums of documents and items (or lengths less one) stand in a table (batch · items, …)."""
        return documents % self.batch * items.mask.shape[1] + item

    def _first(
        self,
        order: Tensor,
        documents: Tensor,
        items: Items,
        flips: Callable[[Tensor, Tensor], Tensor],
        known: KnownFlips,
    ) -> Tensor:
        """See :meth:`SetErasures._first`; of as many orderings together as there is room for their tables of sums."""
        different, of = torch.unique(order.flatten(1), dim=0, return_inverse=True)
        room = max(1, _SUMS // max(1, order[0].numel() * self._stand_ins[0].numel()))
        count = order.new_empty(*order.shape[:2], known.things)
        for start in range(0, len(different), room):
            here = ((of >= start) & (of < start + room)).nonzero().flatten()
            count[here] = super()._first(order[here], documents[here], items, flips, known)
        return count

    def _without_first(
        self, order: Tensor, documents: Tensor, items: Items
    ) -> Callable[[Tensor, Tensor], Iterator[tuple[slice, Tensor]]]:
        """See :meth:`SetErasures._without_first`; all documents of a way come one after another."""
        size = self.batch * order.shape[1]
        orders, of = torch.unique(order.reshape(-1, size), dim=0, return_inverse=True)
        one = self._of_batch(items)
        tables = torch.stack([self._one.left_by_prefixes(each.view(self.batch, -1), one) for each in orders])
        left, of = tables.flatten(0, 2), of.repeat_interleave(self.batch) * size

        def evaluated(rows: Tensor, lengths: Tensor) -> Iterator[tuple[slice, Tensor]]:
            return self._behind(left, of[rows] + self._place(documents[rows], lengths - 1, items), documents[rows])

        return evaluated

    def _behind(self, left: Tensor, places: Tensor, documents: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Logits that follow from what erasures leave (sums, heads, dim + 1), at places (rows,) of it.

        Documents (rows,) are of this batch, and say what takes the place of what is erased.
        """

        def compute(part: slice) -> Tensor:
            of, rows, remaining = documents[part], documents[part] % self.batch, left[places[part]]
            mass = self._whole_mass[rows]
            given = replaced(remaining, mass, self._stand_ins[of])
            renormalise = self._renormalise[of // self.batch]
            if bool(renormalise.any()):
                given = torch.where(renormalise[:, None, None], renormalised(remaining, mass), given)
            contexts = given.to(self._one.values.dtype)
            if not bool(self._heads.all()):
                contexts = torch.where(self._heads[:, None], contexts, self._one.whole_contexts()[rows])
            return self._one.behind(rows, contexts)

        yield from self._micro_batches.run(len(documents), compute)
