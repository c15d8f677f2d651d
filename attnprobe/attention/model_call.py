"""Run a model of any kind on a batch and read its decision off: the logits of one row a document."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from attnprobe.attention.token_axes import READ_AT as READ_AT
from attnprobe.attention.token_axes import Inputs as Inputs
from attnprobe.attention.token_axes import TokenAxes
from attnprobe.base.errors import InputError

_LOGITS = ("logits", "logits_per_image", "logits_per_audio", "logits_per_video")
_EMBEDDINGS = ("image_embeds", "audio_embeds", "text_embeds", "pooler_output", "last_hidden_state")
"""What models give that decide nothing, the first that is there: a vector a document, or one a token."""


class ModelCall:
    """A model as a function from inputs to logits (batch, classes).

    A classifier's logits are its own. Of a model that gives logits for every token they are those of one token: where
    inputs say it, of the token at ``READ_AT``, else of the last real one. A language model's are over its vocabulary,
    or over the given words. A model may give a tensor, or a tuple that begins with it, or a mapping with ``logits``.
    One that gives embeddings alone has these in the place of logits, and no decision.

    Of a continuation of several tokens, which inputs hold but for the last, it is what the rows at ``READ_AT`` say of
    them: the log-probability of each, and then by how much the logit of each is above the largest other one.

    Args:
        model: put into evaluation mode.
        label_words: token numbers that a language model's decision is one of; all without them.
        continuation: token numbers (tokens,) that follow, where they are given.

    Attributes:
        turned: names of inputs that the model takes with tokens in front of documents; they are given documents first.
        fixed: inputs that are the same for all documents, and no part of them: the texts of a zero-shot classifier.
        counted: how tokens are counted where the inputs do not say it; None: they do.
        embedding: the name of what the model gives in the place of logits; empty where it gives logits.
    """

    def __init__(self, model: nn.Module, label_words: Tensor | None = None, continuation: Tensor | None = None) -> None:
        self.model = model.eval()
        self.label_words, self.continuation = label_words, continuation
        self.turned: frozenset[str] = frozenset()
        self.fixed: dict[str, Any] = {}
        self.counted: Callable[[ModelCall, Inputs], TokenAxes] | None = None
        self.embedding = ""
        # Some classifiers take the argument of language models too, and then look for the last token in what is kept.
        has_vocabulary = getattr(model, "get_output_embeddings", lambda: None)() is not None
        self._keeps = "logits_to_keep" in _parameters(model) and has_vocabulary

    def __call__(self, inputs: Inputs) -> Tensor:
        """Logits (batch, classes) of float type.

        Raises:
            InputError: the output holds no logits of such a shape.
        """
        at = inputs.get(READ_AT)
        row = self._last(inputs) if at is None else self._rows_at(at)
        given = {name: value for name, value in inputs.items() if name != READ_AT}
        kept = None
        if self._keeps and row is not None:
            kept = torch.unique(row)
            given["logits_to_keep"] = kept
        with contextlib.nullcontext() if at is None or row is None or self._keeps else self._at_rows(at, row):
            logits = self._logits(self.model(**self.as_taken(given)))
        if at is not None and logits.dim() != 3:
            raise InputError(
                f"{type(self.model).__name__} gives logits of shape {tuple(logits.shape)}, and none of single tokens: "
                "at which of them it decides cannot be said."
            )
        if self.embedding and logits.dim() == 3:
            logits = logits.mean(1)
        if logits.dim() == 3:
            if at is None and row is not None and kept is None and logits.shape[1] != self._tokens(inputs):
                row = None  # the mask is of something else than the tokens: samples of a sound
            place = self._place(logits, row, kept, at)
            logits = logits[_documents(logits, place), place]
        if self.continuation is not None and logits.dim() == 3:
            return _of_continuation(logits, self.continuation)
        if logits.dim() != 2:
            raise InputError(
                f"{type(self.model).__name__} gives an output of shape {tuple(logits.shape)}, from which no "
                "decision can be read: (batch, classes) or (batch, tokens, vocabulary) is needed."
            )
        return logits if self.label_words is None else logits[:, self.label_words]

    def _rows_at(self, at: Tensor) -> Tensor:
        """The row that is read of each document (batch,), or the rows of a continuation's tokens (batch, tokens)."""
        if self.continuation is None:
            return at.int().argmax(-1)
        order: Tensor = (~at).int().argsort(stable=True, dim=-1)
        return order[:, : len(self.continuation)].contiguous()

    @staticmethod
    def _place(logits: Tensor, row: Tensor | None, kept: Tensor | None, at: Tensor | None) -> Tensor:
        """Where the rows that are read are among the logits (batch, rows, classes) that the model gives."""
        if row is None:
            return torch.full(logits.shape[:1], logits.shape[1] - 1, device=logits.device)
        if kept is not None:
            return torch.searchsorted(kept, row)
        asked = 1 if row.dim() == 1 else row.shape[1]
        if at is None or logits.shape[1] != asked or logits.shape[1] == at.shape[1]:
            return row
        places = torch.arange(asked, device=row.device)  # computed of these rows alone
        return torch.zeros_like(row) if row.dim() == 1 else places.expand_as(row)

    @contextlib.contextmanager
    def _at_rows(self, at: Tensor, row: Tensor) -> Iterator[None]:
        """Inside the context the map to a vocabulary is computed of the rows that are read, and of no other."""
        head = getattr(self.model, "get_output_embeddings", lambda: None)()
        if not isinstance(head, nn.Module):
            yield
            return

        def narrow(_head: nn.Module, hidden: tuple[Any, ...]) -> tuple[Any, ...] | None:
            if not hidden or not isinstance(hidden[0], Tensor) or hidden[0].shape[:2] != at.shape:
                return None
            rows = hidden[0][_documents(at, row), row]
            return (rows[:, None] if row.dim() == 1 else rows, *hidden[1:])

        handle = head.register_forward_pre_hook(narrow)
        try:
            yield
        finally:
            handle.remove()

    def axes(self, inputs: Inputs) -> TokenAxes:
        """How many documents and tokens a batch holds, and which tokens are real."""
        return TokenAxes.of(inputs, self.model) if self.counted is None else self.counted(self, inputs)

    def as_taken(self, inputs: Inputs) -> dict[str, Any]:
        """What the model itself is called with."""
        return {
            name: _turn(value) if name in self.turned else value for name, value in {**inputs, **self.fixed}.items()
        }

    def documents_first(self, inputs: Inputs) -> dict[str, Any]:
        """The inverse: a batch as the model takes it, documents first and without what is the same for all.

        Raises:
            InputError: what is the same for all documents is another here.
        """
        for name, value in self.fixed.items():
            if name in inputs and not _same(inputs[name], value):
                raise InputError(
                    f"{name} is another than in the first batch, but is what documents are held against, "
                    "and has to be the same for all."
                )
        left = {name: value for name, value in inputs.items() if name not in self.fixed}
        return {name: _turn(value) if name in self.turned else value for name, value in left.items()}

    @staticmethod
    def _tokens(inputs: Inputs) -> int:
        name = "decoder_attention_mask" if "decoder_input_ids" in inputs else "attention_mask"
        return int(inputs[name].shape[1])

    def _logits(self, output: Any) -> Tensor:  # noqa: ANN401
        if isinstance(output, (tuple, list)) and output and isinstance(output[0], Tensor):
            output = output[0]
        if isinstance(output, Tensor):
            return output.transpose(0, 1) if self.turned and output.dim() == 3 else output
        for names, embeds in ((_LOGITS, False), (_EMBEDDINGS, True)):
            for name in names:
                found = output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)
                if isinstance(found, Tensor):
                    self.embedding = name if embeds else ""
                    return found
        raise InputError(f"The model gives {type(output).__name__}, in which there are no logits.")

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


