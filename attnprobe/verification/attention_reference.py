"""The slow reference of transformers: weights are edited by hand while the whole model runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from attnprobe.attention.calls import intercepting
from attnprobe.attention.input_axes import rows_of
from attnprobe.attention.model_call import READ_AT, Inputs, ModelCall
from attnprobe.attention.selection import ALL, AT, CONTINUED, FIRST, LAST, Selected
from attnprobe.attention.taps import Tap
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.settings.attention import MAX
from attnprobe.verification.reference import COPIES, TIED, Reference

TOKENS = 2_048
"""Of all copies that go side by side: their weights in a layer are at most some hundred megabytes."""


class _Layer(NamedTuple):
    """Weights of the selected heads and rows, and gradients with respect to them (heads, rows, keys)."""

    weights: Tensor
    gradients: Tensor


StandingIn = Callable[[int, Tensor, Tensor], Tensor]
"""What takes the mass that rows lose: vectors (heads, rows, dim), or what broadcasts to it.

Of a selected layer's number, its values (heads, keys, dim) and what rows see (heads, rows, keys).
"""


class AttentionReference(Reference):
    """One document.

    Args:
        call: the model.
        selected: what of its attention is erased.
        aggregate: how heads, layers and rows become one number an item, ``mean`` or ``max``.
        inputs: the document alone, as the model takes it.
        item_of_token: (tokens,); −1 where a token is in no item.
        meaning: what is meant by erased, and by decided.
        stand_in: what takes the mass that rows lose, where something does.
    """

    def __init__(
        self,
        call: ModelCall,
        selected: list[Selected],
        aggregate: str,
        inputs: Inputs,
        item_of_token: Tensor,
        meaning: Meaning = BY_DEFAULT,
        stand_in: StandingIn | None = None,
    ) -> None:
        super().__init__(meaning)
        self._stand_in = stand_in
        self._call, self._selected, self._largest = call, selected, aggregate == MAX
        self._inputs, self._item_of_token = inputs, item_of_token
        for parameter in self._call.model.parameters():
            parameter.requires_grad_(False)
        self.decision = self.decided(self._edited([frozenset()])[0][0].detach())
        layers = self._differentiated(frozenset())
        weights = self._of_items([layer.weights for layer in layers])
        total = weights.sum()
        self.weights = weights / torch.where(total == 0, 1.0, total)
        tokens = self._sums(torch.ones_like(item_of_token, dtype=torch.float64))
        self.gradients = self._of_items([layer.gradients for layer in layers]) / tokens
        self.products = self._of_items([layer.gradients * layer.weights for layer in layers])

    @torch.no_grad()
    def _run(self, erased: frozenset[int]) -> Tensor:
        return self._edited([erased])[0][0]

    @torch.no_grad()
    def _run_copies(self, erased: Sequence[frozenset[int]]) -> Tensor:
        """See :meth:`Reference._run_copies`."""
        return self._edited(erased)[0]

    @property
    def _side_by_side(self) -> int:
        """So many that their tokens are at most ``TOKENS``, and one of a longer document."""
        return max(1, min(COPIES, TOKENS // len(self._item_of_token)))

    @torch.no_grad()
    def nothing_is_left(self, erased: Iterable[int]) -> bool:
        """Whether no selected row has weight on anything else."""
        for tap in self._edited([frozenset(erased)])[1]:
            rows = rows_of_document(tap.chosen, tap.kept.shape[2], self._inputs)
            if bool(tap.kept[0, tap.chosen.heads.to(tap.kept.device)][:, rows].any()):
                return False
        return True

    def smallest_sets(self, count: int) -> list[list[int]]:
        """Not known of such models."""
        raise NotImplementedError

    @property
    def gradient_rounding(self) -> float:
        """Gradients that differ by less than this are equal in float32; more are, the nearer p_y is to one."""
        return super().gradient_rounding * self._lost(frozenset())

    def next_greedily(self, erased: list[int]) -> tuple[int, bool]:
        """The item with which the decision's probability falls fastest, by its gradient at what is left.

        Erasing key i a little, the row's sum kept, changes it at the rate −aᵢ (gᵢ − Σ aⱼ gⱼ / Σ aⱼ).
        """
        falls = torch.zeros(self.items, dtype=torch.float64, device=self.weights.device)
        sizes = torch.zeros_like(falls)
        for weights, gradients in self._differentiated(frozenset(erased)):
            products, total = weights * gradients, weights.sum(-1, keepdim=True)
            of_mean = weights * products.sum(-1, keepdim=True) / torch.where(total == 0, 1.0, total)
            falls += self._sums((products - of_mean).sum((0, 1)))
            sizes += self._sums((products.abs() + of_mean.abs()).sum((0, 1)))
        falls[erased] = -torch.inf
        first = int(falls.argmax())
        behind = falls[first] - torch.cat([falls[:first], falls[first + 1 :]])
        return first, bool((behind > TIED * sizes.max() * self._lost(frozenset(erased))).all())

    def _lost(self, erased: frozenset[int]) -> float:
        """How much less exact than a weight the gradient of a probability is, which is a difference of p_y and p_y²."""
        p = self.probability(self.logits(erased))
        if np.isnan(p):  # a number, whose gradient is no difference
            return 1.0
        return max(1.0, 0.1 / max(1.0 - p, 1e-12))

    def _differentiated(self, erased: frozenset[int]) -> list[_Layer]:
        with torch.enable_grad():
            logits, taps = self._edited([erased], differentiable=True)
            seen = [tap.left for tap in taps]
            gradients = torch.autograd.grad(self.graded(logits[0]), seen, allow_unused=True)
        layers = []
        for chosen, weights, gradient in zip(self._selected, seen, gradients, strict=True):
            rows = rows_of_document(chosen, weights.shape[2], self._inputs)
            both = (weights.detach(), torch.zeros_like(weights) if gradient is None else gradient)
            layers.append(_Layer(*(numbers[0, chosen.heads][:, rows].double() for numbers in both)))
        return layers

    def _edited(
        self, erased: Sequence[frozenset[int]], *, differentiable: bool = False
    ) -> tuple[Tensor, list[_EraseByHand]]:
        """The logits (copies, classes) of a run of a copy for each of these sets, and what edited it."""
        device = self._item_of_token.device
        wanted = [torch.tensor(sorted(items), dtype=torch.int64, device=device) for items in erased]
        tokens = torch.stack([torch.isin(self._item_of_token, items) for items in wanted])
        inputs = rows_of(self._inputs, torch.zeros(len(erased), dtype=torch.int64, device=device), 1)
        taps = [
            _EraseByHand(
                chosen,
                tokens,
                differentiable,
                self._meaning,
                self._stand_in and partial(self._stand_in, layer),
                self._inputs,
            )
            for layer, chosen in enumerate(self._selected)
        ]
        tapped = dict(tap.chosen.site.tapped(tap, by_mask=False) for tap in taps)
        with intercepting(self._call.model, tapped):
            return self._call(inputs), taps

    def _of_items(self, layers: list[Tensor]) -> Tensor:
        """Numbers (heads, rows, keys) of each layer as one an item: over rows, heads and layers, then its tokens."""
        seen = [numbers for numbers in layers if numbers.shape[1]]
        if not seen:
            return self._sums(layers[0].sum((0, 1)))
        if self._largest:
            return self._sums(torch.stack([numbers.amax((0, 1)) for numbers in seen]).amax(0))
        return self._sums(torch.stack([numbers.mean((0, 1)) for numbers in seen]).sum(0) / len(layers))

    def _sums(self, tokens: Tensor) -> Tensor:
        """Sums over each item's tokens (items,) of numbers of tokens (tokens,)."""
        inside = self._item_of_token >= 0
        sums = tokens.new_zeros(int(self._item_of_token.max()) + 1)
        return sums.index_add(0, self._item_of_token[inside], tokens[inside])


