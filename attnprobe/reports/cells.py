"""What tables are made of: a table twice, plain numbers of estimates, and estimates as cells in LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from attnprobe.reports.latex import in_latex
from attnprobe.reports.numbers import ABSENT

INTERVALS = r"brackets: 95\,\% intervals over documents"


Row = Mapping[str, Any]


class Table(NamedTuple):
    """A table twice: ``plain`` has numbers, ``shown`` cells in LaTeX; and its caption, in LaTeX."""

    plain: pd.DataFrame
    shown: pd.DataFrame
    caption: str


def table_of(rows: Iterable[Row], cells: Mapping[str, Callable[[Row], str]], caption: str) -> Table:
    """The table of a summary's rows.

    Args:
        rows: numbers and estimates by field.
        cells: heading of each column in LaTeX → what it shows of a row, in LaTeX.
        caption: in LaTeX.
    """
    rows = list(rows)
    shown = [{heading: cell(row) for heading, cell in cells.items()} for row in rows]
    return Table(plain(rows), pd.DataFrame(shown, columns=list(cells)), caption)


def plain(rows: Iterable[Row]) -> pd.DataFrame:
    """Rows of a summary, with columns ``x``, ``x_low``, ``x_high``, ``x_n`` for an estimate ``x``.

    A table ``x`` of estimates has such columns of each of them: ``x_y``, ``x_y_low`` and so on.
    """
    return pd.DataFrame([_flat(row) for row in rows])


def _flat(row: Row) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for field, entry in row.items():
        if not isinstance(entry, Mapping):
            columns[field] = entry
        elif "value" in entry:
            columns |= {field: entry["value"]} | {f"{field}_{end}": entry[end] for end in ("low", "high", "n")}
        else:
            columns |= _flat({f"{field}_{name}": part for name, part in entry.items()})
    return columns


def count(estimate: Mapping[str, Any]) -> str:
    """How many documents an estimate is made of."""
    return f"{estimate['n']:,}"


def percentage(estimate: Mapping[str, Any]) -> str:
    """A share, times 100, with its interval."""
    return cell(_times(100, estimate), 1)


def share(estimate: Mapping[str, Any]) -> str:
    """A share, times 100, alone: its interval is in the table of plain numbers."""
    return percentage({"value": estimate["value"]})


def thousandths(estimate: Mapping[str, Any]) -> str:
    """A number, times 1,000, with its interval."""
    return cell(_times(1000, estimate), 2)


def _times(factor: float, estimate: Mapping[str, Any]) -> dict[str, float | None]:
    """Value and ends; those that there are not are None."""
    numbers = {end: estimate.get(end) for end in ("value", "low", "high")}
    return {end: None if number is None else factor * number for end, number in numbers.items()}


def ratio(estimate: Mapping[str, Any]) -> str:
    """A number with its interval."""
    return cell(estimate, 2)


def cell(numbers: Mapping[str, Any], digits: int) -> str:
    """``value`` with the interval from ``low`` to ``high``, where there is one, in LaTeX."""
    value, low, high = (_rounded(numbers[end], digits) for end in ("value", "low", "high"))
    return value if numbers["low"] is None else f"{value} [{low}, {high}]"


def _rounded(number: float | None, digits: int) -> str:
    """A number with a minus sign that is no hyphen, and none before zero."""
    if number is None:
        return in_latex(ABSENT)
    return f"{round(number, digits) + 0.0:.{digits}f}".replace("-", "$-$")
