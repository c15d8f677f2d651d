"""Layers × heads: what each attention head's order gains over a random one, or what the head does, erased alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.thresholds import SIGNIFICANT
from attnprobe.reports.heads_in_words import name_of_head
from attnprobe.reports.numbers import percent, percent_with_interval
from attnprobe.reports.page.marks import Marks

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
    """One stack's layers, from 0, each a list of heads; ``name`` is empty where there is one stack alone."""

    name: str
    layers: list[tuple[int, list[HeadCell | None]]]
    heads: list[int]


def head_stacks(results: RunResults, summary: Mapping[str, Any], marks: Marks) -> list[HeadStack]:
    """One entry a stack; none where single heads were not tested. A head's documents are those that it flips."""
    statistics, table = summary.get("heads"), results.heads()
    if not statistics or table is None:
        return []
    by_head = _documents_by_head(table[table["removed_attention"] > 0])
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
        cell = HeadCell(row["head"], shade, told_apart, mark, says)
        cells.setdefault(row["stack"], {}).setdefault(row["layer"], {})[row["head"]] = cell
    return _stacks(cells)


def effect_stacks(results: RunResults, summary: Mapping[str, Any], marks: Marks) -> list[HeadStack]:
    """The same of what heads do: shaded by how often decisions flip without the whole head; its documents are those."""
    statistics, table = summary.get("head_effects"), results.head_effects()
    if not statistics or table is None:
        return []
    by_head = _documents_by_head(table[table["flip_whole"].astype(bool)])
    largest = max(row["flip_whole"]["value"] or 0.0 for row in statistics) or 1.0
    documents = results.several["document"].to_numpy()
    cells: dict[str, dict[int, dict[int, HeadCell]]] = {}
    for row in statistics:
        chosen = np.isin(documents, by_head.get((row["stack"], row["layer"], row["head"]), []))
        name = name_of_head(row)
        mark = marks.add(f"{name[0].upper()}{name[1:]}, erased whole, flips", chosen, covered=False)
        says = (
            f"{name}: without it {percent_with_interval(row['flip_whole'])} of the decisions flip; without its most "
            f"attended {results.unit} alone {percent(row['flip_top']['value'])}, without another "
            f"{percent(row['flip_other']['value'])}"
        )
        shade = round(SHADES * (row["flip_whole"]["value"] or 0.0) / largest)
        cell = HeadCell(row["head"], shade, True, mark, says)
        cells.setdefault(row["stack"], {}).setdefault(row["layer"], {})[row["head"]] = cell
    return _stacks(cells)


def _documents_by_head(table: pd.DataFrame) -> dict[tuple[str, int, int], Any]:
    return {
        (str(rows["stack"].iloc[0]), int(rows["layer"].iloc[0]), int(rows["head"].iloc[0])): rows["document"].to_numpy()
        for _, rows in table.groupby(["stack", "layer", "head"], observed=True)
    }


def _stacks(cells: Mapping[str, Mapping[int, Mapping[int, HeadCell]]]) -> list[HeadStack]:
    several = len(cells) > 1
    stacks = []
    for stack, layers in cells.items():
        heads = sorted({head for by_number in layers.values() for head in by_number})
        lines = [(layer, [by_number.get(head) for head in heads]) for layer, by_number in sorted(layers.items())]
        stacks.append(HeadStack(f"{stack} attention" if several else "", lines, heads))
    return stacks
