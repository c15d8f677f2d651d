"""Table 2 and its appendix forms: how often erasing i*, or another item r, flips the decision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from attnprobe.analysis.results import ATTENTION, KNOWN_ORDERINGS, RANDOM
from attnprobe.analysis.single_weights import single_flips
from attnprobe.papers.serrano2019.figures.flip_squares import Squares, flip_squares
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.papers.serrano2019.figures.table_files import write_csv, write_latex

NAME = "table2_decision_flips"

ORDERINGS = tuple(name for name in KNOWN_ORDERINGS if name != RANDOM)

CELLS = ("both", "only_top", "only_other", "neither", "top", "other")


def draw(grid: RunGrid, folder: Path) -> list[Path]:
    """Write all numbers as one CSV, the paper's table and, an ordering each, those of its appendix as LaTeX.

    The LaTeX shows the lowest seed of a pair; the CSV has a row for each.
    """
    rows = [row for dataset in grid.datasets for model in grid.models for row in _rows(grid, dataset, model)]
    columns = ["ordering", "dataset", "model", "seed", "tested", "n"]
    columns += [f"{cell}{end}" for cell in CELLS for end in ("", "_low", "_high")]
    plain = pd.DataFrame(rows, columns=columns)
    paths = [write_csv(plain, folder, NAME)]
    lowest: Squares = {}
    for row in rows:  # seeds ascend, so that the first of a pair is kept
        lowest.setdefault((row["ordering"], row["dataset"], row["model"]), row)
    paths.append(write_latex(flip_squares(grid, lowest, ATTENTION, grid.models[:1]), folder, NAME))
    for ordering in ORDERINGS:
        text = flip_squares(grid, lowest, ordering, grid.models)
        paths.append(write_latex(text, folder, f"{NAME}_appendix_{ordering}"))
    return paths


def _rows(grid: RunGrid, dataset: str, model: str) -> list[dict[str, Any]]:
    rows = []
    for seed in grid.seeds(dataset, model):
        results = grid.results(dataset, model, seed)
        if results is None:
            continue
        flips = single_flips(results)
        for ordering in ORDERINGS:
            if ordering not in flips:
                continue
            row: dict[str, Any] = {"ordering": ordering, "dataset": dataset, "model": model, "seed": seed}
            row |= {"tested": results.total}
            for cell in CELLS:
                estimate = getattr(flips[ordering], cell)
                row |= {cell: estimate.value, f"{cell}_low": estimate.low, f"{cell}_high": estimate.high}
                row["n"] = estimate.n
            rows.append(row)
    return rows
