"""Models whose attention cannot be erased, or not provably."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from attnprobe.base.errors import InputError


class RefusedError(InputError):
    """A model's attention cannot be erased, or not provably; the message says why in one sentence."""


def refuse_by_name(model: nn.Module) -> None:
    """Refuse what is known, without running it, to compute attention where it cannot be seen.

    Raises:
        RefusedError: the model is one of these.
    """
    name = type(model).__name__
    marks = ("_orig_mod", "_compiled_call_impl")
    if any(getattr(part, mark, None) is not None for part in model.modules() for mark in marks):
        raise RefusedError(
            f"{name} is compiled, and its attention cannot be seen: give the model without torch.compile."
        )
    if any(isinstance(part, torch.jit.ScriptModule) for part in model.modules()):
        raise RefusedError(f"{name} is scripted, and its attention cannot be seen: give the model as Python code.")
    config: Any = getattr(model, "config", None)
    implementation = getattr(config, "_attn_implementation", None)
    if isinstance(implementation, str) and implementation not in ("eager", "sdpa"):
        raise RefusedError(
            f"{name} computes attention with {implementation!r}, in which no weight can be seen: "
            "load it with attn_implementation='sdpa' or 'eager'."
        )
    if getattr(config, "attention_type", None) == "block_sparse":
        raise RefusedError(f"{name} has block-sparse attention, whose columns are blocks and not tokens.")
