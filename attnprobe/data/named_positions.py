"""Positions by name: where in prompts something stands that attention may be cut from or to.

=====================  =================================================================================
``first``, ``last``    the first, the last token that the model reads of the prompt, special tokens among them
``all``                every token
``rest``               every token that has none of the other names beside it
``first:WORD``         the first occurrence of the word; ``last:WORD``, the last; ``every:WORD``, all of them
``chars:4-12``         characters 4 up to 12, the end exclusive
``NAME``               what the prompts' own column of this name holds: a text, where it first occurs in the
                       prompt, or [start, end] in characters, or a list of these
=====================  =================================================================================

A token is at a stretch of characters if it has one of them; a token's leading space is of no account.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from attnprobe.base.errors import InputError
from attnprobe.base.visible import holds_half_a_character
from attnprobe.data.files.places import listed, nearest, quoted
from attnprobe.data.prompts import Prompts

FIRST, LAST, ALL, REST = OF_TOKENS = ("first", "last", "all", "rest")
"""Names that say which tokens are meant, whatever the text."""

_EVERY, _CHARACTERS = "every", "chars"
_OF_WORDS = (FIRST, LAST, _EVERY)

Stretch = tuple[int, int]
"""Where something stands in a text, in characters, the end exclusive."""


class Places(NamedTuple):
    """What a name stands for: one of ``OF_TOKENS``, or stretches of each prompt.

    Attributes:
        name: as it was given.
        stretches: of each prompt; None where the name is of tokens.
    """

    name: str
    stretches: list[list[Stretch]] | None


def named_places(name: str, prompts: Prompts) -> Places:
    """Where a name is in each prompt.

    Raises:
        InputError: there is no such name; or it is nowhere in a prompt, which the message names by its number.
    """
    check_names([name])
    if name in OF_TOKENS and name not in prompts.columns:
        return Places(name, None)
    kind, colon, rest = name.partition(":")
    if name in prompts.columns:
        found = [
            _of_cell(cell, prompts.texts[number], number, name) for number, cell in enumerate(prompts.columns[name])
        ]
    elif colon and kind in _OF_WORDS and rest.strip():
        found = [_of_word(kind, rest, text, number) for number, text in enumerate(prompts.texts)]
    elif colon and kind == _CHARACTERS:
        found = [[_of_characters(rest, text, number)] for number, text in enumerate(prompts.texts)]
    else:
        known = [*OF_TOKENS, *prompts.columns]
        raise InputError(
            f"{quoted(name)} names no position; known are {listed(known)}, first:WORD, last:WORD, every:WORD and "
            f"chars:START-END.{nearest(name, known)}"
        )
    return Places(name, found)


def check_names(names: Sequence[str]) -> None:
    """See that names of positions can be told apart.

    Raises:
        InputError: there are none, or one is there twice.
    """
    if not names:
        raise InputError("There are no positions: name one at least.")
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"A position is {name!r}, but a name is needed.")
        if holds_half_a_character(name):
            raise InputError(f"The position {quoted(name)} holds half of a surrogate pair, which is no character.")
        if list(names).count(name) > 1:
            raise InputError(f"The position {quoted(name)} is there twice.")


def _of_word(kind: str, word: str, text: str, number: int) -> list[Stretch]:
    found = [match.span() for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", text)]
    if not found:
        raise InputError(f"Prompt {number} does not hold the word {quoted(word)}.")
    return found if kind == _EVERY else [found[0] if kind == FIRST else found[-1]]


def _of_characters(given: str, text: str, number: int) -> Stretch:
    match = re.fullmatch(r"(\d{1,9})-(\d{1,9})", given, re.ASCII)
    if match is None:
        raise InputError(f"{_CHARACTERS}:{given} is no stretch of characters; give such as {_CHARACTERS}:4-12.")
    return _checked(int(match[1]), int(match[2]), text, f"{_CHARACTERS}:{given}", number)


def _of_cell(cell: Any, text: str, number: int, name: str) -> list[Stretch]:  # noqa: ANN401
    """A cell of the prompts' own column."""
    if isinstance(cell, str) and cell.strip():
        start = text.find(cell)
        if start < 0:
            raise InputError(f"Prompt {number} does not hold its {name}, {quoted(cell)}.")
        return [(start, start + len(cell))]
    if isinstance(cell, Sequence) and not isinstance(cell, str) and len(cell):
        spans = cell if all(isinstance(each, Sequence) for each in cell) else [cell]
        if all(len(span) == 2 and all(type(end) is int for end in span) for span in spans):
            return [_checked(start, end, text, f"its {name}", number) for start, end in spans]
    raise InputError(f"Prompt {number} has {cell!r} as its {name}, but a text of it is needed, or [start, end].")


def _checked(start: int, end: int, text: str, what: str, number: int) -> Stretch:
    if not 0 <= start < end <= len(text):
        raise InputError(f"Prompt {number}: {what} is [{start}, {end}], but it has {len(text):,} characters.")
    return start, end
