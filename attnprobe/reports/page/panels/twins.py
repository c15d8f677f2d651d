"""Explanations that somebody brought beside their permuted twins: a row an explanation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attnprobe.reports.controls import twins_in_words
from attnprobe.reports.numbers import ABSENT, percent_with_interval, points_with_interval
from attnprobe.reports.of_packages import Block
from attnprobe.reports.page.panels.curves import decimal_with_interval
from attnprobe.reports.style import display_name


def twin_blocks(summary: Mapping[str, Any]) -> list[Block]:
    """One block, as the page shows it; none without explanations of one's own."""
    found = summary.get("twins") or {}
    if not found:
        return []
    unit = summary["run"]["unit"]
    headings = ["", f"{unit}s erased", "by its twin", "the twin's less its own", "mean fall, its own less the twin's"]
    rows = [
        [
            display_name(name, summary),
            percent_with_interval(row["erased"]),
            percent_with_interval(row["erased_by_twin"]),
            points_with_interval(row["erased_difference"]),
            ABSENT if row["aopc_difference"] is None else decimal_with_interval(row["aopc_difference"]),
        ]
        for name, row in found.items()
    ]
    return [Block("Explanations beside their permuted twins", "", twins_in_words(summary), headings, rows)]
