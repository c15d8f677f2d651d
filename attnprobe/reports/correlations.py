"""How attention, gradients of the input and leaving words out rank words alike: as a table and in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attnprobe.reports.cells import INTERVALS, Table, cell, table_of
from attnprobe.reports.latex import in_latex
from attnprobe.reports.numbers import significant


def correlations_table(summary: Mapping[str, Any]) -> Table | None:
    """A row a pair of what ranks words; None where no document was asked."""
    found = summary.get("correlations")
    if found is None:
        return None
    rows = [{"correlation": name} | dict(row) for name, row in found["taus"].items()]
    caption = (
        rf"Kendall's $\tau$ over the words of {found['documents']:,} documents each: mean over documents and standard "
        r"deviation; the gradient of the decision is by the input's words, the attention held fixed; leave-one-out is "
        rf"the total variation of the output without the word, the encoder run again; {INTERVALS}"
    )
    return table_of(
        rows,
        {
            "Between": lambda row: in_latex(row["between"]),
            r"$\tau$": lambda row: cell(row["mean"], 3),
            "SD": lambda row: in_latex(significant(row["deviation"])),
        },
        caption,
    )


def correlations_in_words(summary: Mapping[str, Any]) -> str:
    """The three means; empty where no document was asked."""
    found = summary.get("correlations")
    if found is None:
        return ""
    said = [
        f"{row['between']} {_tau(row['mean'])}" for row in found["taus"].values() if row["mean"]["value"] is not None
    ]
    if not said:
        return ""
    return (
        f"How alike the words of a document are ranked (Kendall's tau, mean over {found['documents']:,} documents; "
        f"gradient and leave-one-out are of the input): {', '.join(said)}."
    )


def _tau(estimate: Mapping[str, Any]) -> str:
    value = f"{estimate['value']:.2f}"
    return value if estimate["low"] is None else f"{value} [{estimate['low']:.2f}, {estimate['high']:.2f}]"
