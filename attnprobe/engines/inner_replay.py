"""Erasures by running the model again from inside the lowest layer that is erased in, to the row that is read.

The context of a head is its weights times its values, and both are known from the run of the batch: after an erasure
only the erased heads' contexts are others. So the layer's projections to queries, keys and values are not computed
again, and of the last layer only what its weights and values need is computed of all rows, the rest of the row alone
that the decision is read from (:mod:`attnprobe.engines.row_tail`). What lies between is erased in while it runs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.blocks import Needed, recording, replaying
from attnprobe.attention.calls import intercepting
from attnprobe.attention.input_axes import rows_of
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.onednn import OneDnnProducts
from attnprobe.attention.selection import ALL, AT, FIRST, LAST, Selected
from attnprobe.attention.taps import Capture, CaptureAndStop, CaptureValues, Erase, StopModel, Tap, UseContext
from attnprobe.engines.micro_batches import MicroBatches
from attnprobe.engines.replay import Replay, together
from attnprobe.engines.row_tail import NoSingleRowError, RowTail
from attnprobe.engines.taken_mass import TakenMass, made_once
from attnprobe.erasure.edits import attended, spread
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.erasure.stand_ins import TrainingVectors

_TOKENS = 1 << 11
"""Tokens that are run at once: what lies between two layers then stays in the processor's cache."""

_TOKENS_OF_WAYS = 1 << 13
"""The same where ways run side by side: each of them edits its own rows, and has to have some of them."""


