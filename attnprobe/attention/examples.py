"""Inputs to try a Hugging Face model on: random tokens, no tokenizer needed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from attnprobe.attention.model_call import READ_AT

DOCUMENTS, SOURCE, TARGET = 5, 11, 7
"""Numbers that hardly any model has for a size of its own, so that axes are told apart by their lengths."""


def example_inputs(model: nn.Module, *, seed: int = 0, at_tokens: bool = False, continued: int = 0) -> dict[str, Any]:
    """A padded batch of random tokens, on the model's device.

    Args:
        model: of Hugging Face; what it needs is read from its configuration.
        seed: of the tokens.
        continued: how many tokens of a continuation the model decides about, in rows behind one another at the end.
        at_tokens: whether the model decides at one token of each document, which is another one in each.
    """
    config: Any = model.config
    text: Any = config.get_text_config() if hasattr(config, "get_text_config") else config
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    has_decoder = getattr(config, "is_encoder_decoder", False)
    source = SOURCE if has_decoder else SOURCE + max(0, continued - 1)
    tokens = _random_tokens(text, (DOCUMENTS, source), generator)
    lengths = torch.tensor([source, source - 2, source, source - 4, source - 1])
    mask = torch.arange(source) < lengths[:, None]
    pad = getattr(text, "pad_token_id", None)
    inputs = {"input_ids": tokens.masked_fill(~mask, 0 if pad is None else pad), "attention_mask": mask.long()}
    if at_tokens:
        inputs[READ_AT] = torch.arange(source) == torch.arange(2, 2 + DOCUMENTS)[:, None]
    if continued and not has_decoder:
        inputs[READ_AT] = mask & (torch.arange(source) >= (lengths - continued)[:, None])
    if has_decoder:
        end = getattr(text, "eos_token_id", None)
        if isinstance(end, int):  # classifiers read the decoder where the text ends
            inputs["input_ids"][torch.arange(DOCUMENTS), lengths - 1] = end
        if getattr(model, "get_output_embeddings", lambda: None)() is not None:
            target = TARGET if continued <= TARGET else SOURCE + continued
            inputs["decoder_input_ids"] = _random_tokens(text, (DOCUMENTS, target), generator)
            if continued:
                inputs[READ_AT] = (torch.arange(target) >= target - continued).expand(DOCUMENTS, -1)
    elif "use_cache" in _forward_parameters(model):
        return {name: tensor.to(device) for name, tensor in inputs.items()} | {"use_cache": False}
    return {name: tensor.to(device) for name, tensor in inputs.items()}


def _random_tokens(config: Any, shape: tuple[int, int], generator: torch.Generator) -> Tensor:  # noqa: ANN401
    special = set()
    for name in ("pad", "bos", "eos", "sep", "cls", "mask", "decoder_start", "unk"):
        token = getattr(config, f"{name}_token_id", None)
        special |= {token} if isinstance(token, int) else set(token or ())
    # A model of characters has no vocabulary.
    size = min(int(getattr(config, "vocab_size", 1000)), 1000)
    usual = torch.tensor([token for token in range(size) if token not in special])
    return usual[torch.randint(len(usual), shape, generator=generator)]


def _forward_parameters(model: nn.Module) -> set[str]:
    import inspect

    return set(inspect.signature(model.forward).parameters)
