"""The figures of a run; each module draws one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from attnprobe.analysis.results import RunResults
from attnprobe.registry import Registry
from attnprobe.reports import style
from attnprobe.reports.figures import delta_js, flip_curves, fraction_removed, negative_delta_js, panel

FIGURES: Registry[Callable[[RunResults], Figure]] = Registry("figure")
FIGURES.register("delta_js", delta_js.draw)
FIGURES.register("negative_delta_js", negative_delta_js.draw)
FIGURES.register("fraction_removed", fraction_removed.draw)
FIGURES.register("flip_curves", flip_curves.draw)


def draw_all(results: RunResults, folder: Path) -> list[Path]:
    """Draw every figure as PNG and PDF into ``folder``, which is made where it is not there; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, draw in FIGURES.items():
        with mpl.rc_context(style.SETTINGS):
            figure = draw(results)
        for suffix in (".png", ".pdf"):
            paths.append(folder / f"{name}{suffix}")
            panel.save(figure, paths[-1])
    return paths