class _EraseByHand(Tap):
    """Zeroes weights, and scales the rest of each row to the sum that it had; or erases as another way has it.

    To zero weights and leave the others is doubled here, too.

    Attributes:
        chosen: where.
        kept: the weights that are not erased, as they were (copies, heads, queries, keys).
        left: the weights that the model goes on with (copies, heads, queries, keys).
    """

    kept: Tensor
    left: Tensor

    def __init__(
        self,
        chosen: Selected,
        tokens: Tensor,
        differentiable: bool,
        meaning: Meaning,
        stand_in: Callable[[Tensor, Tensor], Tensor] | None,
        inputs: Inputs,
    ) -> None:
        self.chosen, self._inputs = chosen, inputs
        self._tokens, self._differentiable, self._meaning, self._stand_in = tokens, differentiable, meaning, stand_in
        self.adds = stand_in is not None

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        """See :meth:`Tap.edit`."""
        rows = torch.zeros(weights.shape[2], dtype=torch.bool, device=weights.device)
        rows[rows_of_document(self.chosen, len(rows), self._inputs)] = True
        heads = self.chosen.heads.to(weights.device)
        whole = weights.double()
        erased = heads[:, None, None] & rows[:, None] & self._tokens[:, None, None]
        self.kept = whole.masked_fill(erased, 0.0)
        if self._meaning.renormalises:
            total = self.kept.sum(-1, keepdim=True)
            scale = whole.sum(-1, keepdim=True) / torch.where(total == 0, 1.0, total)
            self.left = (self.kept * scale).to(weights.dtype)
        elif self._meaning.adds_up:
            self.left = self.kept.to(weights.dtype)
        else:
            self.left = self._meaning.edit(weights, erased, scores)
        if self.adds:  # what takes the mass stays as it is where what is left changes
            self._lost, self._sees = (whole - self.left.double()).sum(-1), whole.detach() > 0
            self.left = self.left.clone()
        if self._differentiable and not self.left.requires_grad:
            self.left.requires_grad_()
        return self.left

    def added(self, values: Tensor) -> Tensor | None:
        """See :meth:`Tap.added`."""
        if self._stand_in is None:
            return None
        vectors = [self._stand_in(of.double(), sees) for of, sees in zip(values, self._sees, strict=True)]
        return self._lost[..., None] * torch.stack(vectors)


def rows_of_document(chosen: Selected, queries: int, inputs: Inputs) -> list[int]:
    """The numbers of the selected rows of a document without padding."""
    if chosen.site.pools or chosen.query == ALL:
        return list(range(queries))
    if chosen.query in (AT, CONTINUED):
        return [place for place, read in enumerate(inputs[READ_AT][0].tolist()) if read]
    if chosen.query in (FIRST, LAST):
        return [0 if chosen.query == FIRST else queries - 1]
    return sorted({int(row) % queries for row in chosen.query if -queries <= int(row) < queries})
