"""What is done to one attention while a model runs: look at it, erase in it, or put our own result in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from attnprobe.erasure.edits import attended, spread
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning


class Tap:
    """Does nothing; the kinds below override what they need.

    Attributes:
        erased: set where renormalising without these weights is all that is asked for: a fused attention may then do it
            by its own mask.
        wants_values: whether :meth:`context` is to be asked.
        ignores_projections: whether weights and values are of no account, since :meth:`context` replaces what comes of
            them: the linear maps in the module before its attention are then not computed.
        row: set where one row a document (batch,) is all that is looked at: fused attention then computes no other.
        adds: whether :meth:`added` is to be asked, so that weights times values have to be seen.
    """

    erased: Tensor | None = None
    wants_values = False
    adds = False
    ignores_projections = False
    row: Tensor | None = None

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        """The weights (batch, heads, queries, keys) that the model goes on with; ``scores`` are their logarithms."""
        return weights

    def context(self, values: Tensor | None, product: Tensor | None) -> Tensor | None:
        """What the model goes on with in the place of weights times values; None leaves it.

        Args:
            values: (batch, heads, keys, dim), None where their layout is not known.
            product: weights times values as the model lays it out; None for a fused attention, which is not computed.
        """
        return None

    def added(self, values: Tensor) -> Tensor | None:
        """What is added to weights times values (batch, heads, queries, dim); None: nothing.

        Args:
            values: (batch, heads, keys, dim).
        """
        return None


class Capture(Tap):
    """Keeps the weights, as the very tensor that the model goes on with.

    Attributes:
        weights: (batch, heads, queries, keys), after the model has run.
        attends: True where a row may attend, of the same shape.
        scores: the weights' logarithms, up to a constant a row.
        differentiable: whether gradients with respect to the weights are wanted.
    """

    def __init__(self, *, differentiable: bool = False) -> None:
        self.differentiable = differentiable
        self.weights: Tensor | None = None
        self.attends: Tensor | None = None
        self.scores: Tensor | None = None

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        """See :meth:`Tap.edit`."""
        if self.differentiable and not weights.requires_grad:
            weights = weights.detach().requires_grad_()
        self.weights, self.scores = weights, None if scores is None else scores.detach()
        self.attends = attended(weights.detach(), self.scores)
        return weights


class CaptureValues(Capture):
    """Keeps the values too.

    Attributes:
        values: (batch, heads, keys, dim), after the model has run; None where their layout is not known.
    """

    wants_values = True

    def __init__(self, *, differentiable: bool = False) -> None:
        super().__init__(differentiable=differentiable)
        self.values: Tensor | None = None

    def context(self, values: Tensor | None, product: Tensor | None) -> Tensor | None:
        """See :meth:`Tap.context`."""
        self.values = values
        return None


class CaptureAndStop(CaptureValues):
    """Keeps weights and values, and then stops the model: what comes after is computed elsewhere.

    Args:
        row: the one row of each document that is looked at (batch,), where it is only one.
    """

    def __init__(self, row: Tensor | None = None) -> None:
        super().__init__()
        self.row = row

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        """See :meth:`Tap.edit`; of other rows nothing is kept."""
        if self.row is None or weights.shape[2] == 1:
            return super().edit(weights, scores)
        documents = torch.arange(len(weights), device=weights.device)
        of_row = (None if each is None else each[documents, :, self.row][:, :, None] for each in (weights, scores))
        kept, its_scores = of_row
        assert kept is not None
        super().edit(kept, its_scores)
        return weights

    def context(self, values: Tensor | None, product: Tensor | None) -> Tensor | None:
        """See :meth:`Tap.context`."""
        super().context(values, product)
        raise StopModel


class StopModel(Exception):  # noqa: N818 - not an error
    """Everything that was wanted of a model's run has been seen."""


StandIn = Tensor | Callable[[Tensor, Tensor], Tensor]
"""Vectors (batch, heads, queries, dim), or what broadcasts to it, that take the mass which rows of attention lose.

Or what makes them of values (batch, heads, keys, dim), and of where each row may attend (batch, heads, queries, keys).
"""


