"""Run a model of any kind on a batch and read its decision off: the logits of one row a document."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from attnprobe.base.errors import InputError

Inputs = Mapping[str, Any]
"""What a model is called with; tensors begin with the axis of the documents."""

READ_AT = "read_at"
"""Of inputs, and not for the model: True for the token whose row the decision is read from (batch, tokens)."""


class ModelCall:
    """A model as a function from inputs to logits (batch, classes).

    A classifier's logits are its own. Of a model that gives logits for every token they are those of one token: where
    inputs say it, of the token at ``READ_AT``, else of the last real one. A language model's are over its vocabulary,
    or over the given words. A model may give a tensor, or a tuple that begins with it.

    Args:
        model: put into evaluation mode.
        label_words: token numbers that a language model's decision is one of; all without them.
    """

    def __init__(self, model: nn.Module, label_words: Tensor | None = None) -> None:
        self.model = model.eval()
        self.label_words = label_words
        # Some classifiers take the argument of language models too, and then look for the last token in what is kept.
        has_vocabulary = getattr(model, "get_output_embeddings", lambda: None)() is not None
        self._keeps = "logits_to_keep" in _parameters(model) and has_vocabulary

    def __call__(self, inputs: Inputs) -> Tensor:
        """Logits (batch, classes) of float type.

        Raises:
            InputError: the output holds no logits of such a shape.
        """
        at = inputs.get(READ_AT)
        row = self._last(inputs) if at is None else at.int().argmax(-1)
        given = {name: value for name, value in inputs.items() if name != READ_AT}
        kept = None
        if self._keeps and row is not None:
            kept = torch.unique(row)
            given["logits_to_keep"] = kept
        with contextlib.nullcontext() if at is None or self._keeps else self._at_one_row(at, row):
            logits = _logits(self.model(**given))
        if at is not None and logits.dim() != 3:
            raise InputError(
                f"{type(self.model).__name__} gives logits of shape {tuple(logits.shape)}, and none of single tokens: "
                "at which of them it decides cannot be said."
            )
        if logits.dim() == 3:
            logits = logits[torch.arange(len(logits), device=logits.device), self._place(logits, row, kept, at)]
        if logits.dim() != 2:
            raise InputError(
                f"{type(self.model).__name__} gives an output of shape {tuple(logits.shape)}, from which no "
                "decision can be read: (batch, classes) or (batch, tokens, vocabulary) is needed."
            )
        return logits if self.label_words is None else logits[:, self.label_words]

    @staticmethod
    def _place(logits: Tensor, row: Tensor | None, kept: Tensor | None, at: Tensor | None) -> Tensor | int:
        """Where the row that is read is among the logits (batch, rows, classes) that the model gives."""
        if row is None:
            return logits.shape[1] - 1
        if kept is not None:
            return torch.searchsorted(kept, row)
        alone = at is not None and logits.shape[1] == 1  # computed of this row alone
        return 0 if alone else row

    @contextlib.contextmanager
    def _at_one_row(self, at: Tensor, row: Tensor | None) -> Iterator[None]:
        """Inside the context the map to a vocabulary is computed of the row that is read, and of no other."""
        head = getattr(self.model, "get_output_embeddings", lambda: None)()
        if not isinstance(head, nn.Module):
            yield
            return

        def narrow(_head: nn.Module, hidden: tuple[Any, ...]) -> tuple[Any, ...] | None:
            if not hidden or not isinstance(hidden[0], Tensor) or hidden[0].shape[:2] != at.shape:
                return None
            return (hidden[0][torch.arange(len(at), device=at.device), row][:, None], *hidden[1:])

        handle = head.register_forward_pre_hook(narrow)
        try:
            yield
        finally:
            handle.remove()

    @staticmethod
    def _last(inputs: Inputs) -> Tensor | None:
        """Position of the last real token of the sequence that the logits belong to (batch,), where it is known."""
        name = "decoder_attention_mask" if "decoder_input_ids" in inputs else "attention_mask"
        if inputs.get(name) is None:
            return None
        mask = inputs[name].to(torch.bool)
        positions = torch.arange(mask.shape[1], device=mask.device)
        last: Tensor = (mask * positions).amax(-1)
        return last


def _parameters(model: nn.Module) -> set[str]:
    try:
        return set(inspect.signature(model.forward).parameters)
    except (TypeError, ValueError):
        return set()


def _logits(output: Any) -> Tensor:  # noqa: ANN401
    if isinstance(output, Tensor):
        return output
    if isinstance(getattr(output, "logits", None), Tensor):
        logits: Tensor = output.logits
        return logits
    if isinstance(output, (tuple, list)) and output and isinstance(output[0], Tensor):
        return output[0]
    raise InputError(f"The model gives {type(output).__name__}, in which there are no logits.")
