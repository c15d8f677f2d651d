"""Tables of what ``attnprobe identify`` found: heads, lengths, conclusions, and what erasing items can do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from attnprobe.analysis.identifiability_results import POOLING
from attnprobe.reports.cells import INTERVALS, Row, Table, cell, percentage, plain, table_of
from attnprobe.reports.latex import in_latex

Summary = Mapping[str, Any]

SHOWN_HEADS = 40
"""Rows that go on a page."""

NAMES = {
    "top_item": "Most attended {unit}",
    "ranking": "Order by weight",
    "single_flip": "Flip without that {unit}",
    "first_flip": "Erased at first flip",
    "earlier_than_random": "Fewer than at random",
}
"""What each conclusion is called where there is little room."""

STATEMENTS = {
    "top_item": "which {unit} has the largest weight",
    "ranking": "the order of the {unit}s by weight",
    "single_flip": "whether erasing the most attended {unit} alone flips the decision",
    "first_flip": "how many {unit}s to erase until it flips, the most attended first",
    "earlier_than_random": "that they are fewer than in a random order",
}
"""What each conclusion says."""

OUTCOMES = {"must_flip": "must flip", "may_flip": "may flip", "never_flips": "never flips"}

FLIPS = {
    "smallest_set": "smallest set that flips it",
    "earliest": "most attended first: least of all alternatives",
    "observed": "most attended first: as observed",
    "latest": "most attended first: greatest of all alternatives",
    "random": "random order",
}


def head_identifiability(summary: Summary) -> Table | None:
    """Each head: whether its weights are unique, and how far they can move.

    LaTeX shows the ``SHOWN_HEADS`` with the largest shares of documents without unique weights, where there are more.
    """
    found = _found(summary, "heads")
    if not found:
        return None
    rows: Sequence[Mapping[str, Any]] = found["heads"]
    shares = sorted((row["non_unique"]["value"] for row in rows), reverse=True)
    least = shares[min(SHOWN_HEADS, len(shares)) - 1]
    kept = [row for row in rows if row["non_unique"]["value"] >= least][:SHOWN_HEADS]
    shown = [
        {
            "Head": in_latex(f"{row['stack']} {row['layer']}.{row['head']}"),
            "$d_v$": str(row["d_v"]),
            "$d_k$": in_latex("–") if row["d_k"] is None else str(row["d_k"]),
            "Rank": _number(row["rank"], 1),
            "Nullity": _number(row["nullity"], 1),
            "Not unique": percentage(row["non_unique"]),
            r"$d_k > d_k^*$": _share(row["keys_allow"]),
            "Width": _number(row["mean_width"], 3),
            "Top weight": _number(row["top_weight"], 3),
            "its range": f"{_number(row['top_low'], 3)}--{_number(row['top_high'], 3)}",
            "Top changes": _share(row["top_can_change"]),
            r"$\tau \geq$": _number(row["kendall_tau_low"], 2),
            "TV": f"{_number(row['farthest_low'], 2)}--{_number(row['farthest_high'], 2)}",
        }
        for row in kept
    ]
    which = f"the {SHOWN_HEADS} heads least unique" if len(rows) > SHOWN_HEADS else "attention heads"
    caption = (
        rf"{which} (layer.head): mean rank of $[V, 1]$ and nullity; documents (\%) whose weights are not unique given "
        rf"the head's output, and in which $d_k$ exceeds the critical $d_k^*$; of {found['sampled']:,} documents the "
        r"mean width of a weight's range, the largest weight and its range, documents (\%) in which another item can "
        r"have the largest, bounds on Kendall's $\tau$ and on the total-variation distance of the farthest "
        rf"alternative; {INTERVALS}"
    )
    return Table(plain(rows), pd.DataFrame(shown), caption)


def nullity_by_length(summary: Summary) -> Table | None:
    """Rank, nullity and uniqueness of documents of similar length, all heads together."""
    found = _found(summary, "by_length")
    if not found:
        return None
    cells: dict[str, Callable[[Row], str]] = {
        f"{unit_in(summary).capitalize()}s": lambda row: f"{row['low']}--{row['high']}",
        "Documents": lambda row: f"{row['documents']:,}",
        "Rank": lambda row: cell(row["rank"], 1),
        "Nullity": lambda row: cell(row["nullity"], 1),
        r"Not unique (\%)": lambda row: percentage(row["non_unique"]),
    }
    caption = (
        r"rank of $[V, 1]$, nullity, and share of attention rows whose weights are not unique given the head's output, "
        rf"by length of documents, means over heads; {INTERVALS}"
    )
    return table_of(found["by_length"], cells, caption)


def surviving_conclusions(summary: Summary) -> Table | None:
    """Which conclusions hold for all attention weights with the same output."""
    found = _found(summary, "sampled")
    if not found:
        return None
    unit = unit_in(summary)
    rows = [{"statement": STATEMENTS[row["name"]].format(unit=unit)} | row for row in found["conclusions"]]
    cells: dict[str, Callable[[Row], str]] = {
        "Conclusion from attention": lambda row: in_latex(row["statement"]),
        "$n$": lambda row: f"{row['documents']:,}",
        "Survives": lambda row: percentage(row["survives"]),
        "Falls": lambda row: percentage(row["falls"]),
        "Undecided": lambda row: percentage(row["undecided"]),
    }
    caption = (
        r"documents (\%) in which a conclusion from the observed attention weights survives (all weights with the same "
        rf"output lead to it), falls (some do not), or bounds do not decide; {INTERVALS}"
    )
    return table_of(rows, cells, caption)


def item_outcomes(summary: Summary) -> Table | None:
    """What erasing one item can do over all weights with the same output."""
    return _shares(
        summary,
        "items",
        ("outcome", "share"),
        OUTCOMES,
        ("Decision", "{unit}s (\\%)"),
        r"{unit}s (\%) whose erasure alone must, may or never flips the decision over all attention weights with the "
        r"same output",
    )


def first_flip_ranges(summary: Summary) -> Table | None:
    """How early and how late attention's order can flip decisions."""
    return _shares(
        summary,
        "first_flips",
        ("order", "fraction"),
        FLIPS,
        ("Order", "{unit}s erased (\\%)"),
        r"{unit}s (\%) erased at the first flip, never counting as all: with the observed weights, and the least and "
        r"the greatest over all attention weights with the same output",
    )


