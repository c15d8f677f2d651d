"""Run a model of any kind on a batch and read its decision off: the logits of one row a document."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from attnprobe.base.errors import InputError

Inputs = Mapping[str, Any]
"""What a model is called with; tensors begin with the axis of the documents."""


class ModelCall:
    """A model as a function from inputs to logits (batch, classes).

    A classifier's logits are its own. A language model's are those of the token that follows the last real one, over
    its vocabulary or over the given words. A model may give a tensor, or a tuple that begins with it.

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
        last = self._last(inputs)
        kept = None
        if self._keeps and last is not None:
            kept = torch.unique(last)
            inputs = {**inputs, "logits_to_keep": kept}
        logits = _logits(self.model(**inputs))
        if logits.dim() == 3:
            if last is None or kept is None:
                position = logits.shape[1] - 1 if last is None else last
            else:
                position = torch.searchsorted(kept, last)
            logits = logits[torch.arange(len(logits), device=logits.device), position]
        if logits.dim() != 2:
            raise InputError(
                f"{type(self.model).__name__} gives an output of shape {tuple(logits.shape)}, from which no "
                "decision can be read: (batch, classes) or (batch, tokens, vocabulary) is needed."
            )
        return logits if self.label_words is None else logits[:, self.label_words]

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
