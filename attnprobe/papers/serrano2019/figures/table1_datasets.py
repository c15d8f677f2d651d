"""Table 1: the datasets as the runs used them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from attnprobe.analysis.document_lengths import document_lengths
from attnprobe.analysis.results import RunResults
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.papers.serrano2019.figures.table_files import write_csv, write_latex
from attnprobe.reports.latex import booktabs, in_latex
from attnprobe.reports.numbers import ABSENT

NAME = "table1_datasets"

SPLITS = {"train": "Train", "dev": "Dev", "test": "Test"}

UNITS = {"word": "Words", "sentence": "Sentences", "token": "Tokens"}
"""A run counts one of them: which run tells each is the first, in order of models, that does.

Tokens are a transformer's own: they are only shown where a run counts them.
"""

CAPTION = (
    "Datasets as the runs used them: classes, documents by split, and the mean length of the test documents "
    "(standard deviation in parentheses)"
)


def draw(grid: RunGrid, folder: Path) -> list[Path]:
    """Write the table as CSV and LaTeX; what no run tells is missing."""
    plain = pd.DataFrame([_row(grid, dataset) for dataset in grid.datasets])
    if plain["tokens_mean"].isna().all():
        plain = plain.drop(columns=[name for name in plain if str(name).startswith("tokens_")])
    shown = pd.DataFrame([_shown(row) for _, row in plain.iterrows()])
    caption = f"{'; '.join(filter(None, [CAPTION, grid.sample_note]))}."
    return [write_csv(plain, folder, NAME), write_latex(booktabs(shown, caption, "tab:datasets"), folder, NAME)]


def _row(grid: RunGrid, dataset: str) -> dict[str, Any]:
    by_unit: dict[str, RunResults] = {}
    for results in _runs(grid, dataset):
        by_unit.setdefault(results.unit, results)
        if by_unit.keys() >= UNITS.keys():
            break
    row: dict[str, Any] = {"dataset": dataset, "classes": None} | dict.fromkeys(SPLITS)
    for results in list(by_unit.values())[:1]:
        documents = results.config["data"].get("documents") or {"test": results.total + results.quarantined}
        row |= {"classes": len(results.labels)} | {split: documents.get(split) for split in SPLITS}
    for unit in UNITS:
        fields = ("mean", "deviation", "median", "one_item", "documents")
        lengths = document_lengths(by_unit[unit])._asdict() if unit in by_unit else dict.fromkeys(fields)
        row |= {f"{unit}s_{field}": lengths[field] for field in fields}
    return row


def _runs(grid: RunGrid, dataset: str) -> Iterator[RunResults]:
    """The dataset's runs of the lowest seed of each model, in order of models."""
    for model in grid.models:
        results = grid.results(dataset, model)
        if results is not None:
            yield results


def _shown(row: Any) -> dict[str, str]:  # noqa: ANN401
    cells = {"Dataset": in_latex(row["dataset"]), "Classes": _count(row["classes"])}
    cells |= {heading: _count(row[split]) for split, heading in SPLITS.items()}
    return cells | {
        heading: _length(row[f"{unit}s_mean"], row[f"{unit}s_deviation"])
        for unit, heading in UNITS.items()
        if f"{unit}s_mean" in row
    }


def _count(number: float | None) -> str:
    return in_latex(ABSENT) if number is None or math.isnan(number) else f"{number:,.0f}"


def _length(mean: float | None, deviation: float | None) -> str:
    if mean is None or math.isnan(mean):
        return in_latex(ABSENT)
    return f"{mean:.1f}" + ("" if deviation is None or math.isnan(deviation) else f" ({deviation:.1f})")
