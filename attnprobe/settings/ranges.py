"""Bounds of the numbers in settings, whoever gives them: an option, an experiment's file, ``config.json`` or Python.

Settings are dataclasses that check themselves when they are made; a number that is none raises ``TypeError`` here, as
comparing it does anywhere.
"""

from __future__ import annotations

from typing import Any

from attnprobe.base.errors import InputError

MOST = 2**53
"""Of a whole number: beyond it JSON readers round, and arrays of counts overflow."""


def check_counts(settings: Any, *names: str, at_least: int = 1) -> None:  # noqa: ANN401
    """Raise an InputError where a field is neither None nor a whole number from ``at_least`` to ``MOST``."""
    for name in names:
        value = getattr(settings, name)
        if value is not None and value < at_least:
            raise InputError(f"{name} must be at least {at_least}, not {value}.")
        if value is not None and value > MOST:
            raise InputError(f"{name} must be at most {MOST}, which {value} is not.")


def check_positive(settings: Any, *names: str) -> None:  # noqa: ANN401
    """Raise an InputError where a field is neither None nor a finite number above zero."""
    for name in names:
        value = getattr(settings, name)
        if value is not None and not 0 < _in_floating_point(value) < float("inf"):
            raise InputError(f"{name} must be a finite number above 0, not {value}.")


def check_rates(settings: Any, *names: str) -> None:  # noqa: ANN401
    """Raise an InputError where a field is no share of at least 0 and less than 1."""
    for name in names:
        value = getattr(settings, name)
        if not 0 <= value < 1:
            raise InputError(f"{name} must be at least 0 and less than 1, not {value}.")


def _in_floating_point(value: float) -> float:
    """A number as arithmetic takes it: a whole one of hundreds of digits is infinite."""
    if isinstance(value, str):
        raise TypeError("a text is no number")
    try:
        return float(value)
    except OverflowError:
        return float("inf")
