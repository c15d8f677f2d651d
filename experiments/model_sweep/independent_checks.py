"""Whether erasing works, asked in two ways that share nothing with the checks made when attaching.

Both erase one token's column in all heads, rows and layers. A token that nobody attends to is as good as masked, and as
good as any other token.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from attnprobe.attention.calls import intercepting, observing
from attnprobe.attention.examples import example_inputs
from attnprobe.attention.sites import DECODER, Site, recognise
from attnprobe.attention.taps import Erase
from attnprobe.attention.token_axes import TokenAxes

TOKEN = 3
"""The erased token: no document of the examples begins or ends with it."""

_CLOSE = 1e-4


class Checks(NamedTuple):
    """What was seen; None where it cannot be asked.

    Attributes:
        mask: erasing the token gives the logits that masking it by the model's own ``attention_mask`` gives.
        knockout: with the token erased, the logits at all other rows do not depend on what token it is, and without
            that they do.
    """

    mask: bool | None
    knockout: bool | None


def check(model: nn.Module) -> Checks:
    """Ask both of a verified model."""
    inputs = example_inputs(model)
    axes = TokenAxes.of(inputs, model)
    with torch.no_grad(), observing(model) as observed:
        plain = _logits(model, inputs)
    sites = recognise(model, observed, axes.batch, axes.lengths).attention
    rows = torch.ones(plain.shape[1], dtype=torch.bool) if plain.dim() == 3 else None
    own = 0 if "decoder_input_ids" in inputs or rows is None else 1
    if rows is not None and own:
        rows[TOKEN] = False
    compare = _comparison(axes, rows)
    return Checks(_mask(model, inputs, axes, sites, compare), _knockout(model, inputs, axes, sites, compare))


def _comparison(axes: TokenAxes, rows: Tensor | None) -> Callable[[Tensor, Tensor], bool]:
    def agree(one: Tensor, other: Tensor) -> bool:
        if rows is not None:
            real = (axes.source if axes.target is None else axes.target) & rows
            one, other = one[real], other[real]
        return bool((one - other).abs().amax() <= _CLOSE * one.abs().amax().clamp(min=1))

    return agree


def _mask(
    model: nn.Module,
    inputs: dict[str, Any],
    axes: TokenAxes,
    sites: list[Site],
    agree: Callable[[Tensor, Tensor], bool],
) -> bool | None:
    masked = {**inputs, "attention_mask": inputs["attention_mask"].clone()}
    masked["attention_mask"][:, TOKEN] = 0
    try:
        with torch.no_grad():
            expected = _logits(model, masked)
    except Exception:  # a mask with a hole is not what every model was made for
        return None
    # A decoder that reads the text itself, one to the right, attends to the token there, which no mask hides.
    erased = {site: _column(axes, site, TOKEN, spare=False) for site in sites if site.stack != DECODER}
    return agree(expected, _erased(model, inputs, erased))


def _knockout(
    model: nn.Module,
    inputs: dict[str, Any],
    axes: TokenAxes,
    sites: list[Site],
    agree: Callable[[Tensor, Tensor], bool],
) -> bool | None:
    other = {**inputs, "input_ids": inputs["input_ids"].clone()}
    ids = other["input_ids"][:, TOKEN]
    other["input_ids"][:, TOKEN] = torch.where(ids == ids.amax(), ids - 1, ids + 1)
    with torch.no_grad():
        if agree(_logits(model, inputs), _logits(model, other)):
            return None
    shifted = axes.target is not None and "decoder_input_ids" not in inputs
    erased = {}
    for site in sites:
        if site.stack == DECODER and not shifted:
            continue
        erased[site] = _column(axes, site, TOKEN + (site.stack == DECODER), spare=site.stack != "cross")
    return agree(_erased(model, inputs, erased), _erased(model, other, erased))


def _column(axes: TokenAxes, site: Site, token: int, *, spare: bool) -> Tensor:
    """The column of a token, but for what it sees of itself."""
    queries, keys = axes.queries(site).shape[1], axes.keys(site).shape[1]
    erased = torch.zeros(1, 1, queries, keys, dtype=torch.bool)
    erased[..., token] = True
    if spare:
        erased[..., token, token] = False
    return erased


def _erased(model: nn.Module, inputs: dict[str, Any], erased: dict[Site, Tensor]) -> Tensor:
    tapped = dict(site.tapped(Erase(where), by_mask=False) for site, where in erased.items())
    with torch.no_grad(), intercepting(model, tapped):
        return _logits(model, inputs)


def _logits(model: nn.Module, inputs: dict[str, Any]) -> Tensor:
    output = model(**inputs)
    logits: Tensor = output.logits if hasattr(output, "logits") else output[0]
    return logits
