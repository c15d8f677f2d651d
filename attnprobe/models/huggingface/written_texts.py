"""Texts that a tokenizer reads in another way than a text by itself: pairs, and chats that a template has written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

JOINER = "\n"
"""What stands between the two texts of a pair where they are one."""


class TextPair(str):
    """Two texts that a tokenizer reads as one document; as a string, both on lines of their own, or as they were given.

    Attributes:
        first, second: the texts.
        joiner: what stands between them in the string, and the tokenizer does not read.
    """

    first: str
    second: str
    joiner: str = JOINER

    @classmethod
    def of(cls, first: str, second: str, joiner: str = JOINER) -> TextPair:
        """The pair of two texts.

        >>> TextPair.of("Is it?", "It is.").second_start
        7
        """
        pair = cls(f"{first}{joiner}{second}")
        pair.first, pair.second, pair.joiner = first, second, joiner
        return pair

    @classmethod
    def at_mark(cls, text: str, mark: str) -> TextPair | None:
        """The pair of what stands before a mark, where it is first, and behind it; None where there is no such pair.

        >>> TextPair.at_mark("Is it? ||| It is.", "|||").second
        ' It is.'
        """
        first, found, second = text.partition(mark)
        return cls.of(first, second, mark) if found and first.strip() and second.strip() else None

    @property
    def second_start(self) -> int:
        """Where the second text begins in the string, in characters."""
        return len(self.first) + len(self.joiner)


class Chat(str):
    """A chat as its template has written it, with all special tokens that it is to have."""


def tokenizer_arguments(texts: Sequence[str]) -> tuple[list[Any], dict[str, Any]]:
    """What a tokenizer is called with to read texts of one kind: arguments in order, and by name."""
    if texts and isinstance(texts[0], TextPair):
        pairs = [text for text in texts if isinstance(text, TextPair)]
        return [[pair.first for pair in pairs], [pair.second for pair in pairs]], {}
    if texts and isinstance(texts[0], Chat):
        return [list(texts)], {"add_special_tokens": False}
    return [list(texts)], {}
