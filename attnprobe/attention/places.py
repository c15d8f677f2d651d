"""Where in a picture or a sound each token lies, proved by changing what is there and seeing which token changes.

A model may have tokens that are of no place: one for the class, registers. How a picture is cut is taken from the
model's configuration where it says so, else tried; it counts only if a change of some patches' own pixels changes
those tokens most, at the first of the model's blocks, that are said to be of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.blocks import Needed, NoBlocksError, recording
from attnprobe.attention.input_axes import rows_of
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.token_axes import documents_of
from attnprobe.data.media import Frames, Patches, Places

_MOST_SPECIAL = 9
"""Tokens of no place that a model has at most: one for the class, one of distillation, registers."""


def find_places(attachment: Attachment, inputs: Inputs, rate: float | None = None) -> Places | None:
    """Where the tokens of a batch lie; None where that is not seen.

    Args:
        attachment: a model whose tokens are found at the softmax.
        inputs: the batch, of which the first document is looked at.
        rate: entries of the input in a second of sound, where known.
    """
    main, tokens = documents_of(inputs), attachment.call.axes(inputs).source.shape[1]
    if not main.dtype.is_floating_point or not attachment.blocks:
        return None
    for places in _candidates(attachment.call.model, main, tokens, rate):
        if _proved(attachment, inputs, places):
            return places
    return None


def _candidates(model: Any, main: Tensor, tokens: int, rate: float | None) -> Iterator[Places]:  # noqa: ANN401
    if main.dim() == 4:
        for rows, columns in _grids(model, main.shape[-2], main.shape[-1], tokens):
            special = tokens - rows * columns
            yield from (Patches(rows, columns, before, special - before) for before in range(special, -1, -1))
    elif main.dim() == 3:
        yield from _spectrograms(model, main, tokens)
        for axis in (2, 1):
            if main.shape[axis] >= tokens:
                yield Frames(tokens, main.shape[axis] / tokens, axis, rate)
    elif main.dim() == 2 and main.shape[1] >= tokens:
        step = getattr(getattr(model, "config", None), "inputs_to_logits_ratio", None)
        yield Frames(tokens, float(step or main.shape[1] / tokens), 1, rate)


def _grids(model: Any, height: int, width: int, tokens: int) -> Iterator[tuple[int, int]]:  # noqa: ANN401
    """Rows and columns by the configuration's size of a patch; then others that divide the picture alike."""
    sizes = [getattr(config, "patch_size", None) for config in _configurations(model)]
    for size in sizes:
        edges: list[Any] = list(size) if isinstance(size, (list, tuple)) else [size, size]
        if len(edges) == 2 and all(isinstance(edge, int) and edge > 0 for edge in edges):
            rows, columns = height // edges[0], width // edges[1]
            if tokens >= rows * columns:
                yield rows, columns
    for special in range(min(_MOST_SPECIAL + 1, tokens)):
        rows = round(math.sqrt((tokens - special) * height / width))
        if rows and (tokens - special) % rows == 0 and height % rows == 0 and width % ((tokens - special) // rows) == 0:
            yield rows, (tokens - special) // rows


def _configurations(model: Any) -> Iterator[Any]:  # noqa: ANN401
    config = getattr(model, "config", None)
    yield config
    for name in getattr(config, "sub_configs", None) or {}:
        yield getattr(config, name, None)


def _spectrograms(model: Any, main: Tensor, tokens: int) -> Iterator[Places]:  # noqa: ANN401
    """Of a model that cuts the picture of a sound, (batch, time, frequency), into patches."""
    config = getattr(model, "config", None)
    patch = getattr(config, "patch_size", None)
    down, along = getattr(config, "frequency_stride", None), getattr(config, "time_stride", None)
    if isinstance(patch, int) and isinstance(down, int) and isinstance(along, int):
        rows = (main.shape[2] - patch) // down + 1
        columns = (main.shape[1] - patch) // along + 1
        special = tokens - rows * columns
        yield from (Patches(rows, columns, before, special - before, True) for before in range(special, -1, -1))


@torch.no_grad()
def _proved(attachment: Attachment, inputs: Inputs, places: Places) -> bool:
    """Whether a change of what is at some places changes those tokens most that are said to be of them."""
    main = documents_of(inputs)
    name = next(name for name, value in inputs.items() if value is main)
    batch, tried = len(main), _tried(places)
    rows = torch.zeros(1 + len(tried), dtype=torch.int64, device=main.device)
    changed = rows_of(inputs, rows, batch)
    given = changed[name].clone()
    generator = torch.Generator().manual_seed(0)
    spread = float(given.std().nan_to_num(1.0)) or 1.0
    for row, token in enumerate(tried, start=1):
        at = (row, *_where(places, token, given))
        noise = torch.randn(given[at].shape, generator=generator).to(given)
        given[at] = given[at] + 2 * spread * noise
    changed[name] = given
    try:
        with recording(attachment.call.model, attachment.blocks, Needed(inputs=frozenset({0}))) as record:
            attachment.call(changed)
    except (NoBlocksError, RuntimeError, ValueError):
        return False
    hidden = record.inputs.get(0)
    if hidden is None or hidden.dim() != 3 or hidden.shape[:2] != (len(rows), places.tokens):
        return False
    most = (hidden[1:] - hidden[:1]).abs().sum(-1).argmax(-1).tolist()
    slack = 1 if isinstance(places, Frames) else 0  # neighbours hear the same samples
    return all(abs(found - token) <= slack for found, token in zip(most, tried, strict=True))


def _tried(places: Places) -> list[int]:
    """Tokens whose places are changed: the corners and one between, or three in time."""
    if isinstance(places, Frames):
        return sorted({places.tokens // 4, places.tokens // 2, 3 * places.tokens // 4})
    rows, columns = places.rows, places.columns
    cells = {(0, 0), (0, columns - 1), (rows - 1, 0), (rows - 1, columns - 1), (rows // 2, columns // 3)}
    return sorted(places.before + row * columns + column for row, column in cells)


def _where(places: Places, token: int, given: Tensor) -> tuple[Any, ...]:
    """What of the input a token is of: slices of its axes behind the first."""
    if isinstance(places, Frames):
        start = int(token * places.step)
        one = slice(start, max(start + 1, int((token + 1) * places.step)))
        return (one,) if places.axis == 1 else (slice(None), one)
    row, column = divmod(token - places.before, places.columns)
    if places.spectrogram:
        return (_part(given.shape[1], places.columns, column), _part(given.shape[2], places.rows, row))
    return (slice(None), _part(given.shape[2], places.rows, row), _part(given.shape[3], places.columns, column))


def _part(size: int, parts: int, number: int) -> slice:
    return slice(number * size // parts, max((number + 1) * size // parts, number * size // parts + 1))
