"""Texts whose tokens are given: they are kept as they are, whatever they hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

SENTENCE_ENDS = (".", "!", "?")
"""A sentence of given tokens ends after a token that ends in one of these."""

_BETWEEN_WHITESPACE = re.compile(r"\S+")


class GivenTokens(NamedTuple):
    """A text and its tokens.

    Attributes:
        text: what a model with a tokenizer of its own reads.
        tokens: in order; none is blank.
        starts: where in the text each begins, in characters (tokens,).
    """

    text: str
    tokens: list[str]
    starts: list[int]

    @classmethod
    def of_list(cls, tokens: Sequence[str]) -> GivenTokens:
        """The text is the tokens joined by one space.

        >>> GivenTokens.of_list(["I", "'m", "14-year"])
        GivenTokens(text="I 'm 14-year", tokens=['I', "'m", '14-year'], starts=[0, 2, 5])
        """
        starts, start = [], 0
        for token in tokens:
            starts.append(start)
            start += len(token) + 1
        return cls(" ".join(tokens), list(tokens), starts)

    @classmethod
    def of_text(cls, text: str) -> GivenTokens:
        r"""The tokens are what whitespace separates.

        >>> GivenTokens.of_text("I  'm\n14-year ")
        GivenTokens(text="I  'm\n14-year ", tokens=['I', "'m", '14-year'], starts=[0, 3, 6])
        """
        found = list(_BETWEEN_WHITESPACE.finditer(text))
        return cls(text, [match[0] for match in found], [match.start() for match in found])

    def begins_sentence(self) -> list[bool]:
        """Whether each token is the first of its sentence (tokens,)."""
        return [True, *(token.endswith(SENTENCE_ENDS) for token in self.tokens[:-1])]


Text = str | GivenTokens
"""A document's text: of a string its tokens are still to be found."""


def as_string(text: Text) -> str:
    """The text as a model with a tokenizer of its own reads it."""
    return text if isinstance(text, str) else text.text
