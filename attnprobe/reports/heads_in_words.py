"""What the order of single attention heads is worth, in two sentences for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attnprobe.analysis.head_map import FAITHFUL, NOT_FAITHFUL, UNDECIDED
from attnprobe.analysis.thresholds import NEGLIGIBLE_GAIN
from attnprobe.base.visible import visible
from attnprobe.reports.numbers import percent, percent_with_interval

NAMED = 3
"""Heads that are named at most."""

Rows = Sequence[Mapping[str, Any]]


def heads_in_words(summary: Mapping[str, Any]) -> str:
    """How many heads' orders beat a random one, which best, and what of the others; empty without single heads.

    Args:
        summary: as ``summarise`` gives it.
    """
    rows: Rows = summary["heads"] or ()
    if not rows:
        return ""
    unit = summary["run"]["unit"]
    faithful = sorted((row for row in rows if row["verdict"] == FAITHFUL), key=lambda row: -row["gain"]["value"])
    documents = f"{rows[0]['documents']:,} document{'s' if rows[0]['documents'] > 1 else ''}"
    count = f"{len(faithful):,}" if faithful else "none"
    change, their = ("change", "their") if len(faithful) > 1 else ("changes", "its")
    first = (
        f"Attention heads, each erased alone in {documents}: {count} of {len(rows):,} {change} decisions earlier in "
        f"the order of {their} own weights than in a random order, after Holm's correction{_best(faithful, unit)}."
    )
    return f"{first} {_the_others(rows, unit)}"


def _best(faithful: Rows, unit: str) -> str:
    if not faithful:
        return ""
    named = [f"{name_of_head(row)} ({percent_with_interval(row['gain'])} fewer {unit}s)" for row in faithful[:NAMED]]
    together = " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))
    return f"; the best {'are' if len(named) > 1 else 'is'} {together}"


def _the_others(rows: Rows, unit: str) -> str:
    """What is known of those that do not, and how seldom a head decides alone."""
    never = [row["never_attention"]["value"] for row in rows]
    stay = dict.fromkeys((percent(min(never)), percent(max(never))))
    said = f"with all of a head erased, {' to '.join(stay)} of the decisions stay."
    others = [row["verdict"] for row in rows if row["verdict"] != FAITHFUL]
    if not others:
        return said.capitalize()
    saved = {f"the order saves less than {100 * NEGLIGIBLE_GAIN:g} % of the {unit}s, if anything,": NOT_FAITHFUL}
    known = saved | {"it is undecided": UNDECIDED}
    told = " and ".join(f"of {others.count(verdict):,} {what}" for what, verdict in known.items() if verdict in others)
    told = told.removesuffix(",")
    if len(others) == len(rows):
        return f"{told[0].upper()}{told[1:]}; {said}"
    return f"The other{'s do' if len(others) > 1 else ' does'} not: {told}; {said}"


def name_of_head(row: Mapping[str, Any]) -> str:
    """Layer and head, counted from 0; and the stack, where a model has several.

    >>> name_of_head({"stack": "cross", "layer": 2, "head": 0})
    'cross attention layer 2 head 0'
    """
    stack = "" if row["stack"] == "self" else f"{visible(row['stack'])} attention "
    return f"{stack}layer {row['layer']} head {row['head']}"
