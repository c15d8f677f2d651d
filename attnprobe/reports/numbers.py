"""Numbers as readers are shown them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

ABSENT = "–"


def percent(share: float | None) -> str:
    """A share as a percentage; what is not zero is not shown as 0.0 %, nor what is not one as 100.0 %.

    >>> percent(0.1234), percent(0.0051), percent(0.0004), percent(0.0), percent(0.9996), percent(None)
    ('12.3 %', '0.5 %', '< 0.1 %', '0 %', '> 99.9 %', '–')
    """
    if share is None or math.isnan(share):
        return ABSENT
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    if abs(share) < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %"


def significant(value: float | None) -> str:
    """Three significant digits.

    >>> significant(0.0001234), significant(12.345), significant(1234.5), significant(None)
    ('0.000123', '12.3', '1,234', '–')
    """
    if value is None:
        return ABSENT
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def rounded_up(count: int) -> int:
    """Two significant digits, never fewer than there are.

    >>> rounded_up(7), rounded_up(1501), rounded_up(99_999)
    (7, 1600, 100000)
    """
    step = int(10 ** max(0, len(str(count)) - 2))
    return -(-count // step) * step


def percent_with_interval(estimate: Mapping[str, Any]) -> str:
    """``12.3 % [11.0, 13.6]``, of an estimate; without the interval where its ends are NaN or None."""
    ends = [percent(estimate[end]).removesuffix(" %").replace(" ", "") for end in ("low", "high")]
    return percent(estimate["value"]) + ("" if ABSENT in ends else f" [{', '.join(ends)}]")


def points_with_interval(difference: Mapping[str, Any]) -> str:
    """``+12.3 [11.0, 13.6]``: a difference of two shares in percentage points, of a summary's estimate.

    >>> points_with_interval({"value": -0.1234, "low": -0.2, "high": 0.0001})
    '−12.3 [−20.0, 0.0]'
    """
    value, low, high = (
        ABSENT if difference[end] is None else signed(100 * difference[end], 1) for end in ("value", "low", "high")
    )
    return value if difference["low"] is None else f"{value} [{low}, {high}]"


def signed(number: float, digits: int) -> str:
    """A number with its sign, but none before zero.

    >>> signed(0.31, 1), signed(-12.34, 1), signed(-0.00004, 4)
    ('+0.3', '−12.3', '0.0000')
    """
    rounded = round(number, digits)
    return f"{rounded:+.{digits}f}".replace("-", "−") if rounded else f"{0:.{digits}f}"
