"""How orderings are named and coloured, and how figures are set, wherever they are shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attnprobe.base.visible import visible

NAMES = {
    "random": "Random",
    "attention": "Attention",
    "gradient": "Gradient",
    "gradient_attention": "Gradient × attention",
    "greedy": "Greedy (gradient, re-ranked)",
    "oracle": "Smallest set (exact)",
}

COLOURS = {
    "random": "#A8A8A8",
    "attention": "#0072B2",
    "gradient": "#D55E00",
    "gradient_attention": "#009E73",
    "greedy": "#E69F00",
    "oracle": "#222222",
}
"""Okabe & Ito's (2008), which the colour-blind tell apart."""

FURTHER_COLOURS = ("#CC79A7", "#56B4E9", "#F0E442")
"""Okabe & Ito's others, for orderings that are not known here."""

DASHES = {
    "random": (4.0, 1.5),
    "gradient_attention": (5.0, 1.0, 1.0, 1.0),
    "greedy": (2.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    "oracle": (1.0, 1.0),
}
"""Of lines, in points on and off; the others are solid. So that curves differ in grey too."""

WIDTH = 3.3
"""Of a figure: a column of a paper, in inches."""

PAGE = 6.3
"""Of a figure across two columns, in inches."""

SETTINGS: dict[Any, Any] = {
    "font.size": 7.5,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "lines.linewidth": 1.1,
    "pdf.fonttype": 42,  # TrueType: journals refuse Type 3
}
"""For ``matplotlib.rc_context``."""


def display_name(ordering: str) -> str:
    """What readers are shown for an ordering; its own name, legible, where it is not known here.

    >>> display_name("gradient_attention"), display_name("leave_one_out")
    ('Gradient × attention', 'Leave one out')
    """
    return NAMES.get(ordering) or visible(ordering).replace("_", " ").capitalize()


def colours(orderings: Iterable[str]) -> dict[str, str]:
    """A colour for each ordering; those that are not known share out the remaining ones in turn."""
    orderings = list(orderings)
    unknown = [name for name in orderings if name not in COLOURS]
    further = {name: FURTHER_COLOURS[i % len(FURTHER_COLOURS)] for i, name in enumerate(unknown)}
    return {name: COLOURS.get(name) or further[name] for name in orderings}
