"""Accuracies of trained encoders over seeds, and differences between variants seed by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from attnprobe.analysis.intervals import t_interval

VARIANT = ("dataset", "combine", "as_released", "matched", "d_k")
"""Columns that tell variants apart; all else of their encoders must be alike."""


def over_seeds(runs: pd.DataFrame, measured: Sequence[str]) -> pd.DataFrame:
    """Means over seeds with Student's 95 % intervals.

    Args:
        runs: one row a run: the columns ``VARIANT``, ``seed`` and those of ``measured``.
        measured: columns to average.

    Returns:
        One row a variant: ``VARIANT``, ``seeds``, and for each measured column its mean, and ``…_low`` and ``…_high``,
        which are NaN below three seeds.

    Raises:
        ValueError: two runs are of the same variant and seed.
    """
    if runs.duplicated([*VARIANT, "seed"]).any():
        raise ValueError("two runs are of the same variant and seed")
    rows = []
    for key, group in runs.groupby(list(VARIANT), sort=False):
        row: dict[str, Any] = dict(zip(VARIANT, key, strict=True)) | {"seeds": len(group)}
        for column in measured:
            estimate = t_interval(group[column].tolist())
            row |= {column: estimate.value, f"{column}_low": estimate.low, f"{column}_high": estimate.high}
        rows.append(row)
    return pd.DataFrame(rows)


def differences(
    runs: pd.DataFrame, measured: str, one: Mapping[str, Any], other: Mapping[str, Any], *, within: Sequence[str]
) -> pd.DataFrame:
    """``measured`` of one variant minus another's, paired by seed, with Student's interval over seeds.

    Args:
        runs: one row a run.
        measured: the column.
        one, other: values of columns that pick out each variant.
        within: columns in which the two must agree beside the seed.

    Returns:
        One row for each combination of ``within`` that both have: ``seeds``, ``difference``, ``low``, ``high``.
    """
    keys = [*within, "seed"]
    left, right = (
        runs.loc[(runs[list(picks)] == pd.Series(picks)).all(axis=1), [*keys, measured]] for picks in (one, other)
    )
    pairs = left.merge(right, on=keys, suffixes=("_one", "_other"), validate="one_to_one")
    pairs["difference"] = pairs[f"{measured}_one"] - pairs[f"{measured}_other"]
    rows = []
    for key, group in pairs.groupby(list(within), sort=False):
        estimate = t_interval(group["difference"].tolist())
        row = dict(zip(within, key, strict=True)) | {"seeds": len(group), "difference": estimate.value}
        rows.append(row | {"low": estimate.low, "high": estimate.high})
    return pd.DataFrame(rows, columns=[*within, "seeds", "difference", "low", "high"])
