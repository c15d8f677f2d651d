"""Patches of pictures and steps in time of sounds as items: which they are, and what they are of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.places import find_places
from attnprobe.attention.token_axes import documents_of
from attnprobe.data.media import Frames, Media, Patches, Places, Shown

_SHOWN = 24
"""Documents whose pictures or sounds are kept to be shown."""


@dataclass(frozen=True)
class MediaItems:
    """The items of a call's batches.

    Attributes:
        places: of each batch's tokens; None where they are no pictures or sounds, or it is not seen.
    """

    places: Sequence[Places | None]

    @classmethod
    def of(cls, attachment: Attachment, batches: Sequence[Inputs], rate: float | None) -> MediaItems:
        """Of a model whose tokens are found at the softmax; of others nothing is known here.

        Args:
            attachment: the model.
            batches: what it is run on.
            rate: entries of the input in a second of sound, where known.
        """
        if attachment.call.counted is None:
            return cls([None] * len(batches))
        found: dict[tuple[int, ...], Places | None] = {}
        for batch in batches:
            shape = (*documents_of(batch).shape[1:], attachment.call.axes(batch).source.shape[1])
            if shape not in found:
                found[shape] = find_places(attachment, batch, rate)
        shapes = [(*documents_of(b).shape[1:], attachment.call.axes(b).source.shape[1]) for b in batches]
        return cls([found[shape] for shape in shapes])

    @property
    def has_specials(self) -> bool:
        """Whether some tokens of each batch are known to be of no place."""
        return all(isinstance(places, Patches) and not bool(places.of_place().all()) for places in self.places)

    def _with(self, tokens: int) -> Places | None:
        return next((places for places in self.places if places is not None and places.tokens == tokens), None)

    def kept(self, mask: Tensor) -> Tensor:
        """Of the real tokens (batch, tokens) those that are of a place."""
        places = self._with(mask.shape[1])
        return mask if places is None else mask & torch.from_numpy(places.of_place()).to(mask.device)

    def names(self, mask: Tensor) -> list[str]:
        """What the items (batch, tokens) of a batch are called, one document after another; empty: it is not known."""
        places = self._with(mask.shape[1])
        if places is None:
            return []
        names = places.names()
        return [names[token] for row in mask.tolist() for token, real in enumerate(row) if real]

    def media(self, batches: Sequence[Inputs], keys: Sequence[Tensor]) -> Media | None:
        """What is kept to be shown; None where the batches' places are not known, or not the same."""
        first = self.places[0] if self.places else None
        if first is None or any(places != first for places in self.places):
            return None
        shown: list[Shown] = []
        for batch, mask in zip(batches, keys, strict=True):
            if mask.shape[1] != first.tokens:
                return None
            for document, real in zip(documents_of(batch), mask, strict=True):
                if len(shown) < _SHOWN:
                    tokens = real.nonzero()[:, 0].cpu().numpy().astype(np.int64)
                    shown.append(Shown(_content(document.detach().cpu(), first), tokens))
        return Media(first, shown)


def _content(document: Tensor, places: Places) -> npt.NDArray[np.generic]:
    values = document.float()
    if isinstance(places, Frames) and values.dim() == 1:
        return values.numpy()
    if isinstance(places, Patches) and not places.spectrogram:
        picture = values[:3] if len(values) >= 3 else values[:1].expand(3, -1, -1)
        return _levels(picture).permute(1, 2, 0).numpy()
    turned = values.T if isinstance(places, Patches) or places.axis == 1 else values
    return _levels(turned).numpy()


def _levels(values: Tensor) -> Tensor:
    """From 0 to 255, whatever they were: a picture is normalised before a model reads it."""
    low, high = values.amin(), values.amax()
    return ((values - low) / (high - low).clamp(min=1e-12) * 255).round().to(torch.uint8)
