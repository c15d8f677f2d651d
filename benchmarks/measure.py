"""Time alternatives side by side in one process, in turn, and print the ratio of their medians as a JSON line."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

Clock = Callable[[], float]


def seconds(function: Callable[[], object], clock: Clock = time.perf_counter) -> float:
    """Seconds of one call, by the clock on the wall unless told otherwise."""
    start = clock()
    function()
    return clock() - start


def processor_seconds(function: Callable[[], object], repetitions: int) -> float:
    """Of the process, for one call: the median over repetitions."""
    return statistics.median(seconds(function, time.process_time) for _ in range(repetitions))


def in_turn(
    functions: list[Callable[[], object]], repetitions: int, warm_ups: int = 1, clock: Clock = time.perf_counter
) -> list[list[float]]:
    """Seconds of each function over repetitions, run in turn so that a noisy machine is noisy for all."""
    for _ in range(warm_ups):
        for function in functions:
            function()
    rounds = [[seconds(function, clock) for function in functions] for _ in range(repetitions)]
    return [list(times) for times in zip(*rounds, strict=True)]


def report(figure: str, value: float, **details: object) -> None:
    """Print one figure and what it was measured on as a JSON line."""
    rounded = {key: round(x, 4) if isinstance(x, float) else x for key, x in details.items()}
    print(json.dumps({"figure": figure, "value": round(value, 4), **rounded}), flush=True)


def median_ratio(slow: list[float], fast: list[float]) -> float:
    """Median over rounds of one function's time over another's."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))
