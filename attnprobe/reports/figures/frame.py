"""The one panel that every figure consists of: its size, its title, its words where there is nothing to show."""

from __future__ import annotations

import math
import textwrap
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure

from attnprobe.analysis.results import RunResults, no_smallest_set
from attnprobe.base.atomic_files import replacing
from attnprobe.base.errors import InputError
from attnprobe.reports import style
from attnprobe.reports.meaning_in_words import meaning_in_brief
from attnprobe.reports.selection_in_words import selection_in_brief
from attnprobe.reports.type_widths import printable, width_of

Drawn = Figure | SubFigure
"""What a figure is drawn into: a sheet of its own, or a place in somebody's."""

RESOLUTION = 200
"""Of PNG files, dots an inch."""

METADATA_OF_PNG, METADATA_OF_PDF = {"Software": None}, {"CreationDate": None}
"""What goes into files: no times and no versions."""

TITLE_WIDTH = 52
"""Characters that go into a line of the title, of a figure one column wide."""

SHOWN = 150
"""Of figures in a notebook, dots an inch."""

NARROWEST = 1.5
"""Inches for which a title is broken into lines, at least."""

NOTE_WIDTH = 30
"""Characters that go into a line of a note below a panel, which may be narrow."""


LEGEND_LINES = 4
"""Of two entries each, for which figures have room above their panel."""

LINE = 0.14
"""Of a legend, in inches."""

BESIDE_NAMES = 0.4
"""Inches that a column of a legend takes beside its names."""

NO_BREAK = "\N{NO-BREAK SPACE}"


class Sheet(Figure):
    """A figure of its own, which a notebook shows without anybody having chosen how it shows figures."""

    def _repr_png_(self) -> bytes:
        image = BytesIO()
        self.savefig(image, format="png", dpi=SHOWN)
        return image.getvalue()


def new_panel(
    results: RunResults,
    height: float,
    documents: int | None = None,
    *,
    ax: Axes | None = None,
    width: float = style.WIDTH,
) -> tuple[Drawn, Axes]:
    """A figure ``height`` inches high, titled dataset · model · number of documents; or the axes that somebody gave.

    Args:
        results: of a run.
        height: in inches, of a figure of its own.
        documents: how many are shown; by default all with several items.
        ax: where to draw in the place of a figure of its own; the title stands above it.
        width: in inches; by default one column.
    """
    count = len(results.several) if documents is None else documents
    sampled = results.is_sample or count < len(results.several)
    if ax is not None:
        root = ax.get_figure(root=True)
        assert root is not None
        words = title(results, count, max(ax.bbox.width / root.dpi, NARROWEST), sampled=sampled)
        _style(ax)
        ax.set_title(words, fontsize=style.SETTINGS["axes.titlesize"], parse_math=False)
        return ax.figure, ax
    figure = new_sheet((width, height))
    axes = figure.add_subplot()
    write_title(figure, title(results, count, width, sampled=sampled))
    return figure, axes


