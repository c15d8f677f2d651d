"""Text of a dataset as readers may safely be shown it: what would steer a screen is shown, not obeyed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attnprobe.base.visible import visible

_WHITE = re.compile("[\t\n\r]")


def legible(text: str) -> str:
    r"""The text on one line, as :func:`attnprobe.base.visible.visible` has it; its white space is white space.

    >>> legible("a\x1b[31m"), legible("\u202egnp.exe"), legible("a\tb\n"), legible("שלום 👩‍👧")
    ('a␛[31m', '⟦U+202E⟧gnp.exe', 'a b ', 'שלום 👩\u200d👧')
    """
    return visible(_WHITE.sub(" ", text))


def legible_lines(text: str) -> str:
    r"""The same with its lines and tabs as they are.

    >>> legible_lines("a\r\n\n\tb\x1b")
    'a\n\n\tb␛'
    """
    return visible(text.replace("\r\n", "\n").replace("\r", "\n"), kept="\t\n")


def legible_item(token: str) -> str:
    r"""An item's text as :func:`legible_lines`; one that is nothing but white space can be seen.

    >>> legible_item("\n"), legible_item(" \t"), legible_item("a\nb")
    ('↵\n', '␣⇥', 'a\nb')
    """
    lines = legible_lines(token)
    return "".join(_BLANKS.get(character, "␣") for character in lines) if lines.isspace() else lines


_BLANKS = {"\n": "↵\n", "\t": "⇥"}


def gaps(before: Sequence[str | None]) -> list[str]:
    """What readers see between each item and the one before it (items,): the text that is there, made legible.

    Where an item is not of the text, or nothing is known of it, a space sets it apart.

    >>> gaps([None, "", "\\n", "", None])
    ['', ' ', '\\n', '', ' ']
    """
    apart = [text is None for text in before]
    shown = []
    for j, text in enumerate(before):
        set_apart = j > 0 and (apart[j] or apart[j - 1]) and not text
        shown.append(" " if set_apart else legible_lines(text or ""))
    return shown
