"""The linear map that takes on what a layer's heads average, head by head: seen where it is computed, never guessed.

Right behind weights times values, contexts (batch, heads, queries, d_v) become the layer's output Σ_h context_h D_h,
bias left out. The first linear map that is given these very numbers, heads side by side or added, has D in its weight.
Where something else comes in between, a gate or a norm, there is no such map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from attnprobe.attention.calls import LINEAR_MAPS, intercepting
from attnprobe.attention.edited_runs import close
from attnprobe.attention.model_call import Inputs, ModelCall
from attnprobe.attention.sites import Site
from attnprobe.attention.taps import CaptureValues


def output_maps(call: ModelCall, sites: Sequence[Site], inputs: Inputs) -> list[Tensor] | None:
    """D of each layer (heads, d_v, width), from one run of the model; None where one of them is not seen."""
    watching = _Watching()
    taps = [_Contexts(watching) for _ in sites]
    with (
        torch.no_grad(),
        watching,
        intercepting(call.model, dict(site.tapped(tap) for site, tap in zip(sites, taps, strict=True))),
    ):
        call(inputs)
    maps = [tap.map for tap in taps if tap.map is not None]
    return maps if len(maps) == len(sites) else None


class _Contexts(CaptureValues):
    """Has the map looked for that is given what the weights and values of a layer make."""

    def __init__(self, watching: _Watching) -> None:
        super().__init__()
        self._watching = watching
        self.map: Tensor | None = None

    def context(self, values: Tensor | None, product: Tensor | None) -> None:
        """See :meth:`Tap.context`."""
        if values is not None and self.weights is not None and self.weights.shape[-1] == values.shape[-2]:
            self._watching.awaited = self, self.weights.to(values.dtype) @ values


class _Watching(TorchFunctionMode):
    """Sees every linear map; enter it before ``intercepting``, as it then sees those within fused attention, too."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited: tuple[_Contexts, Tensor] | None = None

    def __torch_function__(
        self,
        func: Any,  # noqa: ANN401
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        if self.awaited is not None and func in LINEAR_MAPS:
            tap, contexts = self.awaited
            tap.map = _map_of(contexts, *_operands(func, args, kwargs or {}))
            self.awaited = None
        return func(*args, **(kwargs or {}))


def _operands(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    """What a linear map is given (…, inputs), and its weight (inputs, outputs)."""
    if func is functional.linear:
        weight: Tensor = args[1] if len(args) > 1 else kwargs["weight"]
        return args[0], weight.T
    return args[1], args[2]


def _map_of(contexts: Tensor, given: Tensor, weight: Tensor) -> Tensor | None:
    """D (heads, d_v, width) where what is given are these contexts (batch, heads, queries, d_v); None elsewhere."""
    heads, width = contexts.shape[1], contexts.shape[-1]
    flat = given.reshape(-1, given.shape[-1])
    by_row = contexts.transpose(1, 2)
    for rows in (by_row, by_row.transpose(0, 1)):  # documents vary slowest, or the rows of a document
        if _same(rows.flatten(2).flatten(0, 1), flat):
            return weight.detach().reshape(heads, width, -1)
        if _same(rows.sum(2).flatten(0, 1), flat):
            return weight.detach().expand(heads, width, -1)
    return None


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and close(one, other)
