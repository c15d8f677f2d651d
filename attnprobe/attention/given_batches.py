"""Batches in whatever form programs have them, as keyword arguments of the model whose arrays are tensors."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from attnprobe.attention.token_axes import READ_AT, documents_of
from attnprobe.base.errors import InputError
from attnprobe.data.files.places import listed

COPIES = 5
"""Of a single document, to look at a model with: a number that hardly any model has for a size of its own."""


def batches_of(given: Any, model: nn.Module) -> list[dict[str, Any]]:  # noqa: ANN401
    """Batches as keyword arguments of the model, on its device.

    Args:
        given: one batch or several, each keyword arguments of the model (a tokenizer's encoding is such), or its
            arguments in order, or its first one; arrays and lists of numbers stand for tensors.
        model: which takes them.

    Raises:
        TypeError: they are something else altogether.
        InputError: there are none, or one does not fit the model's arguments, or holds rows of different lengths.
    """
    if callable(given) and not isinstance(given, nn.Module | Iterable):
        raise TypeError(f"With a tokenizer, {type(given).__name__}, texts are needed: probe(model, tokenizer, texts).")
    if isinstance(given, Mapping | Tensor | np.ndarray):
        given = [given]
    if not isinstance(given, Iterable):
        raise TypeError(f"{type(given).__name__} is neither a tokenizer nor batches.")
    batches = [_named(batch, number, model) for number, batch in enumerate(given)]
    if not batches:
        raise InputError("There are no batches.")
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    return [
        {name: _as_tensor(value, f"{name} of batch {number}", device) for name, value in batch.items()}
        for number, batch in enumerate(batches)
    ]


def several_documents(batch: Mapping[str, Any]) -> dict[str, Any]:
    """A batch to look at a model with: itself, or copies of its document where it has a single one."""
    if len(documents_of(batch)) != 1:
        return dict(batch)
    return {
        name: value.repeat_interleave(COPIES, dim=0)
        if isinstance(value, Tensor) and value.dim() and len(value) == 1
        else value
        for name, value in batch.items()
    }


def decided_at(batch: Mapping[str, Any], real: Tensor, position: int) -> dict[str, Any]:
    """A batch that says at which token of each document the model decides.

    Args:
        batch: keyword arguments of the model, documents first.
        real: True for its real tokens (batch, tokens).
        position: of a real token, negative from the end.

    Raises:
        InputError: a document has no such token.
    """
    place = position if position >= 0 else real.sum(-1, keepdim=True) + position
    read = real & (real.cumsum(-1) - 1 == place)
    for document in (~read.any(-1)).nonzero().flatten()[:1].tolist():
        raise InputError(f"Document {document} of a batch has no token {position}, at which the model is to decide.")
    return {**batch, READ_AT: read}


def _named(batch: Any, number: int, model: nn.Module) -> dict[str, Any]:  # noqa: ANN401
    """A batch's values by the names of the model's arguments."""
    known = _arguments(model)
    if isinstance(batch, Mapping):
        unknown = [str(name) for name in batch if known is not None and name not in known]
        if unknown:
            raise InputError(
                f"Batch {number} holds {listed(unknown)}, which {type(model).__name__} does not take: leave that out."
            )
        return dict(batch)
    values = [batch] if isinstance(batch, Tensor | np.ndarray) else batch
    if (
        not isinstance(values, tuple | list)
        or not values
        or not all(isinstance(v, Tensor | np.ndarray) for v in values)
    ):
        what = _told(batch)
        raise TypeError(f"Batch {number} is {what}, but arguments of the model are needed, by name or in order.")
    names = list(known or inspect.signature(model.forward).parameters)
    odd = next((place for place, value in enumerate(values) if value.shape[:1] != values[0].shape[:1]), None)
    labels = next((place for place, value in enumerate(values) if value.ndim < 2), None)
    if len(values) > len(names) or (odd is None and labels is not None):
        place = len(names) if len(values) > len(names) else labels
        raise InputError(
            f"Batch {number} has {len(values)} tensors, of which number {place} is no argument of "
            f"{type(model).__name__} about tokens ({', '.join(names[:6])}): leave labels out, or name each."
        )
    return dict(zip(names, values, strict=False))


def _told(batch: object) -> str:
    if isinstance(batch, tuple | list) and batch:
        return f"a {type(batch).__name__} of {', '.join(dict.fromkeys(type(value).__name__ for value in batch))}"
    return type(batch).__name__


def _arguments(model: nn.Module) -> list[str] | None:
    """Names of what a model takes, in order; None where it takes any."""
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):
        return None
    kinds = {parameter.kind for parameter in parameters}
    if kinds & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}:
        return None
    return [parameter.name for parameter in parameters]


def _as_tensor(value: Any, what: str, device: torch.device) -> Any:  # noqa: ANN401
    """Arrays and lists of numbers as tensors on the device; everything else as it is."""
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(np.ascontiguousarray(value)) if value.dtype.kind in "biuf" else value
    elif isinstance(value, list) and value and _numbers(value):
        try:
            value = torch.tensor(value)
        except (ValueError, TypeError):
            raise InputError(
                f"The {what} are rows of different lengths: let the tokenizer pad them (padding=True)."
            ) from None
    if not isinstance(value, Tensor):
        return value
    # What was made in inference mode cannot be differentiated through.
    return (value.clone() if value.is_inference() else value).to(device)


def _numbers(value: Sequence[Any]) -> bool:
    first = value[0]
    while isinstance(first, list) and first:
        first = first[0]
    return isinstance(first, int | float)
