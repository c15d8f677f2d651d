"""Inputs to try a model on: random texts, pictures or sounds, of what its configuration says that it takes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig

from attnprobe.attention.examples import DOCUMENTS, TARGET, example_inputs

_PICTURES = ("images", "zero-shot images", "video", "questions on images")
_SOUNDS = ("audio", "speech to text")

SAMPLES, TEXTS = 420, 3
"""Of a sound; and how many texts a picture is held against."""


def of_other_modality(task: str) -> bool:
    """Whether a task is of pictures or sounds; of pictures to text the text alone is given."""
    return task in (*_PICTURES, *_SOUNDS)


def examples(model: nn.Module, task: str) -> dict[str, Any]:
    """A batch of several documents."""
    if not of_other_modality(task):
        return example_inputs(model)
    generator = torch.Generator().manual_seed(0)
    return _pictures(model, task, generator) if task in _PICTURES else _sounds(model, task, generator)


def _pictures(model: nn.Module, task: str, generator: torch.Generator) -> dict[str, Any]:
    size, channels = _found(model, "image_size", "crop_size") or 32, _found(model, "num_channels", "in_chans") or 3
    height, width = size if isinstance(size, (list, tuple)) else (size, size)
    frames = _found(model, "num_frames", "frames_per_clip")
    shape = (
        (DOCUMENTS, frames or 4, channels, height, width) if task == "video" else (DOCUMENTS, channels, height, width)
    )
    taken = set(inspect.signature(model.forward).parameters)
    name = "pixel_values_videos" if "pixel_values_videos" in taken else "pixel_values"
    inputs: dict[str, Any] = {name: torch.randn(shape, generator=generator)}
    if "inputs" in taken and name not in taken:
        inputs = {"inputs": inputs[name]}
    if model.config.model_type == "imagegpt":
        return {"input_ids": torch.randint(0, 90, (DOCUMENTS, 16), generator=generator)}
    if "spatial_shapes" in taken:  # pictures of several sizes, cut into patches beforehand
        patch = _found(model, "patch_size") or 8
        inputs = {
            "pixel_values": torch.randn(DOCUMENTS, 16, channels * patch**2, generator=generator),
            "spatial_shapes": torch.tensor([[4, 4]]).repeat(DOCUMENTS, 1),
            "pixel_attention_mask": torch.ones(DOCUMENTS, 16, dtype=torch.long),
        }
    if task in ("zero-shot images", "questions on images"):
        texts = TEXTS if task == "zero-shot images" else DOCUMENTS
        ids = torch.randint(3, 90, (texts, 9), generator=generator)
        end = _found(model, "eos_token_id")
        ids[:, -1] = end if isinstance(end, int) else 2
        inputs |= {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return inputs


def _sounds(model: nn.Module, task: str, generator: torch.Generator) -> dict[str, Any]:
    taken = inspect.signature(model.forward).parameters
    mels = _found(model, "num_mel_bins", "feature_projection_input_dim", "input_feat_per_channel", "n_mels") or 16
    name = getattr(model, "main_input_name", "input_values")
    if name == "input_values" and _found(model, "time_stride"):
        shape: tuple[int, ...] = (DOCUMENTS, _found(model, "max_length") or 40, mels)
    elif name == "input_values" or "input_features" not in taken:
        shape = (DOCUMENTS, SAMPLES)
    elif _found(model, "max_source_positions") and model.config.model_type == "whisper":
        shape = (DOCUMENTS, mels, 2 * int(_found(model, "max_source_positions")))
    else:
        shape = (DOCUMENTS, 44, mels)
    inputs: dict[str, Any] = {name: torch.randn(shape, generator=generator)}
    if task == "speech to text" and "decoder_input_ids" in taken:
        inputs["decoder_input_ids"] = torch.randint(3, 60, (DOCUMENTS, TARGET), generator=generator)
    return inputs


def _found(model: nn.Module, *names: str) -> Any:  # noqa: ANN401
    """The first value that a configuration, or one in it, has under one of these names."""
    for config in _configurations(model.config):
        for name in names:
            value = getattr(config, name, None)
            if value is not None and not isinstance(value, Tensor):
                return value
    return None


def _configurations(config: Any) -> Iterator[Any]:  # noqa: ANN401
    parts = [getattr(config, name, None) for name in getattr(config, "sub_configs", {})]
    parts = [part for part in parts if isinstance(part, PretrainedConfig)]
    yield from sorted(parts, key=lambda part: "text" in part.model_type)
    yield config
