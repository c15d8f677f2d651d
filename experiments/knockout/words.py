"""A vocabulary of made-up words, each one token, and prompts of them with named stretches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

SPECIAL = ("[PAD]", "[UNK]")


def words(count: int) -> list[str]:
    """So many words."""
    return [f"w{number}" for number in range(count)]


def tokenizer_of(vocabulary: Sequence[str]) -> PreTrainedTokenizerFast:
    """A word a token, between spaces; the special ones have the numbers 0 and 1."""
    numbers = {word: number for number, word in enumerate((*SPECIAL, *vocabulary))}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token=SPECIAL[1]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=SPECIAL[0], unk_token=SPECIAL[1])


def prompt_of(tokens: Sequence[str], named: Mapping[str, int]) -> dict[str, Any]:
    """A prompt and, by name, where some of its words stand, in characters."""
    ends: list[int] = []
    for token in tokens:
        ends.append((ends[-1] + 1 if ends else 0) + len(token))
    spans = {name: [ends[place] - len(tokens[place]), ends[place]] for name, place in named.items()}
    return {"prompt": " ".join(tokens), **spans}
