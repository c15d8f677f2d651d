"""What of a model's attention a run erased in, as its summary says it: layers, heads and rows, made definite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

SELECTED = "selected"
"""Of ``summary.json``: what was erased in, layer by layer; runs of models whose attention pools have none."""

ROWS = ("first", "last", "at", "continued", "all")

_MOST_LAYERS = 10_000


class SelectedLayer(NamedTuple):
    """One layer.

    Attributes:
        stack: whose layer it is; empty where the model has one kind of attention.
        layer: its number, from 0.
        of_layers: how many layers the stack has.
        heads: numbers of the heads.
        of_heads: how many the layer has.
        rows: one of ``ROWS``, or numbers of rows, counted from the first token, negative ones from the end.
    """

    stack: str
    layer: int
    of_layers: int
    heads: list[int]
    of_heads: int
    rows: str | list[int]


def recorded_selection(summary: Mapping[str, Any]) -> list[SelectedLayer]:
    """What a summary says; nothing where it says nothing, or what cannot be."""
    entry = summary.get(SELECTED)
    if not isinstance(entry, list) or len(entry) > _MOST_LAYERS:
        return []
    try:
        found = [SelectedLayer(**layer) for layer in entry]
    except TypeError:
        return []
    return found if all(map(_fits, found)) else []


def _fits(layer: SelectedLayer) -> bool:
    numbers = [layer.layer, layer.of_layers, layer.of_heads, *_whole(layer.heads)]
    rows = layer.rows in ROWS if isinstance(layer.rows, str) else bool(_whole(layer.rows))
    return isinstance(layer.stack, str) and rows and bool(layer.heads) and all(type(each) is int for each in numbers)


def _whole(numbers: object) -> list[Any]:
    return [each for each in numbers if type(each) is int] if isinstance(numbers, list) else []