def _style(ax: Axes) -> None:
    """Give axes that were made with other settings of matplotlib those of all figures."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(style.SETTINGS[f"axes.spines.{side}"])
    for axis, name in ((ax.xaxis, "x"), (ax.yaxis, "y")):
        axis.label.set_fontsize(style.SETTINGS["axes.labelsize"])
        axis.set_tick_params(labelsize=style.SETTINGS[f"{name}tick.labelsize"])


def new_sheet(size: tuple[float, float], ax: Axes | None = None, layout: Any = "constrained") -> Drawn:  # noqa: ANN401
    """A figure for several panels, so many inches wide and high; or the place in its figure of axes that are given.

    Raises:
        InputError: the axes have no place in a grid, where several panels could stand for them.
    """
    if ax is None:
        figure = Sheet(figsize=size, layout=layout)
        FigureCanvasAgg(figure)
        return figure
    place = ax.get_subplotspec()
    if place is None:
        raise InputError("The figure has several panels, and ax no place in a grid for them: take one of plt.subplots.")
    ax.set_axis_off()
    return ax.figure.add_subfigure(place)


def write_title(figure: Drawn, words: str) -> None:
    """Above all panels."""
    figure.suptitle(words, fontsize=style.SETTINGS["axes.titlesize"], parse_math=False)


def title(results: RunResults, documents: int, width: float, *, sampled: bool = False) -> str:
    """Dataset · model · number of documents, in lines that go into a figure so many inches wide.

    What is meant by erased, and by decided, stands behind, where it is not the default.
    """
    count = f"n = {documents:,}{' sampled' * sampled} documents".replace(" ", NO_BREAK)
    about = filter(None, [selection_in_brief(results.selection)])
    meaning = map(printable, [*about, *meaning_in_brief(results.meaning)])
    words = " · ".join([printable(results.dataset), printable(results.short_model), count, *meaning])
    return "\n".join(textwrap.wrap(words, int(TITLE_WIDTH * width / style.WIDTH)))


def legend_above(axes: Axes) -> None:
    """The legend between title and panel, where it covers nothing; a long one makes a figure of its own higher.

    In two columns, and in one where long names would reach beyond the figure.
    """
    _, labels = axes.get_legend_handles_labels()
    half = math.ceil(len(labels) / 2)
    widest = [
        max((width_of(each, style.LEGEND_SIZE) for each in part), default=0) for part in (labels[:half], labels[half:])
    ]
    columns = 2 if sum(widest) + 2 * BESIDE_NAMES <= style.WIDTH else 1
    legend = axes.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns, handlelength=2.4, borderaxespad=0.2
    )
    lines = math.ceil(len(legend.get_texts()) / columns)
    if axes.get_title():
        raise_title(axes, lines)
    elif lines > LEGEND_LINES:
        figure = axes.get_figure(root=True)
        assert figure is not None
        figure.set_figheight(figure.get_figheight() + (lines - LEGEND_LINES) * LINE)


def raise_title(axes: Axes, lines: int = 1) -> None:
    """Leave room for so many lines of small type under the title of axes that somebody gave."""
    if axes.get_title():
        points = lines * 1.5 * style.SETTINGS["legend.fontsize"]
        axes.set_title(axes.get_title(), pad=mpl.rcParams["axes.titlepad"] + points, parse_math=False)


def said_of_smallest_sets(results: RunResults) -> str:
    """Further lines that say so where no smallest set is known; empty where one is."""
    if results.knows_smallest_sets:
        return ""
    return "\n" + textwrap.fill(f"({no_smallest_set(results.config)})", NOTE_WIDTH)


def say_instead(axes: Axes, words: str) -> None:
    """Put words where there is nothing to draw."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, textwrap.fill(words, 44), ha="center", va="center", transform=axes.transAxes)


def save(figure: Drawn, folder: Path, name: str) -> list[Path]:
    """Write the figure as PNG and PDF; the same figure gives the same bytes. Returns the files."""
    # Imported where something is drawn: what cuts fonts down is slow to import.
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    from attnprobe.reports.figures.embedded_fonts import without_shaping_tables

    assert isinstance(figure, Figure), "a part of somebody's figure has no files"
    paths = [folder / f"{name}.png", folder / f"{name}.pdf"]
    with mpl.rc_context(style.SETTINGS):
        # Laid out once, and drawn once for each file: ``savefig`` draws it once more for layouts, each time.
        figure.set_dpi(RESOLUTION)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        as_png: Any = FigureCanvasAgg(figure)  # neither method has types
        with replacing(paths[0]) as temporary:
            as_png.print_png(temporary, metadata=METADATA_OF_PNG)
        as_pdf: Any = FigureCanvasPdf(figure)
        with replacing(paths[1]) as temporary, without_shaping_tables():
            as_pdf.print_pdf(temporary, metadata=METADATA_OF_PDF)
    return paths
