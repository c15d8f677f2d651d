"""How a model lays its attention weights out, and the one layout (batch, heads, queries, keys) that we see them in."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """The axes of a tensor of attention weights.

    Attributes:
        softmax: the axis that the softmax runs over: the keys.
        query: the axis of the queries; None for a pooling attention with a single query.
        batch: the axis of the documents; where documents and heads share one axis, documents vary slowest.
        heads: all heads together.
    """

    softmax: int
    query: int | None
    batch: int
    heads: int

    @classmethod
    def recognise(cls, shape: tuple[int, ...], softmax: int, batch: int, queries: tuple[int, ...]) -> Layout | None:
        """The layout of weights of this shape, or None where it is not one of documents × heads × queries × keys.

        Args:
            shape: of the weights.
            softmax: the axis of the softmax.
            batch: how many documents there are.
            queries: the lengths that the axis of the queries may have.
        """
        softmax %= len(shape)
        others = [axis for axis in range(len(shape)) if axis != softmax]
        # The queries come last: a tensor whose batch is as long as its documents are is read like any other.
        query = next((axis for axis in reversed(others[1:]) if shape[axis] in queries), None)
        rest = [axis for axis in others if axis != query]
        if query is None and (len(shape) > 2 or shape[others[0]] != batch):
            return None
        whole = next((axis for axis in rest if shape[axis] == batch), None)
        if whole is not None:
            return cls(softmax, query, whole, math.prod(shape[axis] for axis in rest if axis != whole))
        if len(rest) == 1 and shape[rest[0]] % batch == 0:
            return cls(softmax, query, rest[0], shape[rest[0]] // batch)
        return None

    @property
    def in_front(self) -> bool:
        """Whether documents, then heads, come before queries and keys."""
        return self.batch == 0 and self.query is not None and self.batch < self.query < self.softmax

    def _order(self, dimensions: int) -> list[int]:
        others = [axis for axis in range(dimensions) if axis not in (self.batch, self.query, self.softmax)]
        queries = [] if self.query is None else [self.query]
        return [self.batch, *others, *queries, self.softmax]

    def view(self, weights: Tensor) -> Tensor:
        """The weights as (batch, heads, queries, keys)."""
        ordered = weights.permute(self._order(weights.dim()))
        queries = 1 if self.query is None else weights.shape[self.query]
        return ordered.reshape(-1, self.heads, queries, weights.shape[self.softmax])

    def restore(self, view: Tensor, like: Tensor) -> Tensor:
        """The inverse of :meth:`view`: laid out, shaped and typed as ``like`` (the keys' axis may differ)."""
        order = self._order(like.dim())
        shape = [like.shape[axis] for axis in order[:-1]] + [view.shape[-1]]
        inverse = sorted(range(len(order)), key=order.__getitem__)
        return view.reshape(shape).permute(inverse).to(like.dtype)
