"""What other packages have measured, and what they draw of their own statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.measured import measured_values
from attnprobe.analysis.registered_statistics import STATISTICS, STATISTICS_ENTRY
from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.reports import style
from attnprobe.reports.drawn import require_drawn
from attnprobe.reports.figures.frame import Drawn, new_panel, new_sheet, title, write_title
from attnprobe.reports.type_widths import in_figure

BARS = 20
"""Of a histogram."""


def draw_measurements(results: RunResults) -> Drawn | None:
    """A histogram a column of each measurement of another package, the mean as a line; None without any."""
    drawn = {
        (name, column): values[~np.isnan(values)]
        for (name, column), values in measured_values(results).items()
        if not np.isnan(values).all()
    }
    if not drawn:
        return None
    figure = new_sheet((style.WIDTH, 0.4 + 1.25 * len(drawn)))
    write_title(figure, title(results, len(results.several), style.WIDTH, sampled=results.is_sample))
    panels = figure.subplots(len(drawn), squeeze=False)[:, 0]
    for axes, ((name, column), values) in zip(panels, drawn.items(), strict=True):
        record = results.measurements[name]
        _draw_histogram(axes, values)
        says = record.columns[column].description
        axes.set_xlabel(in_figure(f"{record.title}: {says}" if says else record.title))
        axes.set_ylabel(f"Documents\n(n = {len(values):,})")
    return figure


def _draw_histogram(axes: Any, values: Numbers) -> None:  # noqa: ANN401
    heights, edges = np.histogram(values, BARS)
    require_drawn("documents", heights.sum(), len(values))
    axes.stairs(heights, edges, fill=True, color="#56B4E9")
    axes.axvline(float(values.mean()), color="black", linewidth=1.0)
    axes.set_ylim(bottom=0)
    axes.margins(x=0.01)
    axes.locator_params(axis="x", nbins=5)


def draw_all_of_packages(results: RunResults, summary: Mapping[str, Any]) -> dict[str, Drawn]:
    """By file name the histograms of measurements, and what statistics draw, each into a panel of its own.

    Args:
        results: of a run.
        summary: as ``summarise`` gives it, in this process: a package that is not there any more draws nothing.

    Raises:
        InputError: one fails.
    """
    measurements = draw_measurements(results)
    figures = {} if measurements is None else {"measurements": measurements}
    for name, told in summary.get(STATISTICS_ENTRY, {}).items():
        draw = STATISTICS[name].draw if name in STATISTICS else None
        if draw is None:
            continue
        figure, axes = new_panel(results, height=2.4)
        try:
            draw(axes, told["value"])
        except (InputError, MemoryError):
            raise
        except Exception as error:
            origin = STATISTICS.origin(name)
            of = f"The statistic {name}" + (f" of {origin}" if origin else "")
            said = " ".join(str(error).split())
            raise InputError(f"{of} cannot be drawn: {type(error).__name__}: {said}.") from error
        figures[f"statistic_{name}"] = figure
    return figures
