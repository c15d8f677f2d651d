"""How orderings are named and coloured, and how figures are set, wherever they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attnprobe.erasure.registered_orderings import OWN, Role
from attnprobe.explanations.names import PERMUTED
from attnprobe.runs.ordering_records import record_of, recorded_orderings

COLOURS = {name: ordering.colour for name, ordering in OWN.items() if ordering.colour}
"""Of orderings of this package."""

FURTHER_COLOURS = ("#CC79A7", "#56B4E9", "#F0E442")
"""Okabe & Ito's others, for orderings that are not known here."""

DASHES = {name: ordering.dashes for name, ordering in OWN.items() if ordering.dashes}
"""Of lines of orderings of this package, in points on and off."""

FURTHER_DASHES: tuple[tuple[float, ...], ...] = ((), (4.0, 1.0), (1.0, 1.0), (5.0, 1.0, 1.0, 1.0), (2.5, 0.8))
"""Of the lines of orderings that share a colour, in turn: the first is solid."""

AGREED, OTHERWISE_AGREED, NOT_AGREED, OPEN = "#0072B2", "#A6D3EE", "#E69F00", "#D8D8D8"
"""Blue is what all weights with the same output agree on, orange what they do not; what is not told is grey."""

OUTCOMES = {"must_flip": AGREED, "never_flips": OTHERWISE_AGREED, "may_flip": NOT_AGREED}
"""Of items that are erased alone, over all weights with the same output; in the order of a bar of them."""

WIDTH = 3.3
"""Of a figure: a column of a paper, in inches."""

PAGE = 6.3
"""Of a figure across two columns, in inches."""

LEGEND_SIZE = 6.5
"""Of type in legends, in points."""

SETTINGS: dict[Any, Any] = {
    "font.size": 7.5,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": LEGEND_SIZE,
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
    turns = {name: turn // len(FURTHER_COLOURS) % len(FURTHER_DASHES) for name, turn in _turns(orderings).items()}
    return {name: FURTHER_DASHES[turns[name]] if name in turns else DASHES.get(name, ()) for name in orderings}


def colours(orderings: Iterable[str]) -> dict[str, str]:
    """A colour for each ordering, the same in every figure; those without one of their own share the others in turn."""
    orderings = list(orderings)
    further = {name: FURTHER_COLOURS[turn % len(FURTHER_COLOURS)] for name, turn in _turns(orderings).items()}
    return {name: COLOURS.get(name) or further[name] for name in orderings}


_WITHOUT_COLOUR = sorted(
    (name for name, ordering in OWN.items() if not ordering.colour),
    key=lambda name: (OWN[name].on_request, OWN[name].role is Role.CONTROL),
)
"""Orderings of this package that share colours; those of every run first, and controls behind explanations."""


def _turns(orderings: Iterable[str]) -> dict[str, int]:
    """Whose turn it is with the shared colours: of this package's the same each time, of others one by one.

    Those of every run keep their turn where they are not shown, and permuted twins come last, so that an explanation
    has one colour in figures with its twin and without.
    """
    unknown = [name for name in orderings if name not in COLOURS]
    others = sorted((name for name in unknown if name not in _WITHOUT_COLOUR), key=lambda name: name.endswith(PERMUTED))
    asked = any(name in _WITHOUT_COLOUR and OWN[name].on_request for name in unknown)
    first = len(_WITHOUT_COLOUR) if asked else sum(not OWN[name].on_request for name in _WITHOUT_COLOUR)
    return {name: first + others.index(name) if name in others else _WITHOUT_COLOUR.index(name) for name in unknown}
