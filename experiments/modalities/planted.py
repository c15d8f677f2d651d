"""Pictures and sounds of noise with one planted place that decides, and small models that are trained on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 4
"""Nothing planted, or one of three patterns: without the planted place a decision for one of these has no ground."""

ROWS, COLUMNS, PATCH = 3, 4, 8
"""Of a picture: patches, and pixels of a patch's edge."""

STEPS, MELS = 12, 16
"""Of a sound: steps in time, each of two columns of its spectrogram, and bands of frequency."""


class Planted(NamedTuple):
    """Documents.

    Attributes:
        values: what the model reads (documents, …).
        classes: (documents,).
        places: the patch or step that is planted (documents,), −1 where nothing is.
        loud: another one, (documents,), that is bright or loud and says nothing.
    """

    values: Tensor
    classes: Tensor
    places: Tensor
    loud: Tensor


def pictures(count: int, generator: torch.Generator) -> Planted:
    """Pictures (count, 3, 24, 32) of noise: stripes or a chequered pattern in one patch, and a bright one elsewhere."""
    lines = torch.arange(PATCH) % 2 * 2.0 - 1
    across, down = lines.expand(PATCH, PATCH), lines[:, None].expand(PATCH, PATCH)
    patterns = torch.stack([across, down, across * down])
    values = torch.randn(count, 3, ROWS * PATCH, COLUMNS * PATCH, generator=generator)
    drawn = _drawn(count, ROWS * COLUMNS, generator)
    for picture, kind, place, loud in zip(values, drawn.classes, drawn.places, drawn.loud, strict=True):
        _patch(picture, int(loud)).add_(3.0)
        if kind:
            _patch(picture, int(place)).mul_(0.5).add_(patterns[int(kind) - 1])
    return drawn._replace(values=values)


def sounds(count: int, generator: torch.Generator) -> Planted:
    """Spectrograms (count, 16, 24) of noise: a low, middle or high tone in one step, and a loud one elsewhere."""
    values = torch.randn(count, MELS, 2 * STEPS, generator=generator)
    drawn = _drawn(count, STEPS, generator)
    for sound, kind, place, loud in zip(values, drawn.classes, drawn.places, drawn.loud, strict=True):
        sound[:, 2 * int(loud) : 2 * int(loud) + 2].add_(2.0)
        if kind:
            band = 5 * (int(kind) - 1)
            sound[band : band + 4, 2 * int(place) : 2 * int(place) + 2].add_(4.0)
    return drawn._replace(values=values)


def trained(model: nn.Module, name: str, make: Callable[[int, torch.Generator], Planted], steps: int) -> nn.Module:
    """A model after so many batches of 64 fresh documents.

    Args:
        model: of transformers, with ``CLASSES`` classes.
        name: of the argument that takes the values.
        make: makes documents.
        steps: how many batches.
    """
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    model.train()
    for _ in range(steps):
        batch = make(64, generator)
        given: Any = {name: batch.values}
        loss = functional.cross_entropy(model(**given).logits, batch.classes)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return model.eval()


def _drawn(count: int, places: int, generator: torch.Generator) -> Planted:
    classes = torch.randint(CLASSES, (count,), generator=generator)
    order = torch.rand(count, places, generator=generator).argsort(-1)
    where = order[:, 0].masked_fill(classes == 0, -1)
    return Planted(torch.empty(0), classes, where, order[:, 1])


def _patch(picture: Tensor, place: int) -> Tensor:
    row, column = divmod(place, COLUMNS)
    return picture[:, row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH]