def _documents(of: Tensor, row: Tensor) -> Tensor:
    """The documents (batch,) or (batch, 1), to index rows (batch, …) of them with."""
    documents = torch.arange(len(of), device=of.device)
    return documents if row.dim() == 1 else documents[:, None]


def _of_continuation(logits: Tensor, tokens: Tensor) -> Tensor:
    """Log-probabilities and leads (batch, 2 · tokens) of tokens, by logits of their rows (batch, tokens, classes).

    One token after another, since a vocabulary is large: numbers of one row a document are in double precision at once.
    """
    scores, leads = [], []
    for place, token in enumerate(tokens.tolist()):
        row = logits[:, place].double()
        own, best = row[:, token], row.topk(2, dim=-1)
        scores.append(own - row.logsumexp(-1))
        leads.append(own - torch.where(best.indices[:, 0] == token, best.values[:, 1], best.values[:, 0]))
    return torch.stack([*scores, *leads], -1).to(logits.dtype)


def _parameters(model: nn.Module) -> set[str]:
    try:
        return set(inspect.signature(model.forward).parameters)
    except (TypeError, ValueError):
        return set()


def _turn(value: Any) -> Any:  # noqa: ANN401
    return value.transpose(0, 1)


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and bool((one.to(other.device) == other).all())
    return one is other or bool(one == other)