class InnerReplay(Replay):
    """Runs a batch once, and then again from inside a layer on, with other contexts of the heads that are erased.

    Args:
        attachment: the model.
        selected: what is erased, in order of computation.
        inputs: the batch.
        meaning: what is meant by erased, and by decided.

    Raises:
        NoSingleRowError: the lowest layer's values cannot be seen, or contexts cannot be put in their place, or the
            rest of the model cannot be run on one row.
    """

    def __init__(
        self, attachment: Attachment, selected: Sequence[Selected], inputs: Inputs, meaning: Meaning = BY_DEFAULT
    ) -> None:
        self.chosen = selected[0]
        start = attachment.within[self.chosen.site]
        self._seen = CaptureValues(differentiable=True)
        if any(attachment.within[chosen.site] < start for chosen in selected):
            raise NoSingleRowError
        super().__init__(attachment, selected, inputs, start, meaning)
        if self._seen.weights is None or self._seen.values is None:
            raise NoSingleRowError
        self._weights, self._scores = self._seen.weights.detach(), self._seen.scores
        self._values = self._seen.values.detach()
        self._contexts = self._weights.to(self._values.dtype) @ self._values
        if not self._values.is_cuda:
            self._micro_batches = MicroBatches(self._rows_of(_TOKENS))
        site, read = attachment.sites.attention[-1], attachment.reads[-1]
        ends_in_row = read in (FIRST, LAST, AT) and attachment.within[site] > start
        self._tail = RowTail(attachment, site, inputs, read) if ends_in_row else None
        self._last = site

    def _rows_of(self, tokens: int) -> int:
        """How many documents have so many tokens, and are no more than memory allows."""
        longest = max(length or 0 for length in self.axes.lengths)
        return max(1, min(self.at_once, tokens // max(1, longest)))

    @property
    def micro_batch(self) -> int:
        """See :meth:`Replay.micro_batch`."""
        return self.at_once if self._values.is_cuda else self._rows_of(_TOKENS_OF_WAYS)

    def _first_taps(self) -> Sequence[Capture]:
        return [self._seen, *(Capture(differentiable=True) for _ in self.selected[1:])]

    def _erased_logits(self, rows: Tensor, erased: Tensor, heads: Tensor | None) -> Tensor:
        return self._after(rows, self._contexts_without(rows, erased, heads), self._above(rows, erased, heads))

    def side_by_side(self, parts: Sequence[tuple[Self, Tensor, Tensor]]) -> Tensor:
        """See :meth:`Replay.side_by_side`."""
        contexts = torch.cat([engine._contexts_without(rows, erased, None) for engine, rows, erased in parts])
        above = [(len(rows), engine._above(rows, erased, None)) for engine, rows, erased in parts]
        return self._after(torch.cat([rows for _, rows, _ in parts]), contexts, together(above))

    def _above(self, rows: Tensor, erased: Tensor, heads: Tensor | None) -> list[Erase]:
        """What erases in the selected layers above the lowest, of the last layer in the row alone that is read."""
        erasing = []
        taken = self.taken
        masks = self._masks(rows, erased, heads)
        for layer, (chosen, mask) in enumerate(zip(self.selected, masks, strict=True)):
            if layer == 0:
                continue
            stand_in = None if taken is None else taken.of(layer, rows)
            if self._tail is not None and chosen.site is self._last:
                position = self._tail.position[rows]
                mask = _of_row(mask, position)
                stand_in = _of_row(stand_in, position) if isinstance(stand_in, Tensor) else stand_in
            erasing.append(Erase(mask, self.meaning, stand_in))
        return erasing

    def _after(self, rows: Tensor, contexts: Tensor, above: Sequence[Tap]) -> Tensor:
        """The logits (rows, classes) that follow from contexts of the lowest layer, with a tap in each layer above."""
        self.rows_run += len(rows) * self.share
        taps = [self.chosen.site.tapped(UseContext(contexts))]
        needed, in_row = Needed(), None
        for chosen, tap in zip(self.selected[1:], above, strict=True):
            if self._tail is not None and chosen.site is self._last:
                in_row = tap
            else:
                taps.append(chosen.site.tapped(tap))
        if self._tail is not None:
            stopping = CaptureAndStop(self._tail.position[rows])
            taps.append(self._last.tapped(stopping))
            needed = Needed(inputs=frozenset({self._tail.start}))
        model, start, logits = self.attachment.call.model, self.start, None
        assert start is not None, "it begins in a block"
        with (
            contextlib.suppress(StopModel),
            replaying(model, self._record, start, rows, self.axes.batch),
            recording(model, self.attachment.blocks, needed) as record,
            OneDnnProducts(),
            intercepting(model, dict(taps), skipped=self.attachment.skipped_before(start)),
        ):
            logits = self.attachment.call(rows_of(self.inputs, rows, self.axes.batch))
        if self._tail is not None:
            return self._behind(self._tail, rows, record.inputs.get(self._tail.start), stopping, in_row)
        if logits is None:
            raise NoSingleRowError
        return logits

    def _contexts_without(self, rows: Tensor, erased: Tensor, heads: Tensor | None) -> Tensor:
        """Contexts (rows, heads, queries, dim) of these documents after erasures."""
        self._require_taker()
        if heads is None:
            return self._all_contexts_without(rows, erased)
        run, head = heads.nonzero(as_tuple=True)
        document = rows[run]
        where = erased[run][:, None]
        if self.chosen.query != ALL and not self.chosen.site.pools:
            where = where & self._rows[0][document][:, :, None]
        scores = None if self._scores is None else self._scores[document, head]
        weights = self._weights[document, head]
        left = self.meaning.edit(weights, where, scores)
        lost = (weights - left).sum(-1, keepdim=True)
        if self.meaning.spreads_evenly:
            left = spread(left, lost, attended(weights, scores))
        contexts = self._contexts[rows]
        given = left.to(contexts.dtype) @ self._values[document, head]
        if self.taken is not None:
            assert self.taken.tables is not None, "values of this layer are the same in every run"
            given = given + (lost * self.taken.tables[0][document, head].to(lost.dtype)).to(given.dtype)
        contexts[run, head] = given
        return contexts

    def _all_contexts_without(self, rows: Tensor, erased: Tensor) -> Tensor:
        """The same in the heads that are selected; contexts of all are made anew."""
        stand_in = None if self.taken is None else self.taken.of(0, rows)
        erase = Erase(self._masks(rows, erased)[0], self.meaning, stand_in)
        asks_scores = not self.meaning.adds_up or self.meaning.spreads_evenly or callable(stand_in)
        scores = None if self._scores is None or not asks_scores else self._scores[rows]
        return _context_of(erase, self._weights[rows], scores, self._values[rows])

    def _takers(self, meaning: Meaning, seeds: Tensor, training: Sequence[TrainingVectors] | None) -> list[TakenMass]:
        if len(self.selected) > 1:  # values above are others in each run
            return super()._takers(meaning, seeds, training)
        return made_once(meaning, seeds, training, [(self._values, attended(self._weights, self._scores))])

    def _behind(
        self, tail: RowTail, rows: Tensor, hidden: Tensor | None, seen: CaptureAndStop, erase: Tap | None
    ) -> Tensor:
        """The logits (rows, classes) that follow from what was seen when the last attention was reached.

        ``erase`` is what erases in the row that is read, where it is one of those selected.
        """
        if hidden is None or hidden.dim() != 3 or seen.weights is None or seen.values is None:
            raise NoSingleRowError
        runs, row = torch.arange(len(rows), device=hidden.device), tail.position[rows]
        at = 0 if seen.weights.shape[2] == 1 else row
        weights, scores = seen.weights[runs, :, at], None if seen.scores is None else seen.scores[runs, :, at]
        if erase is None:
            contexts = weights.to(seen.values.dtype)[:, :, None] @ seen.values
        else:
            scores = None if scores is None else scores[:, :, None]
            contexts = _context_of(erase, weights[:, :, None], scores, seen.values)
        contexts = contexts[:, :, 0]
        return tail.logits(self._record, rows, hidden[runs, row][:, None], contexts)


def _of_row(rows: Tensor, position: Tensor) -> Tensor:
    """Of what is said of rows (runs, heads, rows or 1, …), what is said of one row a run (runs, heads, 1, …)."""
    return rows if rows.shape[2] == 1 else rows[torch.arange(len(rows), device=rows.device), :, position][:, :, None]


def _context_of(erase: Tap, weights: Tensor, scores: Tensor | None, values: Tensor) -> Tensor:
    """What heads give (runs, heads, queries, dim) after an erasure in weights (runs, heads, queries, keys)."""
    given: Tensor = erase.edit(weights, scores).to(values.dtype) @ values
    added = erase.added(values)
    return given if added is None else given + added.to(given.dtype)
