"""Sources and targets × layers, and × heads where these were cut by themselves: a cell a route."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from attnprobe.analysis.knockout_map import MATTERS, OfRoute
from attnprobe.reports import style
from attnprobe.reports.type_widths import printable
from attnprobe.settings.knockout import WHOLE

_ROW, _AROUND, _LONGEST = 0.16, 1.15, 28
MOST_ROWS = 120
"""Rows that a figure has room for; the table has them all."""


def draw_matrix(routes: Sequence[OfRoute], title: str) -> Figure:
    """Mean changes of the decision's log probability; a dot where the route is found.

    Args:
        routes: of all prompts.
        title: of the figure.
    """
    names = list(dict.fromkeys((route.source, route.target, route.head) for route in routes))[:MOST_ROWS]
    windows = sorted({_window(route) for route in routes}, key=lambda window: (window[0], window[2]))
    cells = np.full((len(names), len(windows)), np.nan)
    dots = []
    for route in routes:
        key = (route.source, route.target, route.head)
        if key in names:
            place = names.index(key), windows.index(_window(route))
            cells[place] = route.delta_log_probability.value
            if route.is_found:
                dots.append(place)
    reach = max(float(np.nanmax(np.abs(cells), initial=0)), 1e-3)
    with mpl.rc_context(style.SETTINGS):
        figure = Figure(figsize=(style.PAGE, _AROUND + _ROW * len(names)), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        mesh = axes.pcolormesh(cells, cmap="PuOr", norm=Normalize(-reach, reach), edgecolors="white", linewidth=0.4)
        if dots:
            up, across = np.array(dots).T
            axes.plot(across + 0.5, up + 0.5, ".", color="black", markersize=1.8)
        axes.invert_yaxis()
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.set_yticks(np.arange(len(names)) + 0.5, [_name(*name) for name in names], parse_math=False)
        axes.set_xticks(np.arange(len(windows)) + 0.5, [_span(first, last) for _, first, last in windows])
        if max(len(_span(*window[1:])) for window in windows) > 3 and len(windows) > 16:
            axes.tick_params("x", rotation=90)
        axes.set_xlabel("layers that are cut in")
        bar = figure.colorbar(mesh, ax=axes, fraction=0.03, pad=0.01)
        bar.outline.set_linewidth(0)
        bar.set_label("change of log p (nats)")
        figure.suptitle(printable(title), fontsize=style.SETTINGS["axes.titlesize"], parse_math=False)
        figure.supxlabel(f"dot: {MATTERS:g} nats or more, and the 95 % interval holds no zero", fontsize=6.5)
    return figure


def _window(route: OfRoute) -> tuple[int, int, int]:
    return route.layer, route.first_layer, route.last_layer


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"


def _name(source: str, target: str, head: int) -> str:
    one, other = (printable(name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…") for name in (source, target))
    return f"{one} → {other}" + ("" if head == WHOLE else f", head {head}")
