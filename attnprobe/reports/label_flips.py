"""How often each label of several flips, in words, as a table and as a block of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attnprobe.erasure.registered_orderings import ATTENTION, RANDOM
from attnprobe.reports.cells import INTERVALS, Row, Table, percentage, table_of
from attnprobe.reports.latex import in_latex
from attnprobe.reports.numbers import percent_with_interval
from attnprobe.reports.of_packages import Block
from attnprobe.reports.style import display_name

Summary = Mapping[str, Any]

SHOWN_LABELS = 12
"""Labels that the terminal shows; the table has all."""

_HEADINGS = ("attention: flips", "erased by then", "random: flips", "erased by then")


def labels_in_words(summary: Summary, aligned: Callable[[Sequence[Sequence[str]]], list[str]]) -> str:
    """Each label by itself, for the terminal; empty where one thing is decided.

    Args:
        summary: as ``summarise`` gives it.
        aligned: makes lines of rows.
    """
    rows = _rows(summary)
    if not rows:
        return ""
    left_out = f" ({SHOWN_LABELS} of {len(rows):,}; all are in tables/label_flips.csv)" * (len(rows) > SHOWN_LABELS)
    title = f"Each label by itself{left_out}: documents in which it changes while some are left, and what is erased:"
    return "\n".join([title, *aligned([["", *_HEADINGS], *rows[:SHOWN_LABELS]])])


def _rows(summary: Summary) -> list[list[str]]:
    found: dict[str, dict[str, Row]] = {}
    for row in summary.get("label_flips") or ():
        found.setdefault(row["label"], {})[row["ordering"]] = row
    return [
        [label, *(percent_with_interval(of[name][field]) for name in (ATTENTION, RANDOM) for field in _FIELDS)]
        for label, of in found.items()
    ]


_FIELDS = ("flipped_share", "restricted_mean")


def label_flips_table(summary: Summary) -> Table | None:
    """By label and ordering; None where one thing is decided."""
    rows = summary.get("label_flips")
    if not rows:
        return None
    cells: dict[str, Callable[[Row], str]] = {
        "Label": lambda row: in_latex(row["label"]),
        "Ordering": lambda row: in_latex(display_name(row["ordering"], summary)),
        "Flips": lambda row: percentage(row["flipped_share"]),
        "Erased": lambda row: percentage(row["restricted_mean"]),
    }
    unit = summary["run"]["unit"]
    caption = (
        rf"of each label by itself: documents (\%) in which it flips while something is left, along the orderings that "
        rf"the set of labels is tested by; mean of the {unit}s erased by then (\%), where it does not flip all; "
        rf"{INTERVALS}"
    )
    return table_of(rows, cells, caption)


def label_blocks(summary: Summary) -> list[Block]:
    """The same for the page."""
    rows = _rows(summary)
    sentence = "Documents in which a label changes while something is left, whatever the others do, and what is erased."
    return [Block("Each label by itself", "", sentence, ["", *_HEADINGS], rows)] if rows else []
