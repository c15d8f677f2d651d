"""How many documents and tokens a model's inputs hold, and which of the tokens are real."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attnprobe.errors import InputError
from attnprobe.interception.sites import CROSS, DECODER, Site
from attnprobe.probes.model_call import Inputs

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
            InputError: they hold no tensor of (batch, tokens, …).
        """
        source = _mask(inputs)
        if "decoder_input_ids" in inputs:
            ids = inputs["decoder_input_ids"]
            given = inputs.get("decoder_attention_mask")
            return cls(source, torch.ones_like(ids, dtype=torch.bool) if given is None else given.to(torch.bool))
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
        if isinstance(inputs.get(name), Tensor) and inputs[name].dim() == 2:
            real: Tensor = inputs[name].to(torch.bool)
            return real
    for name in _PADDING:
        if isinstance(inputs.get(name), Tensor):
            padding: Tensor = inputs[name].to(torch.bool)
            return ~padding
    for value in inputs.values():
        if isinstance(value, Tensor) and value.dim() >= 2:
            return torch.ones(value.shape[:2], dtype=torch.bool, device=value.device)
    raise InputError("The model's inputs hold no tensor of (batch, tokens, …).")
