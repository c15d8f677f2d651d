"""What orderings and people have in common with what an annotator marked: a table an annotator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attnprobe.base.visible import visible
from attnprobe.reports.human_rationales import ITSELF, annotated, held_rows
from attnprobe.reports.numbers import ABSENT, percent_with_interval
from attnprobe.reports.of_packages import Block
from attnprobe.reports.page.panels.curves import decimal_with_interval


def rationale_blocks(summary: Mapping[str, Any]) -> list[Block]:
    """By annotator, as the page shows it; none without rationales."""
    headings = ["", "AUPRC", "token F1", "IOU F1", "probability falls by", "of the best"]
    return [
        Block(
            f"Beside what annotator {visible(annotator)} marked",
            "",
            f"{_capital(annotated(annotator, of, summary))}. AUPRC and F1: how well what each order puts first agrees "
            f"with that. Without as many first {summary['run']['unit']}s the decision's probability falls; of the "
            "best: as a share of the largest such fall.",
            headings,
            [[name, *_cells(name, held)] for name, held in held_rows(of, summary)],
        )
        for annotator, of in (summary.get("rationales") or {}).items()
    ]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cells(name: str, held: Mapping[str, Any]) -> list[str]:
    agreement = [decimal_with_interval(held[field]) for field in ("auprc", "token_f1", "iou_f1")]
    return [
        *(agreement if name != ITSELF else [ABSENT] * len(agreement)),
        decimal_with_interval(held["comprehensiveness"]),
        percent_with_interval(held["of_best"]).replace("-", "−"),
    ]
