"""Layers × heads: what each attention head's order gains over a random one, or what the head does, erased alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.thresholds import SIGNIFICANT
from attnprobe.reports.heads_in_words import name_of_head
from attnprobe.reports.numbers import percent, percent_with_interval
from attnprobe.reports.page.marks import Marks

Row = Mapping[str, Any]
"""What the summary says of a head."""

SHADES = 5
"""On either side of none."""


class HeadCell(NamedTuple):
    """Its head's number, its value as a shade from −5 to 5, whether no dot is in it; its mark, and what it says."""

    head: int
    shade: int
    significant: bool
    mark: int
    says: str


class HeadStack(NamedTuple):
    """One stack's layers, from 0, each a list of heads.

    Attributes:
        stack: which.
        name: what it is called beside others; empty where there is one stack alone.
        layers: by number.
        heads: the numbers of them that there are.
        ends: what the darkest shades stand for: the largest loss and the largest gain, empty where there is none.
    """

    stack: str
    name: str
    layers: list[tuple[int, list[HeadCell | None]]]
    heads: list[int]
    ends: tuple[str, str]


def head_stacks(results: RunResults, summary: Mapping[str, Any], marks: Marks) -> list[HeadStack]:
    """One entry a stack; none where single heads were not tested. A head's documents are those that it flips."""
    statistics, table = summary.get("heads"), results.heads()
    if not statistics or table is None:
        return []

    def says(row: Row) -> str:
        return (
            f"{percent_with_interval(row['gain'])} fewer {results.unit}s than in a random order, "
            f"{row['verdict']}; never flips {percent(row['never_attention']['value'])}"
        )

    def is_told_apart(row: Row) -> bool:
        return row["gain_p"] is not None and row["gain_p"] < SIGNIFICANT

    flipped = _documents_by_head(table[table["removed_attention"] > 0])
    words = ", erased alone in its own order, flips"
    return _stacks(statistics, flipped, _Shown("gain", words, says, is_told_apart), results, marks)


def effect_stacks(results: RunResults, summary: Mapping[str, Any], marks: Marks) -> list[HeadStack]:
    """The same of what heads do: shaded by how often decisions flip without the whole head; its documents are those."""
    statistics, table = summary.get("head_effects"), results.head_effects()
    if not statistics or table is None:
        return []

    def says(row: Row) -> str:
        return (
            f"without it {percent_with_interval(row['flip_whole'])} of the decisions flip; without its most "
            f"attended {results.unit} alone {percent(row['flip_top']['value'])}, without another "
            f"{percent(row['flip_other']['value'])}"
        )

    flipped = _documents_by_head(table[table["flip_whole"].astype(bool)])
    return _stacks(
        statistics, flipped, _Shown("flip_whole", ", erased whole, flips", says, lambda row: True), results, marks
    )


class _Shown(NamedTuple):
    """How a head is shown.

    Attributes:
        shade: the statistic that it is shaded by; the largest is darkest.
        words: what its documents are, behind its name.
        says: what is said of it.
        is_told_apart: whether it is shown as one that is not like the others.
    """

    shade: str
    words: str
    says: Callable[[Row], str]
    is_told_apart: Callable[[Row], bool]


def _documents_by_head(table: pd.DataFrame) -> dict[tuple[str, int, int], Any]:
    return {
        (str(rows["stack"].iloc[0]), int(rows["layer"].iloc[0]), int(rows["head"].iloc[0])): rows["document"].to_numpy()
        for _, rows in table.groupby(["stack", "layer", "head"], observed=True)
    }


def _stacks(
    statistics: Sequence[Row],
    flipped: Mapping[tuple[str, int, int], Any],
    shown: _Shown,
    results: RunResults,
    marks: Marks,
) -> list[HeadStack]:
    """Heads in their places.

    Args:
        statistics: a row a head.
        flipped: the documents of each head.
        shown: what is shown of a head.
        results: of the run.
        marks: of the page.
    """
    values = [row[shown.shade]["value"] or 0.0 for row in statistics]
    largest = max(map(abs, values)) or 1.0
    documents = results.several["document"].to_numpy()
    cells: dict[str, dict[int, dict[int, HeadCell]]] = {}
    for row, value in zip(statistics, values, strict=True):
        name = name_of_head(row)
        chosen = np.isin(documents, flipped.get((row["stack"], row["layer"], row["head"]), []))
        mark = marks.add(f"{name[0].upper()}{name[1:]}{shown.words}", chosen, covered=False)
        told_apart = shown.is_told_apart(row)
        cell = HeadCell(row["head"], round(SHADES * value / largest), told_apart, mark, f"{name}: {shown.says(row)}")
        cells.setdefault(row["stack"], {}).setdefault(row["layer"], {})[row["head"]] = cell
    stacks = []
    ends = (f"−{percent(largest)}" if min(values) < 0 else "", percent(largest) if max(values) > 0 else "")
    for stack, layers in cells.items():
        heads = sorted({head for by_number in layers.values() for head in by_number})
        lines = [(layer, [by_number.get(head) for head in heads]) for layer, by_number in sorted(layers.items())]
        name = f"{stack} attention" if len(cells) > 1 else ""
        stacks.append(HeadStack(stack, name, lines, heads, ends))
    return stacks
