"""How orderings are named and coloured, and how figures are set, wherever they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attnprobe.erasure.registered_orderings import OWN
from attnprobe.runs.ordering_records import record_of, recorded_orderings

COLOURS = {name: ordering.colour for name, ordering in OWN.items() if ordering.colour}
"""Of orderings of this package."""

FURTHER_COLOURS = ("#CC79A7", "#56B4E9", "#F0E442")
"""Okabe & Ito's others, for orderings that are not known here."""

DASHES = {name: ordering.dashes for name, ordering in OWN.items() if ordering.dashes}
"""Of lines of orderings of this package, in points on and off."""

FURTHER_DASHES: tuple[tuple[float, ...], ...] = ((), (4.0, 1.0), (1.0, 1.0), (5.0, 1.0, 1.0, 1.0), (2.5, 0.8))
"""Of the lines of orderings that share a colour, in turn: the first is solid."""

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


def display_name(ordering: str, told: Mapping[str, Any]) -> str:
    """What readers are shown for an ordering: its title; its own name, legible, where the run does not say one.

    Args:
        ordering: its name.
        told: the run's configuration or summary, which say what its orderings are.

    >>> display_name("gradient_attention", {}), display_name("erased_alone", {})
    ('Gradient × attention', 'Erased alone')
    """
    return record_of(recorded_orderings(told), ordering).title


def dashes(orderings: Iterable[str]) -> dict[str, tuple[float, ...]]:
    """Dashes for each ordering, none where its line is solid; those that share a colour differ by them.

    >>> dashes(["attention", "a", "b", "c", "d"])["d"]
    (4.0, 1.0)
    """
    orderings = list(orderings)
    unknown = [name for name in orderings if name not in COLOURS]
    turns = {name: i // len(FURTHER_COLOURS) % len(FURTHER_DASHES) for i, name in enumerate(unknown)}
    return {name: FURTHER_DASHES[turns[name]] if name in turns else DASHES.get(name, ()) for name in orderings}


def colours(orderings: Iterable[str]) -> dict[str, str]:
    """A colour for each ordering; those that are not known share out the remaining ones in turn."""
    orderings = list(orderings)
    unknown = [name for name in orderings if name not in COLOURS]
    further = {name: FURTHER_COLOURS[i % len(FURTHER_COLOURS)] for i, name in enumerate(unknown)}
    return {name: COLOURS.get(name) or further[name] for name in orderings}
