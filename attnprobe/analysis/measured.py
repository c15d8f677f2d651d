"""What measurements of other packages come to over the documents of a run: means and quantiles of their columns."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.results import RunResults
from attnprobe.runs.measurement_records import column_name

QUANTILES = {"low": 0.05, "lower": 0.25, "median": 0.5, "upper": 0.75, "high": 0.95}


class MeasuredColumnStatistics(NamedTuple):
    """Of one column over the documents of several items that have a value.

    Attributes:
        description: what the column says.
        share: whether its values are from 0 to 1.
        mean: with the bootstrap's interval.
        quantiles: by the names of ``QUANTILES``; NaN of no document.
    """

    description: str
    share: bool
    mean: Estimate
    quantiles: dict[str, float]


def measured(results: RunResults) -> dict[str, dict[str, Any]]:
    """By measurement: ``title``, ``package`` and ``version`` where it comes from one, and ``columns`` by name.

    Raises:
        InputError: a table cannot be read.
    """
    values = measured_values(results)
    estimates = means(values)
    return {
        name: {
            "title": record.title,
            **({} if record.origin is None else record.origin._asdict()),
            "columns": {
                column: MeasuredColumnStatistics(
                    held.description, held.share, estimates[name, column], _quantiles(values[name, column])
                )
                for column, held in record.columns.items()
            },
        }
        for name, record in results.measurements.items()
    }


def measured_values(results: RunResults) -> dict[tuple[str, str], Numbers]:
    """The values (documents,) by measurement and column of the documents of several items, NaN where there is none."""
    return {
        (name, column): results.several[column_name(name, column)].to_numpy(dtype=np.float64, na_value=np.nan)
        for name, record in results.measurements.items()
        for column in record.columns
    }


def _quantiles(values: Numbers) -> dict[str, float]:
    defined = values[~np.isnan(values)]
    if not len(defined):
        return dict.fromkeys(QUANTILES, float("nan"))
    return {name: float(np.quantile(defined, share)) for name, share in QUANTILES.items()}
