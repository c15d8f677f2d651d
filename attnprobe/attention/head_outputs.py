"""What heads give, seen to be where something else can be put in its place.

A head gives weights times values, which the layer's output map takes on. What stands in for erased weights is added
right there. That it then does what a value does is proved on the model itself: weight that moves to another key, and
that key's value put in by hand, have to give the same logits.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from attnprobe.attention.calls import UnseenProductError
from attnprobe.attention.edited_runs import close, run_with
from attnprobe.attention.model_call import Inputs, ModelCall
from attnprobe.attention.refusals import RefusedError
from attnprobe.attention.selection import Selected
from attnprobe.attention.sites import Site
from attnprobe.attention.taps import CaptureValues, StopModel, Tap, Use

_SEED = 0


def head_outputs(call: ModelCall, selected: Sequence[Selected], inputs: Inputs) -> list[Tensor]:
    """What each head of the selected layers gives, the mean over a document's selected rows (batch, heads, dim).

    In float64, per unit of attention: beside an attention sink, which takes a part of a row, what the row gives is
    divided by what the row sums to. A document without such a row has NaN.

    Args:
        call: the model.
        selected: layers and rows, in order of computation; all heads are seen.
        inputs: the batch.

    Raises:
        RefusedError: what a layer's heads give cannot be seen; the message names it.
    """
    axes = call.axes(inputs)
    rows = [chosen.rows(axes.queries(chosen.site), axes.read) for chosen in selected]
    taps = [_MeanOutput(of) for of in rows]
    taps[-1].stops = True
    try:
        with torch.no_grad():
            run_with(call, inputs, [chosen.site for chosen in selected], taps)
    except StopModel:
        pass
    for chosen, tap in zip(selected, taps, strict=True):
        if tap.outputs is None:
            raise unseen(chosen.site)
    return [tap.outputs for tap in taps if tap.outputs is not None]


class _MeanOutput(CaptureValues):
    """Keeps the mean over rows (batch, queries) of what heads give, and lets the model go on or not."""

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self._rows = rows
        self.outputs: Tensor | None = None
        self.stops = False

    def context(self, values: Tensor | None, product: Tensor | None) -> None:
        """See :meth:`Tap.context`."""
        assert self.weights is not None, "weights come before what they weigh"
        if values is not None and self.weights.shape[-1] == values.shape[-2]:
            rows = self._rows.double() / self._rows.sum(-1, keepdim=True)
            weights = self.weights.double()
            total = weights.sum(-1, keepdim=True)
            mean = (weights / total.masked_fill(total == 0, 1.0) * rows[:, None, :, None]).sum(2)
            self.outputs = torch.einsum("bhk,bhkd->bhd", mean, values.double())
        if self.stops:
            raise StopModel


def require_standing_in(call: ModelCall, sites: Sequence[Site], inputs: Inputs) -> None:
    """Prove, layer by layer, that what is put in the place of erased weights does what a value does.

    Half of the weights are erased, drawn by a seed. Their mass moves to one key of each document and head, another one
    for each head, once as weight and once by putting in that key's value.

    Args:
        call: the model.
        sites: the layers; the output depends on each of them.
        inputs: a batch.

    Raises:
        RefusedError: the two differ, or what heads give cannot be seen; the message names the layer.
    """
    axes = call.axes(inputs)
    for site in sites:
        seen = CaptureValues()
        with torch.no_grad():
            run_with(call, inputs, [site], [seen])
        weights, values = seen.weights, seen.values
        if weights is None or values is None or weights.shape[-1] != values.shape[-2]:
            raise unseen(site)
        keys = axes.keys(site)
        generator = torch.Generator().manual_seed(_SEED)
        erased = (torch.rand(weights.shape, generator=generator) < 0.5).to(weights.device)
        drawn = torch.rand(weights.shape[:2] + keys.shape[1:], generator=generator).to(weights.device)
        towards = drawn.masked_fill(~keys[:, None], -1.0).argmax(-1)
        left = weights.masked_fill(erased, 0.0)
        lost = weights.masked_fill(~erased, 0.0).sum(-1, keepdim=True)
        onto = torch.nn.functional.one_hot(towards, weights.shape[-1])[:, :, None].to(weights.dtype)
        value = values.gather(2, towards[..., None, None].expand(-1, -1, 1, values.shape[-1]))
        taps = Use(left + lost * onto), _PutIn(left, lost * value.to(lost.dtype)), Use(left)
        as_weight, as_value, without = (_logits(call, inputs, site, tap) for tap in taps)
        if torch.equal(as_weight, without) or not close(as_weight, as_value):
            raise RefusedError(
                f"What is put in the place of erased weights at {site.place} does not reach the output as values do, "
                "so that nothing can stand in there: erase by renormalise, zero or document_mean, which edit weights "
                "alone."
            )


def values_seen(call: ModelCall, selected: Sequence[Selected], inputs: Inputs) -> list[tuple[Tensor, Tensor]]:
    """The values (batch, heads, keys, dim) of selected layers, and where rows attend (batch, heads, queries, keys).

    Raises:
        RefusedError: the values of a layer cannot be seen; the message names it.
    """
    taps = [CaptureValues() for _ in selected]
    with torch.no_grad():
        run_with(call, inputs, [chosen.site for chosen in selected], taps)
    seen = []
    for chosen, tap in zip(selected, taps, strict=True):
        if tap.values is None or tap.attends is None:
            raise unseen(chosen.site)
        seen.append((tap.values, tap.attends))
    return seen


class _PutIn(Use):
    """Puts given weights in the place of the model's, and adds to what they make of the values."""

    adds = True

    def __init__(self, weights: Tensor, put_in: Tensor) -> None:
        super().__init__(weights)
        self._put_in = put_in

    def added(self, values: Tensor) -> Tensor:
        """See :meth:`Tap.added`."""
        return self._put_in


def _logits(call: ModelCall, inputs: Inputs, site: Site, tap: Tap) -> Tensor:
    try:
        with torch.no_grad():
            return run_with(call, inputs, [site], [tap])
    except UnseenProductError:
        raise unseen(site) from None


def unseen(site: Site) -> RefusedError:
    """Why nothing can stand in for what is erased in a layer."""
    return RefusedError(
        f"What the heads of {site.module} at {site.place} give cannot be seen, so that nothing can stand in for what "
        "is erased there: erase by renormalise, zero or document_mean, which edit weights alone."
    )
