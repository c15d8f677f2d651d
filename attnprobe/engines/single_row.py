"""Erasures in one row of the last attention layer: that row's context in closed form, and the rest of the model on it.

Only the row that the decision is read from changes. Its context after erasing a prefix of an ordering is a suffix sum
of weights times values, head by head: over a suffix sum of weights where what remains is renormalised; with what takes
the mass that was lost where it is left as it is. So every prefix of every ordering costs no attention at all. Where
erasing is something else, the row is edited set by set. What follows (output map, residual, norm, feed-forward,
classifier) is the model's own, run on single tokens: the model is called on sequences of one token, starts at the last
block from the recorded state of that row, and has our context put in the place of its weights times values.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.blocks import Needed, recording
from attnprobe.attention.calls import intercepting
from attnprobe.attention.edited_runs import frozen
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.selection import ALL, Selected
from attnprobe.attention.taps import CaptureAndStop, StopModel
from attnprobe.engines.items import Items
from attnprobe.engines.micro_batches import MicroBatches
from attnprobe.engines.protocol import Attended, Engine, gather_effects
from attnprobe.engines.row_tail import NoSingleRowError, RowTail
from attnprobe.engines.taken_mass import TakenMass, made_once
from attnprobe.erasure.curve_names import Score
from attnprobe.erasure.edits import masked_softmax, spread
from attnprobe.erasure.erasable import SingleEffects
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.erasure.stand_ins import TrainingVectors

_ROWS = 1 << 11
"""Single tokens that are run at once."""

_GATHERED = 1 << 25
"""Numbers of the values that are copied at once for erasures of any kind: 128 MB in float32."""


class SingleRow(Engine):
    """Reads a batch up to its last attention, and runs single rows from there.

    Args:
        attachment: the model.
        selected: what is erased: one layer, the last.
        inputs: the batch.
        read: the row that the decision is read from, ``first``, ``last`` or ``at``.
        meaning: what is meant by erased, and by decided.

    Raises:
        NoSingleRowError: the model's values cannot be seen, or its rest cannot be run on one row.
    """

    def __init__(
        self,
        attachment: Attachment,
        selected: Sequence[Selected],
        inputs: Inputs,
        read: str,
        meaning: Meaning = BY_DEFAULT,
    ) -> None:
        self.meaning = meaning
        self.attachment = attachment
        self.inputs = inputs
        (self.chosen,) = selected
        self.axes = attachment.call.axes(inputs)
        self.at_once = _ROWS
        self.rows_run = 0.0
        self._terms: tuple[Items, Tensor] | None = None
        self._micro_batches = MicroBatches(_ROWS)
        queries = self.axes.queries(self.chosen.site)
        self.tail = RowTail(attachment, self.chosen.site, inputs, read)
        self._read_batch(inputs)
        self._decide(queries)

    def _read_batch(self, inputs: Inputs) -> None:
        position, start = self.tail.position, self.tail.start
        tap = CaptureAndStop(None if self.chosen.query == ALL else position)
        model = self.attachment.call.model
        needed = Needed(inputs=frozenset({start}))
        with (
            torch.no_grad(),
            recording(model, self.attachment.blocks, needed) as self._record,
            intercepting(model, dict([self.chosen.site.tapped(tap)])),
            contextlib.suppress(StopModel),
        ):
            self.attachment.call(inputs)
        hidden = self._record.inputs.get(start)
        seen = (tap.weights, tap.attends, tap.scores, tap.values)
        if hidden is None or hidden.shape[:2] != self.axes.source.shape or any(part is None for part in seen):
            raise NoSingleRowError
        assert tap.weights is not None
        assert tap.attends is not None
        assert tap.scores is not None
        assert tap.values is not None
        documents = torch.arange(len(hidden), device=hidden.device)
        self.hidden = hidden[documents, position][:, None]
        self.seen = tap
        # In float64 and from scores: what remains of a row is exact, however small its share was.
        row = 0 if tap.weights.shape[2] == 1 else position
        self.attends, scores = tap.attends[documents, :, row], tap.scores[documents, :, row]
        total = tap.weights[documents, :, row].double().sum(-1, keepdim=True)
        self.weights = masked_softmax(scores.double(), self.attends) * total
        self.values = tap.values
        self._gathering = MicroBatches(max(1, _GATHERED // self.values[0].numel()))
        # The run was stopped inside the block: what it would have given is not known, and nobody reads it.
        self._record.calls += self.attachment.calls[len(self._record.calls) :]
        self._record.outputs += [None] * (len(self.attachment.calls) - len(self._record.outputs))

    def _decide(self, queries: Tensor) -> None:
        documents = torch.arange(len(self.weights), device=self.weights.device)
        self.logits, gradients = self._differentiate(documents, self.weights)
        rows = self.chosen.rows(queries, self.axes.read)
        if self.chosen.query == ALL:
            assert self.seen.weights is not None
            padded = torch.zeros_like(self.seen.weights)
            padded[documents, :, self.tail.position] = gradients.to(padded.dtype)
            assert self.seen.attends is not None
            self.attended = [Attended(self.chosen, rows, self.seen.weights, padded, self.seen.attends)]
        else:
            self.attended = [self._one_row(documents, self.weights, gradients)]
        self.rows_run = 0.0

    def _one_row(self, documents: Tensor, weights: Tensor, gradients: Tensor) -> Attended:
        rows = torch.ones(len(weights), 1, dtype=torch.bool, device=weights.device)
        attends = self.attends[documents][:, :, None]
        return Attended(self.chosen, rows, weights[:, :, None], gradients[:, :, None], attends)

    def _differentiate(self, documents: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and the gradients of the first decision's probability with respect to a row's weights."""
        with frozen(self.attachment.call.model), torch.enable_grad():
            weights = weights.detach().requires_grad_()
            logits = self.behind(documents, self._given(documents, weights))
            p = self.probability(logits, documents if hasattr(self, "logits") else None)
            (gradients,) = torch.autograd.grad(p.sum(), [weights])
        return logits.detach(), gradients

    def _context(self, documents: Tensor, weights: Tensor) -> Tensor:
        """Weights (rows, heads, keys) times the values of these documents: (rows, heads, dim)."""
        return torch.einsum("bhk,bhkd->bhd", weights.to(self.values.dtype), self.values[documents])

    def _given(self, documents: Tensor, weights: Tensor) -> Tensor:
        """What heads give (rows, heads, dim) of weights that are left, with what takes the mass that was lost."""
        given = self._context(documents, weights)
        if self.taken is None:
            return given
        mass = (self.weights[documents] - weights.detach()).sum(-1, keepdim=True)
        return given + (mass * self.stand_in[documents]).to(given.dtype)

    def behind(self, documents: Tensor, contexts: Tensor) -> Tensor:
        """The logits that follow from contexts (rows, heads, dim) of these documents' row."""
        self.rows_run += len(documents) / len(self.attachment.calls) / self.axes.source.shape[1]
        return self.tail.logits(self._record, documents, self.hidden[documents], contexts)

    @torch.no_grad()
    def evaluate(
        self, documents: Tensor, erased: Tensor, heads: Tensor | None = None
    ) -> Iterator[tuple[slice, Tensor]]:
        """See :meth:`Engine.evaluate`."""

        def compute(part: slice) -> Tensor:
            weights = self._erased(documents[part], erased[part], None if heads is None else heads[part])
            return self.behind(documents[part], self._given(documents[part], weights))

        yield from self._gathering.run(len(documents), compute)

    def _erased(self, documents: Tensor, erased: Tensor, heads: Tensor | None = None) -> Tensor:
        self._require_taker()
        of = self.chosen.heads.to(erased.device)[None] if heads is None else heads
        # Of float64 weights the positive ones are those that are attended to.
        weights = self.weights[documents]
        left = self.meaning.edit(weights, erased[:, None] & of[:, :, None])
        if self.meaning.spreads_evenly:
            return spread(left, (weights - left).sum(-1, keepdim=True), self.attends[documents])
        return left

    @property
    def stand_in(self) -> Tensor:
        """What takes the mass that the row loses (batch, heads, dim)."""
        if self.meaning.spreads_evenly:
            evenly = self.attends.double() / self.attends.sum(-1, keepdim=True).clamp(min=1)
            return torch.einsum("bhk,bhkd->bhd", evenly, self.values.double())
        assert self.taken is not None, "something does"
        assert self.taken.tables is not None, "values of the last layer are the same in every run"
        return self.taken.tables[0][:, :, 0].double()

    def _takers(self, meaning: Meaning, seeds: Tensor, training: Sequence[TrainingVectors] | None) -> list[TakenMass]:
        return made_once(meaning, seeds, training, [(self.values, self.attends[:, :, None])])

    def attended_after(self, documents: Tensor, erased: Tensor) -> list[Attended]:
        """See :meth:`Engine.attended_after`."""
        weights = self._erased(documents, erased)
        return [self._one_row(documents, weights, self._differentiate(documents, weights)[1])]

    def _slopes(self, documents: Tensor, share: float, score: Score) -> Tensor:
        of = self.chosen.heads.to(self.weights.device)[:, None]
        weights = self.weights[documents]
        with frozen(self.attachment.call.model), torch.enable_grad():
            free = torch.where(of, share * weights, weights).requires_grad_()
            logits = self.behind(documents, self._context(documents, free))
            (gradients,) = torch.autograd.grad(self.score(logits, documents, score).sum(), [free])
        return torch.where(of, gradients * weights, 0.0).sum(1)

    @property
    def in_closed_form(self) -> bool:
        """Whether what erasures leave is made of sums over what is not erased."""
        return self.meaning.renormalises or self.meaning.adds_up

    @torch.no_grad()
    def prefix_logits(self, order: Tensor, items: Items) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """The logits after erasing every prefix of an ordering (batch, items).

        Yields:
            Documents (rows,), prefix lengths from 1 on (rows,) and logits (rows, classes).
        """
        yield from self._run_contexts(self._prefix_contexts(order, items), items.mask)

    def _prefix_contexts(self, order: Tensor, items: Items) -> Tensor:
        return self._contexts(items, self._left_backwards(order, items)).flip(1)

    def _left_backwards(self, order: Tensor, items: Items) -> Tensor:
        """Sums of the terms of :meth:`_of_items` over what prefixes leave, the longest first."""
        terms = self._of_items(items)
        # What remains is summed from the end: a difference would lose what is small.
        backwards = order.flip(1)
        ordered = terms.gather(2, backwards[:, None, :, None].expand_as(terms))
        remaining = torch.zeros_like(ordered)
        remaining[:, :, 1:] = ordered[:, :, :-1].cumsum(2)
        return remaining

    def left_by_prefixes(self, order: Tensor, items: Items) -> Tensor:
        """What erasing every prefix of an ordering (batch, items) leaves of weights times values, and of weights.

        Both are sums over what is not erased, which no way of erasing has a part in: (batch, items, heads, dim + 1).
        """
        return self._and_in_no_item(items, self._left_backwards(order, items)).flip(2).transpose(1, 2)

    def left_by_single_items(self, items: Items) -> Tensor:
        """The same of what erasing each item alone leaves (batch, items, heads, dim + 1)."""
        return self._and_in_no_item(items, _others(self._of_items(items))).transpose(1, 2)

    def _of_items(self, items: Items) -> Tensor:
        """Each item's weight times value, and its weight as one number more (batch, heads, items, dim + 1)."""
        if self._terms is None or self._terms[0] is not items:
            self._terms = items, self._summed(items)
        return self._terms[1]

    def _summed(self, items: Items) -> Tensor:
        ones = torch.ones_like(self.values[..., :1])
        weighted = self.weights[..., None] * torch.cat([self.values, ones], dim=-1)
        if items.are_tokens:
            return weighted.masked_fill((items.of_token < 0)[:, None, :, None], 0.0)
        return items.sum(weighted.transpose(2, 3)).transpose(2, 3)

    def _contexts(self, items: Items, remaining: Tensor) -> Tensor:
        """The contexts (batch, items, heads, dim) that erasures leave, from sums of the terms of :meth:`_of_items`."""
        remaining, whole_mass = self._and_in_no_item(items, remaining), self.weights.sum(-1)[:, :, None, None]
        if self.meaning.renormalises:
            given = renormalised(remaining, whole_mass)
        else:
            self._require_taker()
            given = replaced(remaining, whole_mass, self.stand_in[:, :, None] if self.meaning.has_stand_in else None)
        contexts = given.to(self.values.dtype).transpose(1, 2)
        if bool(self.chosen.heads.all()):
            return contexts
        return torch.where(self.chosen.heads.to(contexts.device)[:, None], contexts, self.whole_contexts()[:, None])

    def _and_in_no_item(self, items: Items, remaining: Tensor) -> Tensor:
        """Sums over items (batch, heads, items, dim + 1), and over the tokens that are in none and are never erased."""
        if not items.some_in_none:
            return remaining
        in_no_item = (self.weights * (items.of_token < 0)[:, None])[:, :, None]
        values = self.values.to(remaining.dtype)
        return remaining + torch.cat([in_no_item @ values, in_no_item.sum(-1, keepdim=True)], dim=-1)

    def whole_contexts(self) -> Tensor:
        """The contexts of the unerased documents (batch, heads, dim)."""
        return self._context(torch.arange(len(self.weights), device=self.weights.device), self.weights)

    def _run_contexts(self, contexts: Tensor, which: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Logits of those contexts (batch, items, heads, dim) for which ``which`` (batch, items) is True."""
        documents, column = which.nonzero(as_tuple=True)

        def compute(part: slice) -> Tensor:
            return self.behind(documents[part], contexts[documents[part], column[part]])

        for part, logits in self._micro_batches.run(len(documents), compute):
            yield documents[part], column[part] + 1, logits

    @torch.no_grad()
    def first_flips(self, order: Tensor, items: Items) -> Tensor:
        """See :meth:`Engine.first_flips`; prefixes fill one micro-batch after another, as far as the flip."""
        if not self.in_closed_form:
            return super().first_flips(order, items)
        known, documents = self.known_flips(items), torch.arange(len(items.mask), device=order.device)
        counts = []
        for one in order:
            numbers = known.of_prefixes(one, documents)
            seen, flips = known.look_up(numbers)
            flips = flips[..., 0] & items.mask
            asked = items.mask & ~seen & (flips.cumsum(-1) == 0)
            self._run_prefixes(one, items, asked, flips)
            known.keep(numbers[asked], flips[asked][:, None])
            counts.append(torch.where(flips.any(-1), flips.int().argmax(-1) + 1, -1))
        known.close()
        return torch.stack(counts)

    def _run_prefixes(self, order: Tensor, items: Items, asked: Tensor, flips: Tensor) -> None:
        """Run the prefixes of an ordering (batch, items) that are asked for (batch, items), and set which of them flip.

        What comes behind a flip is not run, and is no longer asked for.
        """
        contexts = self._prefix_contexts(order, items)
        places = torch.arange(items.mask.shape[1], device=order.device)
        step = max(1, self._micro_batches.size // len(order))
        for start in range(0, len(places), step):
            here = (places >= start) & (places < start + step)
            asked &= ~here | (flips.cumsum(-1) == 0)
            for documents, length, logits in self._run_contexts(contexts, asked & here):
                flips[documents, length - 1] = self.flips(logits, documents)

    @torch.no_grad()
    def single_effects(self, items: Items) -> SingleEffects:
        """See :meth:`Engine.single_effects`."""
        if not self.in_closed_form:
            return super().single_effects(items)
        contexts = self._contexts(items, _others(self._of_items(items)))
        documents, item = items.mask.nonzero(as_tuple=True)

        def evaluated() -> Iterator[tuple[slice, Tensor]]:
            done = 0
            for rows, _, logits in self._run_contexts(contexts, items.mask):
                yield slice(done, done + len(rows)), logits
                done += len(rows)

        return gather_effects(self, items, documents, item, evaluated())


def renormalised(remaining: Tensor, whole_mass: Tensor) -> Tensor:
    """What heads give (…, dim) where what remains (…, dim + 1) is scaled to the mass (…, 1) that the row had."""
    mass = remaining[..., -1:]
    return remaining[..., :-1] * (whole_mass / mass.masked_fill(mass == 0, 1.0))


def replaced(remaining: Tensor, whole_mass: Tensor, stand_in: Tensor | None) -> Tensor:
    """The same (…, dim) where what remains stays as it is, and a vector (…, dim) takes the mass that was lost."""
    given = remaining[..., :-1]
    return given if stand_in is None else given + (whole_mass - remaining[..., -1:]) * stand_in


def _after(terms: Tensor) -> Tensor:
    """Sums over the items behind each one (batch, heads, items, …): of what remains, never a difference."""
    behind = torch.zeros_like(terms)
    behind[:, :, :-1] = terms[:, :, 1:].flip(2).cumsum(2).flip(2)
    return behind


def _others(terms: Tensor) -> Tensor:
    """Sums over all items but each one (batch, heads, items, …): of those behind it and those before it."""
    sums = _after(terms)
    sums[:, :, 1:] += terms[:, :, :-1].cumsum(2)
    return sums
