"""Statistics of a knock-out: of each source, target and window of layers what cutting it does, over prompts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from attnprobe.analysis.bootstrap import Estimate, means
from attnprobe.analysis.intervals import wilson

ROUTE = ("source", "target", "layer", "first_layer", "last_layer", "head")
"""Columns that tell what was cut: the source's positions from the target's, in a window around a layer."""

CHANGES = ("delta_log_probability", "delta_rival")
"""Columns of changes, in nats."""

MATTERS = 0.1
"""Nats by which the decision's log probability has to move for a route to be found, or an edge to be missed."""


class OfRoute(NamedTuple):
    """What cutting one route does, over prompts.

    Attributes:
        source, target: names of positions.
        layer: the centre of the window.
        first_layer, last_layer: the window.
        head: its number; ``WHOLE`` for all heads together.
        edges: how many pairs of positions are cut, in the mean.
        delta_log_probability: the mean change of the decision's log probability, in nats, with its interval.
        delta_rival: the same of the rival's.
        flipped: the share of prompts whose decision is another.
    """

    source: str
    target: str
    layer: int
    first_layer: int
    last_layer: int
    head: int
    edges: float
    delta_log_probability: Estimate
    delta_rival: Estimate
    flipped: Estimate

    @property
    def is_found(self) -> bool:
        """Whether the decision moves by ``MATTERS`` or more in the mean, and the interval holds no zero."""
        change = self.delta_log_probability
        return abs(change.value) >= MATTERS and (change.low > 0 or change.high < 0)


def routes_of(table: pd.DataFrame) -> list[OfRoute]:
    """Every route of a knock-out, in the order in which it is in the table; all see the same resamples of prompts.

    Args:
        table: one row a prompt and route, as ``knockout.parquet`` has it.
    """
    groups: dict[tuple[str, str, int, int, int, int], pd.DataFrame] = {}
    for (source, target, layer, first, last, head), group in table.sort_values("document", kind="stable").groupby(
        list(ROUTE), sort=False
    ):
        places = int(str(layer)), int(str(first)), int(str(last)), int(str(head))
        groups[(str(source), str(target), *places)] = group
    changes = {(key, name): group[name].to_numpy(np.float64) for key, group in groups.items() for name in CHANGES}
    estimates = means(changes)
    return [
        OfRoute(
            source=key[0],
            target=key[1],
            layer=key[2],
            first_layer=key[3],
            last_layer=key[4],
            head=key[5],
            edges=float(group["edges"].mean()),
            delta_log_probability=estimates[key, CHANGES[0]],
            delta_rival=estimates[key, CHANGES[1]],
            flipped=wilson(int(group["flipped"].sum()), len(group)),
        )
        for key, group in groups.items()
    ]


class Screened(NamedTuple):
    """How far a screen of single edges can be believed.

    Attributes:
        edges: how many of those that it puts first were cut exactly.
        matter: how many of these move the decision by ``MATTERS`` or more.
        sampled: how many edges were drawn from all.
        sampled_matter: how many of the drawn ones move it so far.
        missed: the share of the drawn edges that move it so far and are not among the first.
        correlation: of the first-order and the exact change of the drawn edges (Pearson's); NaN where one is constant.
    """

    edges: int
    matter: int
    sampled: int
    sampled_matter: int
    missed: Estimate
    correlation: float


def screened(table: pd.DataFrame) -> Screened:
    """Of what ``screen.parquet`` holds."""
    moves = table["delta_log_probability"].abs() >= MATTERS
    top, drawn = table["top"].to_numpy(bool), table["sampled"].to_numpy(bool)
    missed = int((moves & drawn & ~top).sum())
    one, other = (table.loc[drawn, name].to_numpy(np.float64) for name in ("first_order", "delta_log_probability"))
    varies = len(one) > 1 and one.std() > 0 and other.std() > 0
    return Screened(
        int(top.sum()),
        int((moves & top).sum()),
        int(drawn.sum()),
        int((moves & drawn).sum()),
        wilson(missed, int(drawn.sum())),
        float(np.corrcoef(one, other)[0, 1]) if varies else float("nan"),
    )


def summary_of(routes: list[OfRoute], prompts: pd.DataFrame, screen: pd.DataFrame | None) -> dict[str, Any]:
    """What ``summary.json`` holds of results."""
    found = None if screen is None else screened(screen)
    return {
        "prompts": len(prompts),
        "plain_passes": float(prompts["plain_passes"].mean()),
        "routes": [_plain(route) for route in routes],
        "screen": None if found is None else _plain(found),
    }


def _plain(record: OfRoute | Screened) -> Mapping[str, Any]:
    """Numbers and texts that JSON has; what is not there is None."""
    fields = {name: each._asdict() if isinstance(each, Estimate) else each for name, each in record._asdict().items()}
    return {name: _without_nan(each) for name, each in fields.items()}


def _without_nan(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping):
        return {name: _without_nan(each) for name, each in value.items()}
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and value != value else value
