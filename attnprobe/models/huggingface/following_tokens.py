"""A continuation of texts that is given to a language model, as tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from attnprobe.settings.unfit import Named, SettingError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def continuation_tokens(tokenizer: PreTrainedTokenizerBase, text: str | None) -> list[int]:
    """The tokens of a continuation, as it is written, without special ones; none where there is none.

    Raises:
        SettingError: the tokenizer makes nothing of it, or does not know a part of it.
    """
    if text is None:
        return []
    tokens = [int(token) for token in tokenizer.encode(text, add_special_tokens=False)]
    if not tokens or tokenizer.unk_token_id in tokens:
        what = "does not know all of it" if tokens else "makes nothing of it"
        raise SettingError("", "{} {!r}: {} {}.", Named("continuation"), text, type(tokenizer).__name__, what)
    return tokens


def appended_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, text: str | None) -> list[int]:
    """What a text is read with behind it, so that all of a continuation is scored in one run: all but its last token.

    Of a model that answers with tokens of a decoder nothing: there they are.
    """
    tokens = continuation_tokens(tokenizer, text)
    return [] if getattr(model.config, "is_encoder_decoder", False) else tokens[:-1]


def answer_with(start: int, tokens: list[int], documents: Tensor) -> Tensor:
    """What a decoder reads of a continuation (documents, tokens): the token that it starts with, and all but the last.

    Args:
        start: that token.
        tokens: of the continuation.
        documents: anything of the documents (documents, …), for their number and where they are.
    """
    return torch.tensor([start, *tokens[:-1]], device=documents.device).expand(len(documents), -1)
