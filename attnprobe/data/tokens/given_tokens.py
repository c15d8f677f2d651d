"""Texts whose tokens are given: they are kept as they are, whatever they hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

SENTENCE_ENDS = (".", "!", "?")
"""A sentence of given tokens ends after a token that ends in one of these."""

SENTENCE_ENDS_UNSPACED = frozenset("!.?‼⁇⁈⁉。．！？｡။។៕")
"""The same of segmented texts: what Unicode (Sentence_Terminal) has of the scripts that put no spaces between words."""

_BETWEEN_WHITESPACE = re.compile(r"\S+")

_WITHIN_LINE = re.compile(r"\S(?:.*\S)?")


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


class SegmentedText(GivenTokens):
    """A text and the words that a segmenter has found in it."""

    @classmethod
    def of_spans(cls, text: str, spans: Iterable[tuple[int, int]]) -> SegmentedText:
        r"""Blanks at the ends of a word are not of it, and a line break ends it.

        Args:
            text: of the document.
            spans: where its words begin and end, in characters; in order, and none in another.

        >>> SegmentedText.of_spans("雨です。\n\n風 ", [(0, 1), (1, 4), (4, 6), (6, 8)])
        SegmentedText(text='雨です。\n\n風 ', tokens=['雨', 'です。', '風'], starts=[0, 1, 6])
        """
        tokens, starts = [], []
        for start, end in spans:
            for found in _WITHIN_LINE.finditer(text, start, end):
                tokens.append(found[0])
                starts.append(found.start())
        return cls(text, tokens, starts)

    def begins_sentence(self) -> list[bool]:
        """Whether each word is the first of its sentence (words,).

        One begins with the first word that has a letter or a digit, or opens something, behind one that ends with an
        end of a sentence; a quotation mark that closes there is still of that.
        """
        begins: list[bool] = []
        ended = False
        for token in self.tokens:
            tail = _signs_at_end(token)
            first = not begins or (ended and (len(tail) < len(token) or _opens(token)))
            begins.append(first)
            ended = (ended and not first) or not SENTENCE_ENDS_UNSPACED.isdisjoint(tail)
        return begins


def _signs_at_end(token: str) -> str:
    """What is behind the last letter or digit of a token."""
    end = len(token)
    while end and not token[end - 1].isalnum():
        end -= 1
    return token[end:]


def _opens(token: str) -> bool:
    return unicodedata.category(token[0]) in ("Ps", "Pi")  # brackets and quotation marks


Text = str | GivenTokens
"""A document's text: of a string its tokens are still to be found."""


def as_string(text: Text) -> str:
    """The text as a model with a tokenizer of its own reads it."""
    return text if isinstance(text, str) else text.text
