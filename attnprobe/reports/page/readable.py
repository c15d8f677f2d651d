"""Text of a dataset as readers may safely be shown it: what would steer a screen is shown, not obeyed."""

from __future__ import annotations

import re

_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]")
"""Control characters, line and paragraph separators, marks and overrides of writing direction, annotations."""


def legible(text: str) -> str:
    r"""The text with every character that steers a terminal or the direction of writing made visible.

    Blank lines and tabs are white space between words to the reader, and stay that.

    >>> legible("a\x1b[31m"), legible("\u202egnp.exe"), legible("a\tb\n"), legible("שלום 👩‍👧")
    ('a␛[31m', '⟦U+202E⟧gnp.exe', 'a b ', 'שלום 👩\u200d👧')
    """
    return _STEERING.sub(lambda match: _shown(match[0]), text)


def _shown(character: str) -> str:
    if character in "\t\n\r":
        return " "
    code = ord(character)
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else f"⟦U+{code:04X}⟧"
