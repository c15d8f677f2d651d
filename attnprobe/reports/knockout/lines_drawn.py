"""What cutting off each source does, over layers, a panel a target (as Geva et al. 2023 draw it)."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from attnprobe.analysis.knockout_map import OfRoute
from attnprobe.reports import style
from attnprobe.reports.type_widths import printable
from attnprobe.settings.knockout import WHOLE

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
"""Okabe & Ito's, in turn."""

_HEIGHT, _LEGEND = 1.9, 0.16


def draw_lines(routes: Sequence[OfRoute], title: str) -> Figure:
    """Mean changes of the decision's log probability with their 95 % intervals; of all heads together.

    Args:
        routes: of all prompts.
        title: of the figure.
    """
    whole = [route for route in routes if route.head == WHOLE]
    targets = list(dict.fromkeys(route.target for route in whole))
    sources = list(dict.fromkeys(route.source for route in whole))
    with mpl.rc_context(style.SETTINGS):
        figure = Figure(
            figsize=(style.PAGE if len(targets) > 1 else style.WIDTH, _height(len(targets), len(sources))),
            layout="constrained",
        )
        FigureCanvasAgg(figure)
        columns = min(2, len(targets))
        rows = -(-len(targets) // columns)
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False).flat
        for axes, target in zip(panels, targets, strict=False):
            _panel(axes, [route for route in whole if route.target == target], sources)
            axes.set_title(f"to {printable(target)}", loc="left", fontsize=7, parse_math=False)
        for axes in list(panels)[len(targets) :]:
            axes.set_axis_off()
        figure.suptitle(printable(title), fontsize=style.SETTINGS["axes.titlesize"], parse_math=False)
        figure.supylabel("change of log p of the decision (nats)", fontsize=7)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        legend = figure.legend(
            handles, labels, loc="outside lower center", ncols=min(4, len(sources)), title="cut off from"
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
        legend.get_title().set_fontsize(6.5)
    return figure


def _height(targets: int, sources: int) -> float:
    return 0.5 + _HEIGHT * (-(-targets // 2)) + _LEGEND * (1 + -(-sources // 4))


def _panel(axes: Axes, routes: Sequence[OfRoute], sources: Sequence[str]) -> None:
    axes.axhline(0, color="black", linewidth=0.5)
    for number, source in enumerate(sources):
        of = sorted(
            (route for route in routes if route.source == source), key=lambda route: (route.layer, route.last_layer)
        )
        layers = np.array([route.layer for route in of])
        changes = [route.delta_log_probability for route in of]
        colour = COLOURS[number % len(COLOURS)]
        line = "-" if number < len(COLOURS) else (0, (3, 1.5))
        name = printable(source)
        axes.plot(
            layers, [c.value for c in changes], color=colour, linestyle=line, marker="o", markersize=2.6, label=name
        )
        axes.fill_between(
            layers, [c.low for c in changes], [c.high for c in changes], color=colour, alpha=0.18, linewidth=0
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("layer around which it is cut")
