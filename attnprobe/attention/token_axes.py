"""How many documents and tokens a model's inputs hold, and which of the tokens are real."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attnprobe.attention.model_call import Inputs
from attnprobe.attention.sites import CROSS, DECODER, Site
from attnprobe.base.errors import InputError
from attnprobe.erasure.arrays import truths

_REAL = ("attention_mask", "mask")
_PADDING = ("src_key_padding_mask", "padding_mask", "key_padding_mask")


@dataclass(frozen=True)
class TokenAxes:
    """Masks of a batch, True where a token is real.

    Attributes:
        source: (batch, tokens).
        target: of a decoder that reads tokens of its own (batch, target tokens), or None.
    """

    source: Tensor
    target: Tensor | None

    @classmethod
    def of(cls, inputs: Inputs, model: nn.Module) -> TokenAxes:
        """Read off a model's inputs.

        Raises:
            InputError: they hold no tensor of (batch, tokens, …), or a mask of anything but Booleans, zeros and ones.
        """
        source = _mask(inputs)
        if "decoder_input_ids" in inputs:
            ids = inputs["decoder_input_ids"]
            given = _truths(inputs, "decoder_attention_mask")
            return cls(source, torch.ones_like(ids, dtype=torch.bool) if given is None else given)
        has_decoder = bool(getattr(getattr(model, "config", None), "is_encoder_decoder", False))
        return cls(source, source if has_decoder else None)  # a classifier shows its decoder the text itself

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


def _mask(inputs: Inputs) -> Tensor:
    for name in _REAL:
        real = _truths(inputs, name)
        if real is not None and real.dim() == 2:
            return real
    for name in _PADDING:
        padding = _truths(inputs, name)
        if padding is not None:
            return ~padding
    for value in inputs.values():
        if isinstance(value, Tensor) and value.dim() >= 2:
            return torch.ones(value.shape[:2], dtype=torch.bool, device=value.device)
    raise InputError("The model's inputs hold no tensor of (batch, tokens, …).")


def _truths(inputs: Inputs, name: str) -> Tensor | None:
    """A mask among the inputs, where there is one: added to scores it would be read the wrong way round."""
    given = inputs.get(name)
    if given is None or (isinstance(given, Tensor) and given.dim() > 2):
        return None  # a mask of pairs says of no token whether it is real
    if not isinstance(given, Tensor):
        raise InputError(f"{name} of the model's inputs is {type(given).__name__}, but a tensor is needed.")
    try:
        return truths(name, given)
    except ValueError as error:
        raise InputError(f"In the model's inputs {error}.") from None
