"""Tables and the figure of what training for erasure changes: what the script in ``figures/`` does."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

from attnprobe.analysis.finding_runs import load_runs
from attnprobe.base.atomic_files import output_folder
from attnprobe.papers.figure_scripts import draw_from_runs
from attnprobe.papers.mask_training.changes import change_table, count_table, seed_table, verdict_table
from attnprobe.papers.mask_training.figures import draw_changes
from attnprobe.papers.mask_training.matched_runs import matched_runs
from attnprobe.papers.serrano2019.figures.table_files import write_csv
from attnprobe.reports import style


def main(description: str | None) -> None:
    """Draw as the command line says."""
    draw_from_runs(description, draw)


def draw(runs: list[Path], folder: Path) -> list[Path]:
    """Write the tables and the figure of the runs in these folders that were trained for erasure and without.

    Raises:
        InputError: no two match, or a run cannot be read.
    """
    matched = matched_runs(load_runs(runs))
    table = change_table(matched)
    tables = {"changes": table, "counts": count_table(table), "verdicts": verdict_table(matched)}
    over = seed_table(table)
    output_folder(folder)
    paths = [write_csv(each, folder, name) for name, each in tables.items()]
    if len(over):
        paths.append(write_csv(over, folder, "over_seeds"))
    with mpl.rc_context(style.SETTINGS):
        return paths + draw_changes(table, folder)
