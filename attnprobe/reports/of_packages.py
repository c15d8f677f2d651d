"""What measurements and statistics of other packages come to, as readers are shown it: in words, as a table, as blocks.

All of it is made of the summary: the packages need not be there any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd

from attnprobe.analysis.registered_statistics import STATISTICS_ENTRY
from attnprobe.base.visible import visible
from attnprobe.reports.cells import INTERVALS, Row, Table, cell, count, percentage, table_of
from attnprobe.reports.latex import in_latex
from attnprobe.reports.numbers import ABSENT, percent_with_interval, significant
from attnprobe.runs.measurement_records import MEASUREMENTS_ENTRY

Summary = Mapping[str, Any]


class Block(NamedTuple):
    """Something with a title, a sentence and a small table, as the page shows it.

    Attributes:
        title: of the measurements, or of one statistic.
        origin: the package that it comes from, or nothing.
        sentence: what it says in words; may be empty.
        columns: headings.
        rows: cells.
    """

    title: str
    origin: str
    sentence: str
    columns: list[str]
    rows: list[list[str]]


def measured_rows(summary: Summary) -> list[dict[str, Any]]:
    """A row a column of each measurement: title, what the column says, ``share``, ``mean`` and quantiles."""
    return [
        {
            "measurement": name,
            "column": column,
            "title": visible(told["title"]),
            "says": visible(held["description"] or (column if len(told["columns"]) > 1 else "")),
            "origin": _origin(told),
            "share": held["share"],
            "mean": held["mean"],
            **held["quantiles"],
        }
        for name, told in summary.get(MEASUREMENTS_ENTRY, {}).items()
        for column, held in told["columns"].items()
    ]


def measured_in_words(summary: Summary, aligned: Callable[[list[list[str]]], list[str]]) -> str:
    """A small table for the terminal; empty without measurements of other packages.

    Args:
        summary: as ``summarise`` gives it.
        aligned: lays rows out.
    """
    rows = measured_rows(summary)
    if not rows:
        return ""
    lines = aligned(
        [
            ["", "mean", "5 to 95 % of the documents"],
            *([_named(row), _with_interval(row), f"{_number(row, 'low')} to {_number(row, 'high')}"] for row in rows),
        ]
    )
    packages = ", ".join(sorted({row["origin"] for row in rows} - {""}))
    return "\n".join([f"Also measured in each document{f' (by {packages})' if packages else ''}:", *lines])


def statistics_in_words(summary: Summary) -> list[str]:
    """What each statistic of another package says, a paragraph each."""
    return [
        f"{visible(told['title'])}: {visible(told['sentence'])}" + (f" ({_origin(told)})" if _origin(told) else "")
        for told in summary.get(STATISTICS_ENTRY, {}).values()
        if told["sentence"]
    ]


def measurements_table(summary: Summary) -> Table | None:
    """Means of the columns of measurements of other packages; None where there are none."""
    rows = measured_rows(summary)
    if not rows:
        return None
    cells: dict[str, Callable[[Row], str]] = {
        "Measurement": lambda row: in_latex(_named(row)),
        "$n$": lambda row: count(row["mean"]),
        "Mean": lambda row: percentage(row["mean"]) if row["share"] else cell(row["mean"], 3),
        "Median": lambda row: in_latex(_number(row, "median")),
        r"5\,\%": lambda row: in_latex(_number(row, "low")),
        r"95\,\%": lambda row: in_latex(_number(row, "high")),
    }
    caption = rf"what other packages measure in each document: means (shares in \%) and quantiles; {INTERVALS}"
    return table_of(rows, cells, caption)


def statistics_tables(summary: Summary) -> dict[str, Table]:
    """By file name the tables of the statistics of other packages that have one."""
    return {
        f"statistic_{name}": _table_of(told)
        for name, told in summary.get(STATISTICS_ENTRY, {}).items()
        if told["table"] is not None
    }


def _table_of(told: Mapping[str, Any]) -> Table:
    columns, rows = told["table"]["columns"], told["table"]["rows"]
    shown = [[in_latex(_cell(each)) for each in row] for row in rows]
    headings = [in_latex(visible(name)) for name in columns]
    origin = f" ({_origin(told)})" if _origin(told) else ""
    return Table(
        pd.DataFrame(rows, columns=columns),
        pd.DataFrame(shown, columns=headings),
        in_latex(f"{visible(told['title'])}{origin}"),
    )


def blocks(summary: Summary) -> list[Block]:
    """What the page shows: a block of all measurements, and one of each statistic."""
    return list(_blocks(summary))


def _blocks(summary: Summary) -> Iterator[Block]:
    rows = measured_rows(summary)
    if rows:
        origins = ", ".join(sorted({row["origin"] for row in rows} - {""}))
        shown = [
            [_named(row), _with_interval(row), *(_number(row, each) for each in ("low", "median", "high"))]
            for row in rows
        ]
        yield Block("Also measured in each document", origins, "", ["", "mean", "5 %", "median", "95 %"], shown)
    for told in summary.get(STATISTICS_ENTRY, {}).values():
        table = told["table"] or {"columns": [], "rows": []}
        yield Block(
            visible(told["title"]),
            _origin(told),
            visible(told["sentence"]),
            [visible(name) for name in table["columns"]],
            [[visible(_cell(each)) for each in row] for row in table["rows"]],
        )


def _named(row: Mapping[str, Any]) -> str:
    """A column as its measurement is titled, and beside that what it says where it says something else."""
    return f"{row['title']}: {row['says']}" if row["says"] else str(row["title"])


def _with_interval(row: Mapping[str, Any]) -> str:
    mean = row["mean"]
    if row["share"]:
        return percent_with_interval(mean)
    ends = [significant(mean[end]) for end in ("low", "high")]
    return significant(mean["value"]) + ("" if ABSENT in ends else f" [{', '.join(ends)}]")


def _number(row: Mapping[str, Any], quantile: str) -> str:
    value = row[quantile]
    if value is None:
        return ABSENT
    return f"{100 * value:.1f} %" if row["share"] else significant(value)


def _cell(value: object) -> str:
    if value is None:
        return ABSENT
    return significant(value) if isinstance(value, float) else str(value)


def _origin(told: Mapping[str, Any]) -> str:
    return visible(f"{told['package']} {told['version']}") if "package" in told else ""
