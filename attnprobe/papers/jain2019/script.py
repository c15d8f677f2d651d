"""Tables and the figure of Jain & Wallace (2019) from finished runs: what the script in ``figures/`` does."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pandas as pd

from attnprobe.analysis.finding_runs import load_runs
from attnprobe.base.atomic_files import output_folder
from attnprobe.base.errors import InputError
from attnprobe.papers.figure_scripts import draw_from_runs
from attnprobe.papers.jain2019.figures import draw_correlations
from attnprobe.papers.jain2019.runs import correlated, run_row
from attnprobe.papers.jain2019.tables import write_tables
from attnprobe.reports import style


def main(description: str | None) -> None:
    """Draw as the command line says."""
    draw_from_runs(description, draw)


def draw(runs: list[Path], folder: Path) -> list[Path]:
    """Write the tables and the figure of the runs in these folders whose attention was correlated.

    Raises:
        InputError: there are none, or a run cannot be read.
    """
    rows = [run_row(run) for run in correlated(load_runs(runs))]
    if not rows:
        named = ", ".join(map(str, runs))
        raise InputError(
            f"There is no run of a jain- model with correlations in {named}: --correlations asks for them."
        )
    table = pd.DataFrame(rows).sort_values(["dataset", "model", "seed"], ignore_index=True)
    output_folder(folder)
    with mpl.rc_context(style.SETTINGS):
        return write_tables(table, folder) + draw_correlations(table, folder)
