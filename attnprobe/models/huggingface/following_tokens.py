"""A continuation of texts that is given to a language model, as tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from attnprobe.attention.examples import SOURCE
from attnprobe.base.visible import holds_half_a_character
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
    readable = not holds_half_a_character(text)
    tokens = [int(token) for token in tokenizer.encode(text, add_special_tokens=False)] if readable else []
    if not tokens or tokenizer.unk_token_id in tokens:
        what = "does not know all of it" if tokens else "makes nothing of it"
        raise SettingError("", "{} {!r}: {} {}.", Named("continuation"), text, type(tokenizer).__name__, what)
    return tokens


def require_room(tokens: list[int], longest: int) -> None:
    """See that there is room for a text before a continuation's tokens, in a model that reads both in one sequence.

    Raises:
        SettingError: there is none, or hardly any.
    """
    left = longest - len(tokens) + 1
    if len(tokens) > 1 and left < SOURCE:
        sentence = "{} has {} tokens, of {} that the model reads: fewer than {} are left for a text."
        raise SettingError("", sentence, Named("continuation"), len(tokens), longest, SOURCE)


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
