"""Tables in Markdown, whose text begins no markup of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from attnprobe.base.visible import visible

_MARKUP = re.compile(r"\||`|<(?=[A-Za-z/!?])|\((?<=\]\()")
"""What would end a cell of Markdown or begin code, HTML or the address of a link."""


def markdown_cell(text: str) -> str:
    """The text in a cell of Markdown, where no character of it begins markup of its own."""
    return _MARKUP.sub(lambda match: {"<": "&lt;"}.get(match[0], f"\\{match[0]}"), visible(text))


def markdown_row(cells: Sequence[str]) -> str:
    """A row of a table."""
    return "| " + " | ".join(map(markdown_cell, cells)) + " |"


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a heading."""
    return "\n".join([markdown_row(headings), "|---" * len(headings) + "|", *map(markdown_row, rows)])
