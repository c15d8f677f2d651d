"""A knock-out in words, for the terminal and the top of its page of tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from attnprobe.analysis.bootstrap import Estimate
from attnprobe.analysis.knockout_map import MATTERS, OfRoute, Screened
from attnprobe.reports.answer import filled
from attnprobe.reports.numbers import percent_with_interval
from attnprobe.settings.knockout import WHOLE

MOST = 5
"""Routes that are named."""

ABOUT = (
    "A change is what the decision loses directly and through all that follows in higher layers; positions whose "
    "information has moved on to others before lose nothing by being cut. A token that takes much weight and gives "
    "little, as the first one often does, can be cut without loss."
)


def knockout_in_words(name: str, routes: Sequence[OfRoute], prompts: pd.DataFrame, screen: Screened | None) -> str:
    """A few sentences.

    Args:
        name: of the model.
        routes: of all prompts.
        prompts: one row a prompt.
        screen: what is known of the screen of single edges; None where there was none.
    """
    p = np.exp(prompts["log_probability"])
    parts = [
        f"{name}: {len(prompts):,} prompts, decided with a mean probability of {p.mean():.2f}. Brackets are 95 % "
        f"intervals over prompts. A prompt took the work of {prompts['plain_passes'].mean():.1f} plain runs."
    ]
    whole = [route for route in routes if route.head == WHOLE and route.is_found]
    whole.sort(key=lambda route: route.delta_log_probability.value)
    lines = [
        f"{route.source} → {route.target}, {layers_in_words(route)}: {nats(route.delta_log_probability)} nats, "
        f"{percent_with_interval(route.flipped._asdict())} flipped"
        for route in whole[:MOST]
    ]
    if not lines:
        parts.append(
            f"No cut moves the decision's log probability by {MATTERS:g} nats in the mean, with an interval that holds "
            "no zero."
        )
    else:
        parts.append("What the decision loses most by:")
    text = "\n\n".join(map(filled, parts))
    text = "\n".join([text, *(filled(line) for line in lines)])
    rest = [ABOUT]
    if screen is not None:
        rest.insert(0, screen_in_words(screen))
    return "\n\n".join([text, *map(filled, rest)])


def screen_in_words(screen: Screened) -> str:
    """What one backward pass finds, and what it misses."""
    correlation = (
        "" if np.isnan(screen.correlation) else f" Over them the two changes correlate with {screen.correlation:.2f}."
    )
    return (
        f"Of the {screen.edges:,} single edges that one backward pass puts first {screen.matter:,} move the decision "
        f"by {MATTERS:g} nats or more. Of {screen.sampled:,} edges drawn from all {screen.sampled_matter:,} do, and "
        f"the screen misses {percent_with_interval(screen.missed._asdict())}.{correlation}"
    )


def layers_in_words(route: OfRoute) -> str:
    """``layer 3``, ``layers 2 to 4``."""
    if route.first_layer == route.last_layer:
        return f"layer {route.first_layer}"
    return f"layers {route.first_layer} to {route.last_layer}"


def nats(estimate: Estimate) -> str:
    """``−1.25 [−1.40, −1.10]``."""
    ends = f" [{estimate.low:.2f}, {estimate.high:.2f}]" if estimate.n > 1 else ""
    return f"{estimate.value:.2f}{ends}".replace("-", "−")
