"""The figures and tables of Serrano & Smith (2019), each drawn from several run folders; a module each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl

from attnprobe.base.atomic_files import output_folder
from attnprobe.base.registry import Registry
from attnprobe.papers.serrano2019.figures import (
    figure1_document,
    figure3_delta_js,
    figure4_negative_delta_js,
    figure5_fraction_removed,
    figure6_fraction_removed_without_encoder,
    figure9_mass_removed,
    flip_curves,
    table1_datasets,
    table2_decision_flips,
)
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.reports import style

PAPER: Registry[Callable[[RunGrid, Path], list[Path]]] = Registry("figure or table")
"""Each draws one into a folder that is there, and returns the files."""

for _module in (
    table1_datasets,
    figure1_document,
    table2_decision_flips,
    figure3_delta_js,
    figure4_negative_delta_js,
    figure5_fraction_removed,
    figure6_fraction_removed_without_encoder,
    figure9_mass_removed,
    flip_curves,
):
    PAPER.register(_module.__name__.rpartition(".")[2], _module.draw)


def draw(name: str, grid: RunGrid, folder: Path) -> list[Path]:
    """Draw one figure or table of the registry into ``folder``, which is made where it is not there.

    Raises:
        InputError: there is none of this name, or a run's file cannot be read.
    """
    make = PAPER[name]
    output_folder(folder)
    with mpl.rc_context(style.SETTINGS):
        return make(grid, folder)
