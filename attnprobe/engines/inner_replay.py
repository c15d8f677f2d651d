"""Erasures in some heads of one layer, by running the model again from inside that layer to the row that is read.

The context of a head is its weights times its values, and both are known from the run of the batch: after an erasure
only the erased head's context is another. So the layer's projections to queries, keys and values are not computed
again, and of the last layer only what its keys and values need is computed of all rows, the rest of the row alone that
the decision is read from (:mod:`attnprobe.engines.row_tail`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import torch
from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.blocks import Needed, recording, replaying
from attnprobe.attention.calls import intercepting
from attnprobe.attention.input_axes import rows_of
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.onednn import OneDnnProducts
from attnprobe.attention.selection import ALL, AT, FIRST, LAST, Selected
from attnprobe.attention.taps import CaptureAndStop, CaptureValues, StopModel, UseContext
from attnprobe.engines.micro_batches import MicroBatches
from attnprobe.engines.replay import Replay
from attnprobe.engines.row_tail import NoSingleRowError, RowTail
from attnprobe.engines.taken_mass import TakenMass, made_once
from attnprobe.erasure.edits import attended, spread
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.erasure.stand_ins import TrainingVectors

_TOKENS = 1 << 11
"""Tokens that are run at once: what lies between two layers then stays in the processor's cache."""


class InnerReplay(Replay):
    """Runs a batch once, and then again from inside one layer on, with other contexts of the heads that are erased.

    Args:
        attachment: the model.
        selected: what is erased: one layer.
        inputs: the batch.
        meaning: what is meant by erased, and by decided.

    Raises:
        NoSingleRowError: the layer's values cannot be seen, or contexts cannot be put in their place, or the rest of
            the model cannot be run on one row.
    """

    def __init__(
        self, attachment: Attachment, selected: Sequence[Selected], inputs: Inputs, meaning: Meaning = BY_DEFAULT
    ) -> None:
        (self.chosen,) = selected
        start = attachment.within[self.chosen.site]
        self._seen = CaptureValues(differentiable=True)
        super().__init__(attachment, selected, inputs, start, meaning)
        if self._seen.weights is None or self._seen.values is None:
            raise NoSingleRowError
        self._weights, self._scores = self._seen.weights.detach(), self._seen.scores
        self._values = self._seen.values.detach()
        self._contexts = self._weights.to(self._values.dtype) @ self._values
        if not self._values.is_cuda:
            tokens = max(length or 0 for length in self.axes.lengths)
            self._micro_batches = MicroBatches(max(1, min(self.at_once, _TOKENS // max(1, tokens))))
        site, read = attachment.sites.attention[-1], attachment.reads[-1]
        ends_in_row = read in (FIRST, LAST, AT) and attachment.within[site] > start
        self._tail = RowTail(attachment, site, inputs, read) if ends_in_row else None
        self._last = site

    def _first_taps(self) -> Sequence[CaptureValues]:
        return [self._seen]

    def _erased_logits(self, rows: Tensor, erased: Tensor, heads: Tensor | None) -> Tensor:
        self.rows_run += len(rows) * self.share
        taps = [self.chosen.site.tapped(UseContext(self._contexts_without(rows, erased, heads)))]
        needed = Needed()
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
            return self._behind(self._tail, rows, record.inputs.get(self._tail.start), stopping)
        if logits is None:
            raise NoSingleRowError
        return logits

    def _contexts_without(self, rows: Tensor, erased: Tensor, heads: Tensor | None) -> Tensor:
        """Contexts (rows, heads, queries, dim) of these documents after erasures."""
        self._require_taker()
        of = self.chosen.heads.to(erased.device).expand(len(rows), -1) if heads is None else heads
        run, head = of.nonzero(as_tuple=True)
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

    def _takers(self, meaning: Meaning, seeds: Tensor, training: Sequence[TrainingVectors] | None) -> list[TakenMass]:
        return made_once(meaning, seeds, training, [(self._values, attended(self._weights, self._scores))])

    def _behind(self, tail: RowTail, rows: Tensor, hidden: Tensor | None, seen: CaptureAndStop) -> Tensor:
        """The logits (rows, classes) that follow from what was seen when the last attention was reached."""
        if hidden is None or hidden.dim() != 3 or seen.weights is None or seen.values is None:
            raise NoSingleRowError
        runs, row = torch.arange(len(rows), device=hidden.device), tail.position[rows]
        weights = seen.weights[runs, :, 0 if seen.weights.shape[2] == 1 else row]
        contexts = (weights.to(seen.values.dtype)[:, :, None] @ seen.values)[:, :, 0]
        return tail.logits(self._record, rows, hidden[runs, row][:, None], contexts)
