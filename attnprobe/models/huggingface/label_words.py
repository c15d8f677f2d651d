"""Words between which a language model decides, as numbers of its vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from attnprobe.base.visible import holds_half_a_character
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.unfit import Named, SettingError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def label_tokens(tokenizer: PreTrainedTokenizerBase, words: Sequence[str]) -> Tensor:
    """The token that each word is, as it follows other text (words,).

    Raises:
        SettingError: a word is more than one token, or two words are the same.
    """
    tokens = [label_token(tokenizer, word) for word in words]
    if len(set(tokens)) < max(2, len(tokens)):
        sentence = "{} {}: give two or more different words."
        raise SettingError(AttentionSettings.section, sentence, Named("label_words"), ",".join(words))
    return torch.tensor(tokens)


def label_token(
    tokenizer: PreTrainedTokenizerBase,
    word: str,
    section: str = AttentionSettings.section,
    setting: str = "label_words",
) -> int:
    """The token that a word is, as it follows other text; or the special token that is written so.

    Args:
        tokenizer: of the model.
        word: what was named.
        section, setting: by what setting.

    Raises:
        SettingError: it is more than one token.
    """
    if word in tokenizer.all_special_tokens:
        return int(tokenizer.convert_tokens_to_ids(word))
    return _taken(tokenizer, word, section, setting)[0]


def label_texts(tokenizer: PreTrainedTokenizerBase, words: Sequence[str]) -> list[str]:
    """The text that each word was taken as: with the space before it where that is one token, else without.

    Raises:
        SettingError: a word is more than one token.
    """
    return [_taken(tokenizer, word)[1] for word in words]


def _taken(
    tokenizer: PreTrainedTokenizerBase,
    word: str,
    section: str = AttentionSettings.section,
    setting: str = "label_words",
) -> tuple[int, str]:
    for text in () if holds_half_a_character(word) else (f" {word}", word):
        tokens = tokenizer.encode(text, add_special_tokens=False)
        if len(tokens) == 1 and tokens[0] != tokenizer.unk_token_id:
            return int(tokens[0]), text
    sentence = "{}: {!r} is not one token of {}'s vocabulary."
    raise SettingError(section, sentence, Named(setting), word, type(tokenizer).__name__)
