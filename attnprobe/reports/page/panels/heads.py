"""Layers × heads: what the order of each attention head gains over a random one, erased alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.thresholds import SIGNIFICANT
from attnprobe.reports.heads_in_words import name_of_head
from attnprobe.reports.numbers import percent, percent_with_interval
from attnprobe.reports.page.marks import Marks

SHADES = 5
"""On either side of none."""


class HeadCell(NamedTuple):
    """Its head's number, the gain as a shade from −5 to 5, whether it differs from zero; its mark, what it says."""

    head: int
    shade: int
    significant: bool
    mark: int
    says: str
    gain: str


class HeadStack(NamedTuple):
    """One stack's layers, from 0, each a list of heads; ``name`` is empty where there is one stack alone."""

    name: str
    layers: list[tuple[int, list[HeadCell | None]]]
    heads: list[int]


def head_stacks(results: RunResults, summary: Mapping[str, Any], marks: Marks) -> list[HeadStack]:
    """One entry a stack; none where single heads were not tested. A head's documents are those that it flips."""
    statistics, table = summary.get("heads"), results.heads()
    if not statistics or table is None:
        return []
    flipped = table[table["removed_attention"] > 0]
    by_head = {
        (str(rows["stack"].iloc[0]), int(rows["layer"].iloc[0]), int(rows["head"].iloc[0])): rows["document"].to_numpy()
        for _, rows in flipped.groupby(["stack", "layer", "head"], observed=True)
    }
    largest = max(abs(row["gain"]["value"] or 0.0) for row in statistics) or 1.0
    documents = results.several["document"].to_numpy()
    cells: dict[str, dict[int, dict[int, HeadCell]]] = {}
    for row in statistics:
        chosen = np.isin(documents, by_head.get((row["stack"], row["layer"], row["head"]), []))
        name = name_of_head(row)
        mark = marks.add(f"{name[0].upper()}{name[1:]}, erased alone in its own order, flips", chosen, covered=False)
        says = (
            f"{name}: {percent_with_interval(row['gain'])} fewer {results.unit}s than in a random order, "
            f"{row['verdict']}; never flips {percent(row['never_attention']['value'])}"
        )
        shade = round(SHADES * (row["gain"]["value"] or 0.0) / largest)
        told_apart = row["gain_p"] is not None and row["gain_p"] < SIGNIFICANT
        cell = HeadCell(row["head"], shade, told_apart, mark, says, percent(row["gain"]["value"]))
        cells.setdefault(row["stack"], {}).setdefault(row["layer"], {})[row["head"]] = cell
    several = len(cells) > 1
    stacks = []
    for stack, layers in cells.items():
        heads = sorted({head for by_number in layers.values() for head in by_number})
        lines = [(layer, [by_number.get(head) for head in heads]) for layer, by_number in sorted(layers.items())]
        stacks.append(HeadStack(f"{stack} attention" if several else "", lines, heads))
    return stacks
