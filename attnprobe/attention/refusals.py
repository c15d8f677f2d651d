"""Models whose attention cannot be erased, or not provably."""

from __future__ import annotations

import itertools
import re
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from attnprobe.base.errors import InputError


class RefusedError(InputError):
    """A model's attention cannot be erased, or not provably; the message says why in one sentence."""


_KERNELS = re.compile(r"flash|flex|paged|/|kernel|sage", re.IGNORECASE)
"""In what implementations of attention are called that are no code of torch; of others it is seen what they compute."""


def refuse_by_name(model: nn.Module) -> None:
    """Refuse what is known, without running it, to compute attention where it cannot be seen, or not at all.

    Raises:
        RefusedError: the model is one of these.
    """
    name = type(model).__name__
    if any(map(_is_compiled, model.modules())):
        raise RefusedError(
            f"{name} is compiled, and its attention cannot be seen: give the model without torch.compile."
        )
    if any(isinstance(part, torch.jit.ScriptModule) for part in model.modules()):
        raise RefusedError(f"{name} is scripted, and its attention cannot be seen: give the model as Python code.")
    _refuse_weights(model, name)
    config: Any = getattr(model, "config", None)
    implementation = getattr(config, "_attn_implementation", None)
    if isinstance(implementation, str) and _KERNELS.search(implementation):
        raise RefusedError(
            f"{name} computes attention with {implementation!r}, in which no weight can be seen: "
            "load it with attn_implementation='sdpa' or 'eager'."
        )
    if getattr(config, "attention_type", None) == "block_sparse":
        raise RefusedError(f"{name} has block-sparse attention, whose columns are blocks and not tokens.")


def _is_compiled(part: nn.Module) -> bool:
    """Whether a module is, or its ``forward`` has been replaced by what ``torch.compile`` makes of it."""
    marks = ("_orig_mod", "_compiled_call_impl")
    return any(getattr(part, mark, None) is not None for mark in marks) or hasattr(
        part.forward, "_torchdynamo_orig_callable"
    )


def _refuse_weights(model: nn.Module, name: str) -> None:
    """Refuse weights that are not there while the model is at rest, or that no gradient can flow through."""
    for path, weight in itertools.chain(model.named_parameters(), model.named_buffers()):
        if weight.is_meta:
            if any(hasattr(part, "_hf_hook") for part in model.modules()):
                raise RefusedError(
                    f"{name} is offloaded: {path} is in memory only while its layer runs; load the model whole, "
                    "without device_map."
                )
            raise RefusedError(f"{name} is on the device meta: {path} has a shape and no numbers; load its weights.")
        if not isinstance(weight, UninitializedParameter | UninitializedBuffer) and weight.is_inference():
            raise RefusedError(
                f"{name} was made inside torch.inference_mode, so that no gradient flows through {path}: make or load "
                "it outside."
            )
