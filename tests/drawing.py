"""What is drawn when a run ends: in the suite one figure of eight, but for tests that look at the others.

A figure takes half a second, and most of what a command that ends with a report takes. What figures show, and that the
same run gives the same files, is tested where they are drawn one by one: tests/reports/.
"""

import os
from pathlib import Path

from attnprobe.reports.figures import FIGURES, IDENTIFIABILITY_FIGURES, draw_all
from attnprobe.stages import reporting

VARIABLE = "ATTNPROBE_TESTS_DRAW"
"""The names of figures, with spaces between: a variable of the environment, so that a command's process knows it."""

EVERY = " ".join([*FIGURES, *IDENTIFIABILITY_FIGURES])
FEW = "head_map"


def draw_some(results, folder: Path, summary) -> list[Path]:
    """Draw those figures that the environment names."""
    wanted = os.environ.get(VARIABLE, FEW).split()
    registries = (FIGURES, IDENTIFIABILITY_FIGURES)
    whole = [registry._entries for registry in registries]
    try:
        for registry, entries in zip(registries, whole, strict=True):
            registry._entries = {name: draw for name, draw in entries.items() if name in wanted}
        return draw_all(results, folder, summary)
    finally:
        for registry, entries in zip(registries, whole, strict=True):
            registry._entries = entries


def let_reports_draw_some() -> None:
    """From now on, in this process and in those that it forks."""
    vars(reporting)["draw_all"] = draw_some
