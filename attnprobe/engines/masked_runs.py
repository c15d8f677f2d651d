"""Erasing in one run of a model as it is, in training or not, in one layer of what is selected."""

from __future__ import annotations

from torch import Tensor

from attnprobe.attention.selection import Selected
from attnprobe.attention.taps import Tap
from attnprobe.attention.token_axes import TokenAxes
from attnprobe.erasure.meaning import Meaning


class EraseSelected(Tap):
    """Erases tokens in the selected rows of the selected heads of a layer.

    Args:
        selected: the layer.
        axes: of the batch that is run.
        tokens: True where a token is erased (batch, keys).
        meaning: what is meant by that.
    """

    def __init__(self, selected: Selected, axes: TokenAxes, tokens: Tensor, meaning: Meaning) -> None:
        rows = selected.rows(axes.queries(selected.site), axes.read)
        heads = selected.heads.to(tokens.device)
        self._where = tokens[:, None, None, :] & heads[:, None, None] & rows[:, None, :, None]
        self._meaning = meaning

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        """See :meth:`Tap.edit`; a model in training may compute the first rows alone."""
        return self._meaning.edit(weights, self._where[:, :, : weights.shape[2]], scores)