def _shares(
    summary: Summary,
    entry: str,
    columns: tuple[str, str],
    words: Mapping[str, str],
    headings: tuple[str, str],
    caption: str,
) -> Table | None:
    """A table of an entry that has a share by name, in the order of the names' ``words``; None where there is none."""
    found = _found(summary, entry)
    if not found:
        return None
    unit, (name, share) = unit_in(summary), columns
    rows = [{name: each, share: found[entry][each]} for each in words]
    cells: dict[str, Callable[[Row], str]] = {
        headings[0]: lambda row: in_latex(words[row[name]]),
        headings[1].format(unit=unit): lambda row: percentage(row[share]),
    }
    return table_of(rows, cells, f"{caption.format(unit=unit)}; {INTERVALS}")


def _found(summary: Summary, entry: str) -> Mapping[str, Any] | None:
    """What was identified; None where nothing was, or nothing under this entry."""
    found = summary.get("identifiability")
    return found if found and found[entry] else None


def unit_of(unit: str, stacks: Iterable[str]) -> str:
    """What weights are of: the items of a run where attention pools them, else tokens."""
    return unit if set(stacks) == {POOLING} else "token"


def unit_in(summary: Summary) -> str:
    """The same, of a summary."""
    return unit_of(summary["run"]["unit"], [row["stack"] for row in summary["identifiability"]["heads"]])


IDENTIFIABILITY_TABLES: dict[str, Callable[[Summary], Table | None]] = {
    "head_identifiability": head_identifiability,
    "nullity_by_length": nullity_by_length,
    "surviving_conclusions": surviving_conclusions,
    "item_outcomes": item_outcomes,
    "first_flip_ranges": first_flip_ranges,
}
"""Each makes one of a run's summary, or None where the run has nothing of the kind."""


def _number(estimate: Mapping[str, Any], digits: int) -> str:
    return cell({"value": estimate["value"], "low": None, "high": None}, digits)


def _share(estimate: Mapping[str, Any]) -> str:
    return percentage({"value": estimate["value"]})
