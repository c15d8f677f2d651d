"""Erasures in any layers, by running the model again from the lowest of them on, or as a whole where that cannot be."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Self

import torch
from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.blocks import Needed, Recording, recording, replaying
from attnprobe.attention.calls import intercepting
from attnprobe.attention.edited_runs import frozen
from attnprobe.attention.head_outputs import values_seen
from attnprobe.attention.input_axes import rows_of
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.onednn import OneDnnProducts
from attnprobe.attention.selection import ALL, Selected
from attnprobe.attention.sites import Site
from attnprobe.attention.taps import Capture, Erase, SideBySide, Tap, Use
from attnprobe.engines.micro_batches import MicroBatches, rows_at_once
from attnprobe.engines.protocol import Attended, Engine
from attnprobe.engines.taken_mass import TakenMass, made_anew, made_once
from attnprobe.erasure.curve_names import Score
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.erasure.stand_ins import TrainingVectors


class EraseAndCapture(Capture):
    """Erases, and keeps what is left, differentiable."""

    def __init__(self, erase: Erase) -> None:
        super().__init__(differentiable=True)
        self._erase = erase
        self.adds = erase.adds

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        """See :meth:`Tap.edit`."""
        left = self._erase.edit(weights, scores)
        # The mass that was lost, and what takes it, stay as they are where what is left changes.
        return super().edit(left.clone() if self.adds else left, scores)

    def added(self, values: Tensor) -> Tensor | None:
        """See :meth:`Tap.added`."""
        return self._erase.added(values)


class Replay(Engine):
    """Runs a batch once, and then again from a block's call on with weights erased.

    Args:
        attachment: the model.
        selected: what is erased, in order of computation.
        inputs: the batch.
        start: the call of a block at which every further run begins; the whole model without it.
        meaning: what is meant by erased, and by decided.
    """

    def __init__(
        self,
        attachment: Attachment,
        selected: Sequence[Selected],
        inputs: Inputs,
        start: int | None,
        meaning: Meaning = BY_DEFAULT,
    ) -> None:
        self.meaning = meaning
        self.attachment = attachment
        self.selected = list(selected)
        self.inputs = inputs
        self.start = start
        self.axes = attachment.call.axes(inputs)
        self.rows_run = 0.0
        heads = max(chosen.site.heads for chosen in selected)
        read = 1 if attachment.call.continuation is None else len(attachment.call.continuation)
        self.at_once = max(1, rows_at_once(max(length or 0 for length in self.axes.lengths), heads) // read)
        self._micro_batches = MicroBatches(self.at_once)
        self._record = Recording()
        self._rows = [chosen.rows(self.axes.queries(chosen.site), self.axes.read) for chosen in self.selected]
        self.logits, self.attended = self._differentiate(self._first_taps(), None)

    def _first_taps(self) -> Sequence[Capture]:
        """What looks at the selected layers while the batch is run once."""
        return [Capture(differentiable=True) for _ in self.selected]

    @property
    def share(self) -> float:
        """The share of the model's blocks that an erasure runs through."""
        calls = len(self.attachment.calls)
        return 1.0 if self.start is None or not calls else (calls - self.start) / calls

    @torch.no_grad()
    def evaluate(
        self, documents: Tensor, erased: Tensor, heads: Tensor | None = None
    ) -> Iterator[tuple[slice, Tensor]]:
        """See :meth:`Engine.evaluate`."""

        def compute(part: slice) -> Tensor:
            return self._erased_logits(documents[part], erased[part], None if heads is None else heads[part])

        yield from self._micro_batches.run(len(documents), compute)

    def _erased_logits(self, rows: Tensor, erased: Tensor, heads: Tensor | None) -> Tensor:
        """The logits (rows, classes) of these documents of the batch after erasures in them."""
        return self.run(rows, self.erasing(rows, erased, heads))

    @property
    def micro_batch(self) -> int:
        """How many rows of several ways are run together."""
        return self._micro_batches.size

    def side_by_side(self, parts: Sequence[tuple[Self, Tensor, Tensor]]) -> Tensor:
        """The logits (rows, classes) after erasures in several ways, one way's rows after another's.

        Args:
            parts: engines of this batch that begin where this one does, each with its documents (some,) and what is
                erased of them (some, tokens).
        """
        erases = [(len(rows), engine.erasing(rows, erased)) for engine, rows, erased in parts]
        rows = torch.cat([rows for _, rows, _ in parts])
        return self.run(rows, together(erases))

    def erasing(self, rows: Tensor, erased: Tensor, heads: Tensor | None = None) -> list[Erase]:
        """What erases in each selected layer of these documents of the batch."""
        self._require_taker()
        return [
            Erase(mask, self.meaning, None if self.taken is None else self.taken.of(layer, rows))
            for layer, mask in enumerate(self._masks(rows, erased, heads))
        ]

    def _takers(self, meaning: Meaning, seeds: Tensor, training: Sequence[TrainingVectors] | None) -> list[TakenMass]:
        if not meaning.needs_training:
            return made_anew(meaning, seeds)
        return made_once(meaning, seeds, training, values_seen(self.attachment.call, self.selected, self.inputs))

    def attended_after(self, documents: Tensor, erased: Tensor) -> list[Attended]:
        """See :meth:`Engine.attended_after`."""
        taps = [EraseAndCapture(erase) for erase in self.erasing(documents, erased)]
        return self._differentiate(taps, documents)[1]

    def _slopes(self, documents: Tensor, share: float, score: Score) -> Tensor:
        everything = torch.ones_like(self.axes.keys(self.selected[0].site)[documents])
        weights = [layer.weights[documents] for layer in self.attended]
        masks = [
            mask & layer.rows[documents][:, None, :, None]
            for mask, layer in zip(self._masks(documents, everything), self.attended, strict=True)
        ]
        with frozen(self.attachment.call.model), torch.enable_grad():
            free = [torch.where(mask, share * w, w).requires_grad_() for mask, w in zip(masks, weights, strict=True)]
            logits = self.run(documents, [Use(each) for each in free])
            gradients = torch.autograd.grad(self.score(logits, documents, score).sum(), free, allow_unused=True)
        slopes = everything.new_zeros(everything.shape, dtype=torch.float64)
        for mask, w, gradient in zip(masks, weights, gradients, strict=True):
            if gradient is not None:
                slopes += torch.where(mask, gradient.double() * w.double(), 0.0).sum((1, 2))
        return slopes

    def _masks(self, documents: Tensor, erased: Tensor, heads: Tensor | None = None) -> list[Tensor]:
        """What is erased of each selected layer, broadcast against (rows, heads, queries, keys)."""
        masks = []
        for chosen, rows in zip(self.selected, self._rows, strict=True):
            mask = erased[:, None, None, :]
            of = chosen.heads.to(mask.device)[None] if heads is None else heads
            if not bool(of.all()):
                mask = mask & of[:, :, None, None]
            if (
                chosen.query != ALL and not chosen.site.pools
            ):  # rows of padding are of no account: all of them is one mask for all
                mask = mask & rows[documents][:, None, :, None]
            masks.append(mask)
        return masks

    def run(self, rows: Tensor, taps: Sequence[Tap]) -> Tensor:
        """The logits (rows, classes) of these documents of the batch, with a tap in each selected layer."""
        self.rows_run += len(rows) * self.share
        return self._call(rows_of(self.inputs, rows, self.axes.batch), taps, rows)

    def _call(self, inputs: Inputs, taps: Sequence[Tap], rows: Tensor | None) -> Tensor:
        model = self.attachment.call.model
        tapped = dict(site.tapped(tap) for site, tap in self._at_sites(taps, rows).items())
        with contextlib.ExitStack() as stack:
            if self.start is not None and rows is not None:
                stack.enter_context(replaying(model, self._record, self.start, rows, self.axes.batch))
            elif self.start is not None:
                needed = Needed.to_start_at(self.attachment.calls, self.start)
                self._record = stack.enter_context(recording(model, self.attachment.blocks, needed))
            skipped = (
                self.attachment.skipped_before(self.start) if self.start is not None and rows is not None else None
            )
            stack.enter_context(OneDnnProducts())
            stack.enter_context(intercepting(model, tapped, skipped=skipped))
            return self.attachment.call(inputs)

    def _at_sites(self, taps: Sequence[Tap], rows: Tensor | None) -> dict[Site, Tap]:
        """What acts where in a run: a tap in each selected layer.

        Args:
            taps: of the selected layers.
            rows: which documents of the batch are run; None for all.
        """
        return {chosen.site: tap for chosen, tap in zip(self.selected, taps, strict=True)}

    def _differentiate(self, taps: Sequence[Capture], rows: Tensor | None) -> tuple[Tensor, list[Attended]]:
        with frozen(self.attachment.call.model), torch.enable_grad():
            logits = self._call(self.inputs, taps, None) if rows is None else self.run(rows, taps)
            p = self.probability(logits, rows).sum()
            weights = [tap.weights for tap in taps if tap.weights is not None]
            # A layer that nobody reads is in no graph.
            gradients = torch.autograd.grad(p, weights, allow_unused=True) if p.requires_grad else [None] * len(weights)
        attended = [
            Attended(
                chosen,
                mask if rows is None else mask[rows],
                w.detach(),
                torch.zeros_like(w) if g is None else g,
                _known(tap.attends),
            )
            for chosen, mask, w, g, tap in zip(self.selected, self._rows, weights, gradients, taps, strict=True)
        ]
        return logits.detach(), attended


def together(parts: Sequence[tuple[int, Sequence[Tap]]]) -> list[Tap]:
    """A tap for each layer, of rows that follow one another: how many there are, and the tap of each layer for them."""
    of_layers = zip(*([(rows, tap) for tap in of_layers] for rows, of_layers in parts), strict=True)
    return [SideBySide(of_layer) for of_layer in of_layers]


def _known(attends: Tensor | None) -> Tensor:
    assert attends is not None  # it was captured with the weights
    return attends
