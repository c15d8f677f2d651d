"""Pictures and sounds in whatever form programs have them, as batches that a model of transformers takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from attnprobe.base.errors import InputError

_PICTURES, _SOUNDS = "pixel_values", ("input_values", "input_features")
_OF_CONTENT = (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)
"""What is raised by processors that are given something else than they take, and by files that are read only then."""

_AT_ONCE = 32
"""Pictures of a batch; sounds are one batch, in which the shorter ones are padded."""


class GivenMedia(NamedTuple):
    """Batches of pictures or sounds.

    Attributes:
        batches: what the model is called with.
        rate: how many entries of time the input has in a second, of sounds.
    """

    batches: list[dict[str, Tensor]]
    rate: float | None


def takes_media(processor: object) -> bool:
    """Whether a processor of transformers makes what a model takes out of pictures or sounds, and not of texts."""
    names = getattr(processor, "model_input_names", None) or [""]
    return callable(processor) and names[0] in (_PICTURES, *_SOUNDS)


def processed(processor: Any, given: Any) -> GivenMedia:  # noqa: ANN401
    """What a processor makes of pictures or sounds.

    Args:
        processor: an image processor, or a feature extractor.
        given: pictures (PIL images, or arrays as the processor takes them) or sounds (arrays of samples, at the
            processor's own sampling rate); one, or several in anything that can be gone through.

    Raises:
        InputError: there are none, or the processor makes nothing of one.
        TypeError: they are texts, or nothing that can be gone through.
    """
    of_pictures = processor.model_input_names[0] == _PICTURES
    several = _several(given, 3 if of_pictures else 1)
    if not several:
        raise InputError("There are no pictures or sounds.")
    if any(isinstance(one, str | bytes) for one in several):
        raise TypeError("Texts were given, but the processor takes pictures or sounds: read the files first.")
    inner = getattr(processor, "feature_extractor", processor)
    sampling = getattr(inner, "sampling_rate", None)
    try:
        if of_pictures:
            parts = [several[start : start + _AT_ONCE] for start in range(0, len(several), _AT_ONCE)]
            batches = [dict(processor(images=part, return_tensors="pt")) for part in parts]
        else:
            sounds = [np.asarray(one, dtype=np.float32) for one in several]
            options = {"padding": True} if processor.model_input_names[0] == "input_values" else {}
            batches = [dict(processor(sounds, sampling_rate=sampling, return_tensors="pt", **options))]
    except _OF_CONTENT as error:
        why = (str(error).strip().splitlines() or [""])[0].rstrip(".")
        raise InputError(f"{type(processor).__name__} makes nothing of what it is given: {why}.") from error
    return GivenMedia(batches, _rate(inner, sampling, batches[0]))


def _several(given: Any, axes: int) -> list[Any]:  # noqa: ANN401
    """One picture (an object, or an array of so many axes) or sound stands for a list of it."""
    if hasattr(given, "mode") and hasattr(given, "size"):  # a picture of PIL
        return [given]
    if isinstance(given, np.ndarray | Tensor):
        return [given] if given.ndim <= axes else list(given)
    if isinstance(given, list | tuple) and given and isinstance(given[0], int | float):
        return [given]
    if not isinstance(given, Iterable) or isinstance(given, Mapping):
        raise TypeError(f"{type(given).__name__} is neither a picture or sound nor several of them.")
    return list(given)


def _rate(extractor: Any, sampling: Any, batch: Mapping[str, Tensor]) -> float | None:  # noqa: ANN401
    """Samples in a second, or columns of a spectrogram."""
    if not isinstance(sampling, int | float):
        return None
    if "input_values" in batch and batch["input_values"].dim() == 2:
        return float(sampling)
    hop = getattr(extractor, "hop_length", None)
    return float(sampling) / hop if isinstance(hop, int) and hop > 0 else None
