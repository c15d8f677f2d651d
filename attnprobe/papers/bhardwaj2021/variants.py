"""How variants of the encoder are named, coloured and ordered."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from attnprobe.settings.transformer import ADD, ADD_OWN, CONCATENATE

NAMES = {CONCATENATE: "Concatenated", ADD: "Added", ADD_OWN: "Added, own maps"}
MATCHED = "Concatenated, matched"
COLOURS = {CONCATENATE: "#D55E00", ADD: "#0072B2", ADD_OWN: "#009E73", MATCHED: "#222222"}
MARKERS = {CONCATENATE: "o", ADD: "s", ADD_OWN: "^", MATCHED: "D"}
SHIFTS = {CONCATENATE: 0.94, ADD: 1.06, ADD_OWN: 1.0, MATCHED: 1.0}
"""Factors on an axis of widths."""

DATASETS = ("trec", "trec6", "sst", "sst5", "newsgroups20")
"""In this order, others behind them."""


def plain(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of encoders that are as the paper means them: nothing as released, not matched."""
    return rows[(rows["as_released"] == "") & ~rows["matched"]]


def datasets_in_order(datasets: Iterable[str]) -> list[str]:
    """Each once."""
    return sorted(set(datasets), key=lambda name: (DATASETS.index(name) if name in DATASETS else len(DATASETS), name))


def combinations_in_order(combinations: Iterable[str]) -> list[str]:
    """Each once."""
    return sorted(set(combinations), key=list(NAMES).index)
