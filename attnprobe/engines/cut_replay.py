"""Erasures in a model of which whole heads, layers or rows of attention are cut off: they give nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.selection import Selected
from attnprobe.attention.sites import Site
from attnprobe.attention.taps import Tap
from attnprobe.engines.replay import Replay
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning


class CutOff(Tap):
    """Acts as another tap does, where some rows of some heads give nothing: their weights are zero.

    Before the other tap acts, so that what it sees of them is nothing, and behind it, so that nothing comes back.

    Args:
        tap: the other one.
        cut: True where a row is cut off, broadcast against (batch, heads, queries, 1).
    """

    def __init__(self, tap: Tap, cut: Tensor) -> None:
        self._tap, self._cut = tap, cut
        self.adds, self.wants_values = tap.adds, tap.wants_values
        self.erased = None if tap.erased is None else tap.erased | cut

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        """See :meth:`Tap.edit`."""
        return self._tap.edit(weights.masked_fill(self._cut, 0.0), scores).masked_fill(self._cut, 0.0)

    def context(self, values: Tensor | None, product: Tensor | None) -> Tensor | None:
        """See :meth:`Tap.context`."""
        return self._tap.context(values, product)

    def added(self, values: Tensor) -> Tensor | None:
        """See :meth:`Tap.added`; nothing where a row is cut off."""
        made = self._tap.added(values)
        return None if made is None else made.masked_fill(self._cut, 0.0)


class CutReplay(Replay):
    """Runs a batch once with rows cut off, and then again from a block's call on with weights erased as well.

    Decisions, and what flips them, are those of the batch with nothing cut off.

    Args:
        attachment: the model.
        selected: what is erased in, in order of computation.
        inputs: the batch.
        cut: by layer where rows are cut off (batch, heads, queries); no layer before the call.
        start: the call of a block at which every further run begins; the whole model without it.
        untouched: the logits with nothing cut off (batch, classes).
        meaning: what is meant by erased, and by decided.
    """

    def __init__(
        self,
        attachment: Attachment,
        selected: Sequence[Selected],
        inputs: Inputs,
        cut: Mapping[Site, Tensor],
        start: int | None,
        untouched: Tensor,
        meaning: Meaning = BY_DEFAULT,
    ) -> None:
        self._cut, self._untouched = cut, untouched
        super().__init__(attachment, selected, inputs, start, meaning)
        self.logits = untouched

    def probability(self, logits: Tensor, documents: Tensor | None = None) -> Tensor:
        """See :meth:`Engine.probability`: of what is decided with nothing cut off."""
        decided = self.meaning.decide(self._untouched)
        return self.meaning.graded(logits, decided if documents is None else decided[documents])

    def _at_sites(self, taps: Sequence[Tap], rows: Tensor | None) -> dict[Site, Tap]:
        at = super()._at_sites(taps, rows)
        for site, cut in self._cut.items():
            of_rows = cut if rows is None else cut[rows]
            at[site] = CutOff(at.get(site, Tap()), of_rows[..., None])
        return at
