"""Sources × windows of layers, a map a target: what a language model's decision loses when edges of attention are cut.

It is there where a knock-out lies beside the run (``attnprobe knockout RUN``, docs/knockout.md), in the folder
``knockout``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from attnprobe.base.bounds import MOST_JSON_BYTES
from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import read_text
from attnprobe.reports.numbers import percent_with_interval
from attnprobe.reports.page.panels.curves import decimal_with_interval
from attnprobe.reports.page.readable import legible
from attnprobe.settings.knockout import WHOLE

SUMMARY = Path("knockout") / "summary.json"
"""Of a knock-out, in the folder of its run."""

SHADES = 5
"""On either side of none."""

MOST_ROWS = 200
"""Of all maps; the table of the knock-out has them all."""

_ESTIMATES = ("delta_log_probability", "flipped")
_NUMBERS = ("layer", "first_layer", "last_layer", "head")
_NAMES = ("source", "target")


class KnockoutCell(NamedTuple):
    """A route: its change as a shade from −5 to 5, whether its interval holds no zero, and what is said of it."""

    shade: int
    told_apart: bool
    says: str


class KnockoutMap(NamedTuple):
    """What cutting off one target does: windows of layers across, a row a source (and head), None where not cut."""

    target: str
    windows: list[str]
    rows: list[tuple[str, list[KnockoutCell | None]]]


class KnockoutPanel(NamedTuple):
    """A map a target, of how many prompts they are, and what the darkest shade is, in nats."""

    maps: list[KnockoutMap]
    prompts: int
    largest: str


def knockout_panel(folder: Path) -> KnockoutPanel | None:
    """The panel of a run's folder; None where no knock-out lies in it.

    Raises:
        InputError: the file is no summary of a knock-out.
    """
    path = folder / SUMMARY
    if not path.exists():
        return None
    try:
        content = json.loads(read_text(path, MOST_JSON_BYTES))
        routes, prompts = [_checked(route) for route in content["routes"]], int(content["prompts"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise InputError(f"{path} is no summary of a knock-out: make it again with attnprobe knockout.") from None
    if not routes:
        return None
    largest = max(abs(route["delta_log_probability"]["value"]) for route in routes) or 1.0
    maps, rows = [], 0
    for target in dict.fromkeys(route["target"] for route in routes):
        of_target = [route for route in routes if route["target"] == target]
        found = _map(target, of_target, largest, MOST_ROWS - rows)
        rows += len(found.rows)
        maps.append(found)
    return KnockoutPanel([each for each in maps if each.rows], prompts, f"{largest:.2g}")


def _checked(route: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a route that are shown; raises where one is not what it should be."""
    checked: dict[str, Any] = {name: legible(_text(route[name])) for name in _NAMES}
    checked |= {name: _whole(route[name]) for name in _NUMBERS}
    for name in _ESTIMATES:
        checked[name] = {end: _number(route[name][end]) for end in ("value", "low", "high")}
    if not all(math.isfinite(checked[name]["value"] or 0.0) for name in _ESTIMATES):
        raise ValueError
    checked["delta_log_probability"]["value"] = checked["delta_log_probability"]["value"] or 0.0
    return checked


def _text(value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: Any) -> int:  # noqa: ANN401
    if type(value) is not int:
        raise TypeError
    return value


def _number(value: Any) -> float | None:  # noqa: ANN401
    if value is not None and type(value) not in (int, float):
        raise TypeError
    return None if value is None else float(value)


def _map(target: str, routes: list[dict[str, Any]], largest: float, most: int) -> KnockoutMap:
    windows = sorted({(route["layer"], route["first_layer"], route["last_layer"]) for route in routes})
    rows: dict[tuple[str, int], dict[tuple[int, int, int], KnockoutCell]] = {}
    for route in routes:
        window = (route["layer"], route["first_layer"], route["last_layer"])
        change = route["delta_log_probability"]
        low, high = change["low"], change["high"]
        told_apart = low is not None and high is not None and (low > 0 or high < 0)
        name = _named(route["source"], route["head"])
        says = (
            f"{name} → {target}, layers {_span(*window[1:])}: log p changes by {decimal_with_interval(change)} nats, "
            f"{percent_with_interval(route['flipped'])} of the decisions flip"
        )
        cell = KnockoutCell(round(SHADES * change["value"] / largest), told_apart, says)
        rows.setdefault((route["source"], route["head"]), {})[window] = cell
    shown = list(rows.items())[: max(0, most)]
    return KnockoutMap(
        target,
        [_span(first, last) for _, first, last in windows],
        [(_named(*name), [cells.get(window) for window in windows]) for name, cells in shown],
    )


def _named(source: str, head: int) -> str:
    return source if head == WHOLE else f"{source}, head {head}"


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"
