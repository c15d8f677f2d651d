"""The figures of a run; each module draws one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import matplotlib as mpl
from matplotlib.axes import Axes

from attnprobe.analysis.results import RunResults
from attnprobe.base.registry import Registry
from attnprobe.reports import style
from attnprobe.reports.figures import (
    decision_curves,
    delta_js,
    erase_or_keep,
    erasure_outcomes,
    flip_curves,
    fraction_removed,
    head_effects,
    head_map,
    in_distribution,
    negative_delta_js,
    normalised_aopc,
    nullity_by_length,
    of_packages,
    output_moves,
    over_meanings,
    rank_agreement,
    weight_ranges,
)
from attnprobe.reports.figures import frame as panel
from attnprobe.reports.figures.earlier import EarlierFigures
from attnprobe.runs.run_folder import CURVES, FURTHER_TABLES, TABLES


class Draw(Protocol):
    """Draws one figure of a run."""

    def __call__(self, results: RunResults, ax: Axes | None = None) -> panel.Drawn | None:
        """Draw a figure, or into these axes; None where the run has nothing of the kind."""
        ...


FIGURES: Registry[Draw] = Registry("figure")
"""Each draws one of a run."""

FIGURES.register("delta_js", delta_js.draw)
FIGURES.register("negative_delta_js", negative_delta_js.draw)
FIGURES.register("fraction_removed", fraction_removed.draw)
FIGURES.register("flip_curves", flip_curves.draw)
FIGURES.register("decision_curves", decision_curves.draw)
FIGURES.register("normalised_aopc", normalised_aopc.draw)
FIGURES.register("erase_or_keep", erase_or_keep.draw)
FIGURES.register("in_distribution", in_distribution.draw)
FIGURES.register("over_meanings", over_meanings.draw)
FIGURES.register("rank_agreement", rank_agreement.draw)
FIGURES.register("output_moves", output_moves.draw)
FIGURES.register("head_map", head_map.draw)
FIGURES.register("head_effects", head_effects.draw)

IDENTIFIABILITY_FIGURES: Registry[Draw] = Registry("figure of identifiability")
"""The same, of what ``attnprobe identify`` found."""

IDENTIFIABILITY_FIGURES.register("nullity_by_length", nullity_by_length.draw)
IDENTIFIABILITY_FIGURES.register("weight_ranges", weight_ranges.draw)
IDENTIFIABILITY_FIGURES.register("erasure_outcomes", erasure_outcomes.draw)


READS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("delta_js", "negative_delta_js", "fraction_removed", "flip_curves"), TABLES),
    **dict.fromkeys(("erase_or_keep", "in_distribution", "over_meanings", "rank_agreement"), TABLES),
    **dict.fromkeys(("decision_curves", "normalised_aopc", "output_moves"), (*TABLES, CURVES)),
    "head_map": (*TABLES, "heads"),
    "head_effects": (*TABLES, "head_effects"),
}
"""The run's tables that figures are made from; those that are not here, from all."""


OF_FLIPS = ("fraction_removed", "flip_curves")
"""Figures that would be empty where no decision can flip."""

OF_DISTRIBUTIONS = ("delta_js", "negative_delta_js", "decision_curves", "normalised_aopc", "erase_or_keep")
"""Figures of divergences and probabilities, which a number has none of."""


def draw_all(results: RunResults, folder: Path, summary: Mapping[str, Any], record: Path | None = None) -> list[Path]:
    """Draw every figure as PNG and PDF into a folder.

    Args:
        results: of a run.
        folder: where to; it is made where it is not there.
        summary: as ``summarise`` gives it for them, for what statistics of other packages draw.
        record: the file that says what was drawn before; what would be the same is then left as it is.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    earlier = None if record is None else EarlierFigures(results, record)
    meaning = results.meaning
    left_out = [*OF_FLIPS * (not meaning.flips), *OF_DISTRIBUTIONS * (not meaning.is_distribution)]
    for name, draw in (*FIGURES.items(), *IDENTIFIABILITY_FIGURES.items()):
        if name in left_out:
            continue
        reads = READS.get(name, (*TABLES, *FURTHER_TABLES))
        files = None if earlier is None else earlier.files(name, draw, reads, folder)
        if files is None:
            with mpl.rc_context(style.SETTINGS):
                figure = draw(results)
            files = [] if figure is None else panel.save(figure, folder, name)
            if earlier is not None:
                earlier.note(name, draw, reads, files)
        paths += files
    if earlier is not None:
        earlier.write()
    with mpl.rc_context(style.SETTINGS):
        drawn = of_packages.draw_all_of_packages(results, summary)
    for name, figure in drawn.items():
        paths += panel.save(figure, folder, name)
    return paths
