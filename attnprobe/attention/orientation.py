"""Batches turned so that documents come first, and without what all documents are held against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from attnprobe.attention.calls import observing
from attnprobe.attention.given_batches import several_documents
from attnprobe.attention.input_axes import rows_of
from attnprobe.attention.model_call import Inputs, ModelCall
from attnprobe.attention.sites import recognise
from attnprobe.attention.token_axes import documents_of, mask_names
from attnprobe.base.errors import InputError

_OF_TEXT = ("input_ids", "attention_mask", "token_type_ids", "position_ids")
_OF_OTHERS = ("pixel_values", "input_features", "input_values")
_AGAINST_TEXT = ("logits_per_image", "logits_per_audio", "logits_per_video")


def settled(call: ModelCall, batch: Inputs, token_axis: int | None = None) -> dict[str, Any]:
    """Several documents to look at a model with, documents first; the call takes such batches from then on.

    A model that takes tokens before documents, as ``torch.nn`` does by default, is found by what it attends among. Of a
    zero-shot classifier the texts are what documents are held against, and no part of them.

    Args:
        call: the model.
        batch: as the model takes it.
        token_axis: the axis of the first of the inputs that counts tokens, where it was said.

    Raises:
        InputError: there is no such axis.
    """
    axes = documents_of(batch).dim()
    if token_axis is not None and not 0 <= token_axis < axes:
        raise InputError(f"token_axis is {token_axis}, but the first of the inputs has the axes 0 to {axes - 1}.")
    if _is_zero_shot(call, batch):
        call.fixed = {name: batch[name] for name in _OF_TEXT if name in batch}
    if token_axis == 0 or (token_axis is None and _tokens_in_front(call, batch)):
        main = documents_of(batch)
        call.turned = frozenset(
            name
            for name, value in batch.items()
            if isinstance(value, Tensor) and value.shape[:2] == main.shape[:2] and name not in mask_names()
        )
    examples = several_documents(call.documents_first(batch))
    documents = len(documents_of(examples))
    if any(isinstance(value, Tensor) and value.dim() and len(value) == documents for value in call.fixed.values()):
        rows = torch.arange(documents + 1, device=documents_of(examples).device) % documents
        examples = rows_of(examples, rows, documents)
    return examples


def _is_zero_shot(call: ModelCall, batch: Inputs) -> bool:
    """Whether a model holds pictures or sounds against texts, and gives a logit for each text."""
    if "input_ids" not in batch or not any(name in batch for name in _OF_OTHERS):
        return False
    with torch.no_grad():
        try:
            output = call.model(**batch)
        except Exception:  # what is wrong with it is said where the model is attached to
            return False
    return any(isinstance(_get(output, name), Tensor) for name in _AGAINST_TEXT)


def _get(output: Any, name: str) -> Any:  # noqa: ANN401
    return output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)


def _tokens_in_front(call: ModelCall, batch: Inputs) -> bool:
    """Whether a model that is not one of transformers attends among the entries of its inputs' first axis."""
    if "PreTrainedModel" in {part.__name__ for part in type(call.model).__mro__}:
        return False
    first, second = documents_of(batch).shape[:2]
    if first == second:  # nothing tells the axes apart: the last entry of the first one is left out
        batch, first = _shorter(batch, first), first - 1
    return not _attends(call, batch, first, second) and _attends(call, batch, second, first)


def _attends(call: ModelCall, batch: Inputs, documents: int, tokens: int) -> bool:
    """Whether a model, run as it is on a batch, attends among so many tokens of so many documents."""
    try:
        with torch.no_grad(), observing(call.model) as observed:
            call.model(**batch)
    except Exception:  # what is wrong with it is said where the model is attached to
        return False
    # Columns behind the tokens may be sinks; where the two numbers are close that tells nothing.
    found = recognise(call.model, observed, documents, (tokens, None)).attention
    return any(site.extra == 0 and not site.pools for site in found)


def _shorter(batch: Inputs, size: int) -> dict[str, Any]:
    """Without the last entry of the first axis of what has documents and tokens, and of masks that fit then."""
    main = documents_of(batch).shape[:2]
    cut = dict(batch)
    for name, value in batch.items():
        if isinstance(value, Tensor) and value.shape[:2] == main:
            cut[name] = value[:, : size - 1] if name in mask_names() else value[: size - 1]
    return cut
