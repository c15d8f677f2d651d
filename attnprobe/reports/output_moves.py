"""How far a predicted number moves, in words, as a table and as a block of the page."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attnprobe.analysis.output_moves import PERCENT
from attnprobe.erasure.registered_orderings import ATTENTION, RANDOM, Role
from attnprobe.reports.cells import INTERVALS, Row, Table, cell, table_of
from attnprobe.reports.latex import in_latex
from attnprobe.reports.numbers import ABSENT, significant
from attnprobe.reports.of_packages import Block
from attnprobe.reports.orderings_in_words import in_prose
from attnprobe.reports.style import display_name

Summary = Mapping[str, Any]

NO_FLIPS = "The model predicts a number: there is no decision that could flip, and nothing here counts flips"
"""What is said in the place of flips, and wherever they would stand."""

WIDTH = 100
"""Characters in a line."""

_FIELDS = (*(f"at_{percent}" for percent in PERCENT), "everything", "mean")


def moves_in_words(summary: Summary, aligned: Callable[[Sequence[Sequence[str]]], list[str]]) -> str:
    """How far the output moves, as a table for the terminal; empty where the model predicts no number.

    Args:
        summary: as ``summarise`` gives it.
        aligned: makes lines of rows.
    """
    found = summary.get("output_moves")
    if not found:
        return ""
    headings = ["", *_headings()]
    rows = [
        [display_name(name, summary), *(_number(row[field]["value"]) for field in _FIELDS[:-1]), *_cells(row)[-1:]]
        for name, row in found["orderings"].items()
    ]
    return "\n".join([*textwrap.wrap(f"{_title(summary)}:", WIDTH), *aligned([headings, *rows])])


def moves_verdict(summary: Summary) -> str:
    """What erasing by attention does to the output beside a random order: a few sentences without a yes or no."""
    return f"{NO_FLIPS}. {moves_in_a_sentence(summary)} Give --tolerance to say how far is too far.".replace("  ", " ")


def moves_in_a_sentence(summary: Summary) -> str:
    """How far by attention, and whether that is further than by the other orderings; empty where nothing is known."""
    found = summary.get("output_moves")
    if not found:
        return ""
    rows = found["orderings"]
    compared = [
        f"{_further(row['attention_further'])} by {in_prose(name, summary)} ({with_interval(row['attention_further'])})"
        for name, row in rows.items()
        if row["attention_further"] is not None and summary["orderings"][name]["role"] != Role.CONTROL.value
    ]
    return (
        f"Erasing the most attended {summary['run']['unit']}s first moves the output by "
        f"{with_interval(rows[ATTENTION]['mean'])} on average over all prefixes, a random order by "
        f"{with_interval(rows[RANDOM]['mean'])}; that is {'; '.join(compared)}."
    )


def _further(difference: Mapping[str, Any]) -> str:
    """What an interval of a difference says, and no more."""
    if difference["low"] is not None and difference["low"] > 0:
        return "further than"
    if difference["high"] is not None and difference["high"] < 0:
        return "less far than"
    return "not told apart from how far"


def output_moves_table(summary: Summary) -> Table | None:
    """By ordering how far the output moves; None where the model predicts no number."""
    found = summary.get("output_moves")
    if not found:
        return None
    rows = [{"ordering": name} | dict(row) for name, row in found["orderings"].items()]
    cells: dict[str, Callable[[Row], str]] = {
        "Ordering": lambda row: in_latex(display_name(row["ordering"], summary)),
        **{in_latex(heading): _cell(field) for heading, field in zip(_headings(), _FIELDS, strict=True)},
    }
    caption = rf"{in_latex(_title(summary))}; {in_latex(NO_FLIPS[0].lower() + NO_FLIPS[1:])}; {INTERVALS}"
    if summary["answer"]["against_random"]["neither"]["value"] not in (1, None):
        caption = rf"{in_latex(_title(summary))}; {INTERVALS}"
    return table_of(rows, cells, caption)


def _cell(field: str) -> Callable[[Row], str]:
    return lambda row: cell(row[field], 3)


def moves_blocks(summary: Summary) -> list[Block]:
    """The same for the page."""
    found = summary.get("output_moves")
    if not found:
        return []
    rows = [[display_name(name, summary), *_cells(row)] for name, row in found["orderings"].items()]
    title = "How far the output moves"
    sentence = f"{_title(summary)}. {moves_in_a_sentence(summary)}"
    return [Block(title, "", sentence, ["", *_headings()], rows)]


def _title(summary: Summary) -> str:
    found, unit = summary["output_moves"], summary["run"]["unit"]
    return (
        f"How far the output moves from what it is for the whole text (|Δoutput|, mean over {found['documents']:,} "
        f"documents with whole curves; their mean output is {with_interval(found['output'])}) as each order erases "
        f"{unit}s"
    )


def _headings() -> list[str]:
    return [*(f"at {percent} %" for percent in PERCENT), "all erased", "mean over prefixes"]


def _cells(row: Row) -> list[str]:
    return [with_interval(row[field]) for field in _FIELDS]


def with_interval(estimate: Mapping[str, Any]) -> str:
    """A number of three digits with its interval."""
    value, low, high = (_number(estimate[end]) for end in ("value", "low", "high"))
    return value if ABSENT in (low, high) else f"{value} [{low}, {high}]"


def _number(value: float | None) -> str:
    return ("\N{MINUS SIGN}" if value is not None and value < 0 else "") + significant(
        None if value is None else abs(value)
    )
