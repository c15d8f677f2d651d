"""What a figure shows is what it counts: where something falls out of it on the way, that is an error of this package.

Whatever sorts numbers into cells or bars, or leaves some out, checks here that as much was drawn as the figure says.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from attnprobe.analysis.bootstrap import Numbers

if TYPE_CHECKING:
    from matplotlib.transforms import Transform

Cells = npt.NDArray[np.int64]

ROUNDING = 1e-6
"""Relative: sums of the weights of pairs, which are thirds and sevenths, are a number of documents but for so much."""


class NotDrawnError(RuntimeError):
    """A figure would show more or less than it says; nobody who uses it can mend that."""


def require_drawn(what: str, drawn: float | np.number, counted: float | np.number) -> None:
    """Check that a figure shows as much as it says.

    Args:
        what: is counted, for the message.
        drawn: how much of it is drawn.
        counted: how much of it the figure says there is.

    Raises:
        NotDrawnError: they differ, or one is no number.
    """
    if not math.isclose(float(drawn), float(counted), rel_tol=ROUNDING):
        raise NotDrawnError(f"A figure would show {drawn:g} of {counted:g} {what}.")


def documents_in(table: pd.DataFrame) -> int:
    """Of how many documents a table of pairs, heads or weights has rows."""
    return int(table["document"].nunique())


def even_edges(transform: Transform, ends: tuple[float, float], count: int) -> Numbers:
    """Edges of ``count`` cells that are equally wide on an axis; the outermost are ``ends``, to the last bit.

    There and back through an axis's transform an end is no longer itself, and the number that it was taken from would
    be outside.

    Args:
        transform: of the axis.
        ends: the lower and the upper one, in the unit of the data.
        count: of cells.
    """
    low, high = transform.transform(np.array(ends, dtype=np.float64))
    edges: Numbers = transform.inverted().transform(np.linspace(low, high, count + 1))
    edges[0], edges[-1] = ends
    return edges


def cells_of(pairs: pd.DataFrame, across: Numbers, up: Numbers) -> tuple[Cells, Cells]:
    """The column and the row of the cell that each pair is in (pairs,), in a histogram of ΔJS against Δα.

    Args:
        pairs: as ``delta_js_pairs`` gives them.
        across: edges along Δα, ascending.
        up: edges along ΔJS, ascending.

    Raises:
        NotDrawnError: a pair is in no cell.
    """
    columns, rows = _cell_of(pairs["delta_alpha"], across), _cell_of(pairs["delta_js"], up)
    inside = (columns >= 0) & (columns < len(across) - 1) & (rows >= 0) & (rows < len(up) - 1)
    require_drawn("pairs", np.count_nonzero(inside), len(pairs))
    return columns, rows


def weights_in_cells(pairs: pd.DataFrame, across: Numbers, up: Numbers) -> Numbers:
    """The weight of the pairs in each cell (cells across, cells up); arguments and errors as of ``cells_of``."""
    columns, rows = cells_of(pairs, across, up)
    sizes = len(across) - 1, len(up) - 1
    weights = np.bincount(columns * sizes[1] + rows, pairs["weight"].to_numpy(), sizes[0] * sizes[1])
    return np.asarray(weights, dtype=np.float64).reshape(sizes)


def _cell_of(column: pd.Series, edges: Numbers) -> Cells:
    """The cell that each number is in; the last one holds its upper edge too, and what is no number is in none."""
    values = column.to_numpy(dtype=np.float64)
    cells = np.searchsorted(edges, values, side="right") - 1
    cells[values == edges[-1]] = len(edges) - 2
    return cells
