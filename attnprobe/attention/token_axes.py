"""How many documents and tokens a model's inputs hold, and which of the tokens are real."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from attnprobe.attention.sites import CROSS, DECODER, Site
from attnprobe.base.errors import InputError
from attnprobe.erasure.arrays import truths

Inputs = Mapping[str, Any]
"""What a model is called with; tensors begin with the axis of the documents."""

READ_AT = "read_at"
"""Of inputs, and not for the model: True for the token whose row the decision is read from (batch, tokens)."""

_REAL = ("attention_mask", "mask")
_PADDING = ("src_key_padding_mask", "padding_mask", "key_padding_mask")
OF_PAIRS = ("attn_mask", "src_mask")
"""Masks of pairs of tokens, as ``torch.nn`` names them; ``mask`` is another beside a mask of padding."""
_MASKS = {*_REAL, *_PADDING, *OF_PAIRS, READ_AT}

HIDDEN = -1e3
"""What is added to a score that is to count for nothing is this or less: −∞, or the least that a format has."""


@dataclass(frozen=True)
class TokenAxes:
    """Masks of a batch, True where a token is real.

    Attributes:
        source: (batch, tokens).
        target: of a decoder that reads tokens of its own (batch, target tokens), or None.
        read: True for the tokens whose rows the decision is read from, of the decoder where there is one
            (batch, tokens); None where inputs do not say it.
    """

    source: Tensor
    target: Tensor | None
    read: Tensor | None = None

    @classmethod
    def of(cls, inputs: Inputs, model: nn.Module) -> TokenAxes:
        """Read off a model's inputs.

        Raises:
            InputError: they hold no tensor of (batch, tokens, …), or a mask of anything but Booleans, zeros and ones
                (or zeros and −∞, which are added to scores), or one by which a document has no token.
        """
        source = _mask(inputs)
        empty = (~source.any(-1)).nonzero()
        if len(empty):
            raise InputError(
                f"The mask among the model's inputs says of no token of document {int(empty[0])} that it is real: "
                "attention_mask and mask are 1 where a token is real, padding_mask where it is padding."
            )
        has_decoder = bool(getattr(getattr(model, "config", None), "is_encoder_decoder", False))
        target = target_of(inputs)  # a classifier shows its decoder the text itself
        return cls(source, source if target is None and has_decoder else target, inputs.get(READ_AT))

    @property
    def batch(self) -> int:
        """How many documents there are."""
        return len(self.source)

    @property
    def lengths(self) -> tuple[int, int | None]:
        """How many tokens, padding included: source, and target where there is a decoder."""
        return self.source.shape[1], None if self.target is None else self.target.shape[1]

    def keys(self, site: Site) -> Tensor:
        """The mask of what a site's columns are."""
        return self.target if site.stack == DECODER and self.target is not None else self.source

    def queries(self, site: Site) -> Tensor:
        """The mask of what a site's rows are."""
        return self.target if site.stack in (DECODER, CROSS) and self.target is not None else self.source


def target_of(inputs: Inputs) -> Tensor | None:
    """True where a token that a decoder reads is real (batch, target tokens); None where it is given none."""
    if "decoder_input_ids" not in inputs:
        return None
    ids: Tensor = inputs["decoder_input_ids"]
    given = _truths(inputs, "decoder_attention_mask", len(ids), of_real=True)
    return torch.ones_like(ids, dtype=torch.bool) if given is None else given


def masks_of_pairs(inputs: Inputs) -> tuple[str, ...]:
    """The names of inputs that are masks of pairs of tokens whatever their shape is."""
    beside = any(inputs.get(name) is not None for name in _PADDING)
    return (*OF_PAIRS, "mask") if beside else OF_PAIRS


def mask_names() -> frozenset[str]:
    """The names of inputs that are masks, whose first axis is that of the documents however the others are laid out."""
    return frozenset(_MASKS)


def documents_of(inputs: Inputs) -> Tensor:
    """The first of the inputs that has an entry a document and token (batch, tokens, …).

    Raises:
        InputError: there is none.
    """
    of_tokens = [(name, value) for name, value in inputs.items() if isinstance(value, Tensor) and value.dim() >= 2]
    for _, value in [each for each in of_tokens if each[0] not in _MASKS] or of_tokens:
        return value
    raise InputError("The model's inputs hold no tensor of (batch, tokens, …).")


def _mask(inputs: Inputs) -> Tensor:
    """True where a token is real (batch, tokens): by a mask of tokens, else by one that is added to scores, else all.

    A mask of pairs of tokens, (tokens, tokens) or one for each document and head, says of no token whether it is real.
    """
    documents = documents_of(inputs)
    for name in _PADDING:
        padding = _truths(inputs, name, len(documents))
        if padding is not None:
            return ~padding
    for name in _REAL:
        real = _truths(inputs, name, len(documents), of_real=True)
        if real is not None:
            return real
    for name in _REAL:
        added = inputs.get(name)
        if isinstance(added, Tensor) and added.dim() == 4 and len(added) == len(documents):
            return (added > HIDDEN if added.is_floating_point() else added != 0).any(1).any(1)
    return torch.ones(documents.shape[:2], dtype=torch.bool, device=documents.device)


def _truths(inputs: Inputs, name: str, batch: int, *, of_real: bool = False) -> Tensor | None:
    """A mask of tokens among the inputs, where there is one: 0 and 1, or what is added to scores, 0 and −∞."""
    given = inputs.get(name)
    if given is None or (isinstance(given, Tensor) and (given.dim() > 2 or len(given) != batch)):
        return None
    if not isinstance(given, Tensor):
        raise InputError(f"{name} of the model's inputs is {type(given).__name__}, but a tensor is needed.")
    if given.is_floating_point() and bool(((given == 0) | (given <= HIDDEN)).all()):
        return (given == 0) if of_real else (given != 0)
    try:
        return truths(name, given)
    except ValueError as error:
        raise InputError(f"In the model's inputs {error}.") from None