class Erase(Tap):
    """Erases weights in rows of attention, and has something take the mass that the rows lose.

    Args:
        erased: True where a weight is erased, broadcast against (batch, heads, queries, keys).
        meaning: what is meant by that; to renormalise, which a fused attention can do by its mask.
        stand_in: what takes the mass, where it is no weight; None: nothing does.
    """

    def __init__(self, erased: Tensor, meaning: Meaning = BY_DEFAULT, stand_in: StandIn | None = None) -> None:
        self._where, self._meaning, self._stand_in = erased, meaning, stand_in
        self.erased = erased if meaning.renormalises else None
        self.adds = stand_in is not None
        self._mass: Tensor | None = None
        self._attends: Tensor | None = None

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        """See :meth:`Tap.edit`."""
        left = self._meaning.edit(weights, self._where, scores)
        if not self.adds and not self._meaning.spreads_evenly:
            return left
        self._mass = (weights - left).sum(-1, keepdim=True)
        if callable(self._stand_in) or self._meaning.spreads_evenly:
            self._attends = attended(weights.detach(), None if scores is None else scores.detach())
        return left if self.adds else spread(left, self._mass, _known(self._attends))

    def added(self, values: Tensor) -> Tensor | None:
        """See :meth:`Tap.added`."""
        if self._stand_in is None:
            return None
        made = self._stand_in(values, _known(self._attends)) if callable(self._stand_in) else self._stand_in
        return _known(self._mass) * made.to(_known(self._mass).dtype)


class SideBySide(Tap):
    """Taps of consecutive rows of a batch, each of its own ones.

    Args:
        parts: how many rows, and their tap.
    """

    def __init__(self, parts: Sequence[tuple[int, Tap]]) -> None:
        self._sizes, self._taps = [rows for rows, _ in parts], [tap for _, tap in parts]
        self.adds = any(tap.adds for tap in self._taps)

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        """See :meth:`Tap.edit`."""
        of = [None] * len(self._taps) if scores is None else torch.split(scores, self._sizes)
        parts = zip(self._taps, torch.split(weights, self._sizes), of, strict=True)
        return torch.cat([tap.edit(its_weights, its_scores) for tap, its_weights, its_scores in parts])

    def added(self, values: Tensor) -> Tensor | None:
        """See :meth:`Tap.added`; zero in rows to which nothing is added."""
        made = [tap.added(part) for tap, part in zip(self._taps, torch.split(values, self._sizes), strict=True)]
        of_any = next((part for part in made if part is not None), None)
        if of_any is None:
            return None
        zeros = (of_any.new_zeros(rows, *of_any.shape[1:]) for rows in self._sizes)
        return torch.cat([zero if part is None else part for part, zero in zip(made, zeros, strict=True)])


def _known(tensor: Tensor | None) -> Tensor:
    assert tensor is not None, "weights come before what they weigh"
    return tensor


class Use(Tap):
    """Puts given weights (batch, heads, queries, keys) in the place of the model's."""

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        """See :meth:`Tap.edit`."""
        return self.weights


class UseContext(Tap):
    """Puts given contexts (batch, heads, queries, dim) in the place of weights times values."""

    wants_values = True
    ignores_projections = True

    def __init__(self, contexts: Tensor) -> None:
        self.contexts = contexts

    def context(self, values: Tensor | None, product: Tensor | None) -> Tensor | None:
        """See :meth:`Tap.context`."""
        if product is None:
            return self.contexts
        if product.numel() != self.contexts.numel():
            raise StopModel
        return self.contexts.reshape(product.shape).to(product.dtype)


def fused_mask(mask: Tensor | None, causal: bool, erased: Tensor, queries: int, keys: int) -> Tensor | None:
    """The Boolean mask of a fused attention with some keys erased, True where attended; None where it cannot say it.

    Args:
        mask: the model's own, Boolean or none at all; one of numbers may hold a bias.
        causal: whether the attention is causal beside it.
        erased: True where a weight is set to zero, broadcast against (batch, heads, queries, keys).
        queries: how many there are.
        keys: how many there are.
    """
    if mask is not None and mask.dtype != torch.bool:
        return None
    allowed = ~erased
    if mask is not None:
        allowed = allowed & mask
    if causal:
        allowed = allowed & torch.ones(queries, keys, dtype=torch.bool, device=erased.device).tril()
    return allowed
