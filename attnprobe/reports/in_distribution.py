"""Whether first flips happen inside of what the model was trained on: a table, a sentence, a block of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attnprobe.erasure.registered_orderings import ATTENTION
from attnprobe.erasure.state_names import OUTSIDE
from attnprobe.reports.cells import INTERVALS, Row, Table, percentage, table_of
from attnprobe.reports.latex import in_latex
from attnprobe.reports.numbers import percent_with_interval, points_with_interval
from attnprobe.reports.of_packages import Block
from attnprobe.reports.style import display_name

Summary = Mapping[str, Any]

P = f"{OUTSIDE:g}".removeprefix("0")


def in_distribution_table(summary: Summary) -> Table | None:
    """By ordering how often first flips are outside, and when the first one inside happens; None where not known."""
    found = summary["in_distribution"]
    if found is None:
        return None
    unit = summary["run"]["unit"]
    cells: dict[str, Callable[[Row], str]] = {
        "Ordering": lambda row: in_latex(display_name(row["ordering"], summary)),
        "Outside": lambda row: percentage(row["outside"]),
        "Flips inside": lambda row: percentage(row["inside"]),
        "Erased by then": lambda row: percentage(row["restricted_mean"]),
        "Later by": lambda row: percentage(row["later"]),
    }
    caption = (
        rf"first flips while something is left, by whether what attention then pools is like validation documents as "
        rf"the model was trained on them (Max-Simes-Fisher): share (\%) of the first flips with $p < {P}$; documents "
        rf"(\%) that some prefix flips with $p \geq {P}$; {unit}s (\%) erased by the first such prefix, all where "
        rf"there is none, and how much later (points) that is than the first flip of any $p$; of whole documents "
        rf"{percentage(found['unerased'])}\,\% have $p < {P}$; {INTERVALS}"
    )
    rows = [{"ordering": name, **row} for name, row in found["orderings"].items()]
    return table_of(rows, cells, caption)


def in_distribution_in_words(summary: Summary) -> str:
    """How many of attention's first flips are outside; empty where that is not known."""
    found = summary["in_distribution"]
    if found is None or ATTENTION not in found["orderings"]:
        return ""
    attention = found["orderings"][ATTENTION]
    return (
        f"At {percent_with_interval(attention['outside'])} of attention's first flips what is left is pooled into a "
        f"vector unlike those of validation documents, as the model was trained on them (p < {P}); of whole documents "
        f"{percent_with_interval(found['unerased'])} are so."
    )


def in_distribution_blocks(summary: Summary) -> list[Block]:
    """One block, as the page shows it; none where it is not known, also of runs of earlier versions."""
    if summary.get("in_distribution") is None:
        return []
    unit = summary["run"]["unit"]
    rows = [
        [
            display_name(name, summary),
            percent_with_interval(row["outside"]),
            percent_with_interval(row["inside"]),
            percent_with_interval(row["restricted_mean"]),
            points_with_interval(row["later"]),
        ]
        for name, row in summary["in_distribution"]["orderings"].items()
    ]
    headings = [
        "",
        "first flips outside",
        "documents that flip inside",
        f"{unit}s erased by then",
        "later than any flip",
    ]
    return [Block("Inside of what the model was trained on?", "", in_distribution_in_words(summary), headings, rows)]
