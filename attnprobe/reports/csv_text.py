"""Tables as CSV for people: what is text in them shows what it is, and no spreadsheet takes it for a formula."""

from __future__ import annotations

import pandas as pd

from attnprobe.base.visible import in_a_cell


def csv_text(table: pd.DataFrame, float_format: str | None = None) -> str:
    """The table with its heading, its text as :func:`attnprobe.base.visible.in_a_cell` has it.

    Args:
        table: of numbers and text.
        float_format: of floating numbers, as for ``%``.
    """
    shown = table.map(lambda cell: in_a_cell(cell) if isinstance(cell, str) else cell)
    shown.columns = pd.Index([in_a_cell(str(name)) for name in table.columns])
    text: str = shown.to_csv(index=False, float_format=float_format, lineterminator="\n")
    return text
