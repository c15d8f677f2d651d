"""Inputs of a model for other documents or for fewer tokens: which axes of which input are those of them.

An input has an entry a document, (batch, …), or an entry a document and token, (batch, tokens, …); or it is a mask of
pairs of tokens: (tokens, tokens) for all documents alike, (batch · heads, tokens, tokens) with the documents slowest,
as ``torch.nn.MultiheadAttention`` takes it, or (batch or 1, heads or 1, queries or 1, tokens). What is none of these is
the same for all documents and tokens.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from attnprobe.attention.model_call import Inputs
from attnprobe.attention.token_axes import masks_of_pairs


def rows_of(inputs: Inputs, rows: Tensor, batch: int) -> dict[str, Any]:
    """The inputs of documents ``rows``, in this order and number."""
    shared = masks_of_pairs(inputs)
    return {
        name: value if name in shared and value is not None and value.dim() == 2 else _of_rows(value, rows, batch)
        for name, value in inputs.items()
    }


def _of_rows(value: Any, rows: Tensor, batch: int) -> Any:  # noqa: ANN401
    if not isinstance(value, Tensor) or not value.dim():
        return value
    if value.shape[0] == batch:
        return value.index_select(0, rows)
    if _is_of_heads(value, batch):
        return value.reshape(batch, -1, *value.shape[1:]).index_select(0, rows).flatten(0, 1)
    return value


def _is_of_heads(value: Tensor, batch: int) -> bool:
    """Whether it is a mask of pairs of tokens for each document and head."""
    return value.dim() == 3 and value.shape[0] % batch == 0 and value.shape[1] == value.shape[2]


def single_tokens(inputs: Inputs, position: Tensor, tokens: int) -> dict[str, Any]:
    """The inputs cut to one token a document, at ``position`` (batch,), where they have one entry a token."""
    batch, shared = len(position), masks_of_pairs(inputs)
    cut: dict[str, Any] = {}
    for name, value in inputs.items():
        if isinstance(value, Tensor) and value.shape == (batch, tokens) and name not in shared:
            value = value.gather(1, position[:, None])
        elif isinstance(value, Tensor) and _is_of_pairs(value, batch, tokens):
            value = value[..., :1, :1]
        cut[name] = value
    return cut


def without_last(inputs: Inputs, batch: int, tokens: int, fewer: int) -> dict[str, Any]:
    """The inputs without the last tokens, but for a decoder's own."""
    cut, shared = dict[str, Any](), masks_of_pairs(inputs)
    for name, value in inputs.items():
        if isinstance(value, Tensor) and not name.startswith("decoder_"):
            if value.shape[:2] == (batch, tokens) and name not in shared:
                value = value[:, : tokens - fewer]
            elif _is_of_pairs(value, batch, tokens):
                value = value[..., : tokens - fewer]
                value = value[..., : tokens - fewer, :] if value.shape[-2] == tokens else value
        cut[name] = value
    return cut


def _is_of_pairs(value: Tensor, batch: int, tokens: int) -> bool:
    """Whether it is a mask of pairs of tokens."""
    if value.dim() == 2:
        return value.shape == (tokens, tokens)
    if value.dim() == 3:
        return _is_of_heads(value, batch) and value.shape[-1] == tokens
    return value.dim() == 4 and value.shape[-1] == tokens and value.shape[-2] in (1, tokens)
