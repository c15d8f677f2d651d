"""Every figure of a run by name, drawn into axes that are given, or by itself.

``ax`` is any axes of matplotlib; figures of several panels take its place in the grid, and want it wide. Without it a
figure of its own is drawn, as wide as a column of a paper or a page. Sizes of type are those of a paper in either case.
Nothing is written: ``figure.savefig`` does that.
"""

from __future__ import annotations

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.reports import style
from attnprobe.reports.figures import FIGURES, IDENTIFIABILITY_FIGURES


def fraction_removed(results: RunResults, ax: Axes | None = None) -> Figure | SubFigure:
    """Share of the items that each ordering erases until the decision flips: a box an ordering."""
    return _drawn("fraction_removed", results, ax)


def flip_curves(results: RunResults, ax: Axes | None = None) -> Figure | SubFigure:
    """Share of the documents flipped against the share of their items erased, a curve an ordering."""
    return _drawn("flip_curves", results, ax)


def delta_js(results: RunResults, ax: Axes | None = None) -> Figure | SubFigure:
    """How much more the most attended item does than another, against how much more attention it has."""
    return _drawn("delta_js", results, ax)


def negative_delta_js(results: RunResults, ax: Axes | None = None) -> Figure | SubFigure:
    """Where the most attended item does less than another: the difference of their weights, before that of all."""
    return _drawn("negative_delta_js", results, ax)


def decision_curves(results: RunResults, ax: Axes | None = None) -> Figure | SubFigure:
    """Mean probability of the decision against the share of the items erased; of runs with whole curves."""
    return _drawn("decision_curves", results, ax)


def normalised_aopc(results: RunResults, ax: Axes | None = None) -> Figure | SubFigure:
    """Each ordering's AOPC between the worst and the best that any reaches; of runs with limits."""
    return _drawn("normalised_aopc", results, ax)


def erase_or_keep(results: RunResults, ax: Axes | None = None) -> Figure | SubFigure:
    """How much is erased until the decision flips, and how much is kept to guarantee it, back to back."""
    return _drawn("erase_or_keep", results, ax)


def in_distribution(results: RunResults, ax: Axes | None = None) -> Figure | SubFigure:
    """How often first flips happen outside of what the model was trained on; of models whose attention pools."""
    return _drawn("in_distribution", results, ax)


def over_meanings(results: RunResults, ax: Axes | None = None) -> Figure | SubFigure:
    """Who flips decisions earlier, by what is meant by "erased": several panels; of runs of several ways."""
    return _drawn("over_meanings", results, ax)


def rank_agreement(results: RunResults, ax: Axes | None = None) -> Figure | SubFigure:
    """How alike the orderings are, each with each: a matrix of Kendall's τ."""
    return _drawn("rank_agreement", results, ax)


def output_moves(results: RunResults, ax: Axes | None = None) -> Figure | SubFigure:
    """How far a predicted number moves against the share of the items erased; of models that predict one."""
    return _drawn("output_moves", results, ax)


def head_map(results: RunResults, ax: Axes | None = None) -> Figure | SubFigure:
    """Layers × heads: what each head's own order erases; several panels, of runs with ``head_map="full"``."""
    return _drawn("head_map", results, ax)


def head_effects(results: RunResults, ax: Axes | None = None) -> Figure | SubFigure:
    """Layers × heads: what becomes of the decision without a head; several panels, of runs with a map of heads."""
    return _drawn("head_effects", results, ax)


def nullity_by_length(results: RunResults, ax: Axes | None = None) -> Figure | SubFigure:
    """Rank of the values and nullity of attention against the number of items; after ``attnprobe identify``."""
    return _drawn("nullity_by_length", results, ax)


def weight_ranges(results: RunResults, ax: Axes | None = None) -> Figure | SubFigure:
    """How far each weight can move at the same output, in a few documents; after ``attnprobe identify``."""
    return _drawn("weight_ranges", results, ax)


def erasure_outcomes(results: RunResults, ax: Axes | None = None) -> Figure | SubFigure:
    """Which flips and conclusions hold for all weights with the same output; after ``attnprobe identify``."""
    return _drawn("erasure_outcomes", results, ax)


def _drawn(name: str, results: RunResults, ax: Axes | None) -> Figure | SubFigure:
    """Draw a figure.

    Returns:
        The figure, or the part of a figure, that it is drawn in.

    Raises:
        InputError: the run has nothing that it shows.
        TypeError: these are no results of a run.
    """
    if not isinstance(results, RunResults):
        raise TypeError(f"Results of a run are needed, as attnprobe.load_run gives, not {type(results).__name__}.")
    draw = (FIGURES if name in FIGURES else IDENTIFIABILITY_FIGURES)[name]
    with mpl.rc_context(style.SETTINGS):
        figure = draw(results, ax)
    if figure is None:
        raise InputError(f"{results.folder} has nothing that the figure {name} shows: docs/figures.md says what has.")
    return figure
