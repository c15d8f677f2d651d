"""Text of a dataset as readers may safely be shown it: what would steer a screen is shown, not obeyed."""

from __future__ import annotations

import re

from attnprobe.visible import visible

_BLANKS = re.compile("[\t\n\r]")


def legible(text: str) -> str:
    r"""The text on one line, as :func:`attnprobe.visible.visible` has it.

    Blank lines and tabs are white space between words to the reader, and stay that.

    >>> legible("a\x1b[31m"), legible("\u202egnp.exe"), legible("a\tb\n"), legible("שלום 👩‍👧")
    ('a␛[31m', '⟦U+202E⟧gnp.exe', 'a b ', 'שלום 👩\u200d👧')
    """
    return visible(_BLANKS.sub(" ", text))
