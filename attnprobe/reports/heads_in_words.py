"""What single attention heads do, and what their orders are worth, in sentences for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attnprobe.analysis.head_map import FAITHFUL, NOT_FAITHFUL, UNDECIDED
from attnprobe.analysis.thresholds import NEGLIGIBLE_GAIN, SIGNIFICANT
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


def effects_in_words(summary: Mapping[str, Any]) -> str:
    """What becomes of decisions without single heads, and without their most attended items; empty without that test.

    Args:
        summary: as ``summarise`` gives it.
    """
    rows: Rows = summary["head_effects"] or ()
    if not rows:
        return ""
    unit = summary["run"]["unit"]
    documents = f"{rows[0]['documents']:,} document{'s' if rows[0]['documents'] > 1 else ''}"
    most = sorted(rows, key=lambda row: (-row["flip_whole"]["value"], -row["js_whole"]["value"]))[:NAMED]
    flipping = [row for row in most if row["flip_whole"]["value"] > 0]
    named = _listed([f"{name_of_head(row)} ({percent_with_interval(row['flip_whole'])})" for row in flipping])
    whole = f"decisions change most often without {named}" if named else "no decision changes without any one of them"
    more = sum(row["delta_js"]["value"] > 0 and _is_significant(row["delta_js_p"]) for row in rows)
    told = (
        f"Attention heads, each of {len(rows):,} erased alone in {documents}: {whole}. Erasing a head's most attended "
        f"{unit} alone moves probabilities more than erasing another one in {f'{more:,}' if more else 'none'} of them, "
        "after Holm's correction."
    )
    return told if summary["heads"] else f"{told} Whether a head's order finds what decides takes --head-map full."


def _is_significant(p: float | None) -> bool:
    return p is not None and p < SIGNIFICANT


def _listed(named: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(named[:-1]), *named[-1:]]))


def _best(faithful: Rows, unit: str) -> str:
    if not faithful:
        return ""
    named = [f"{name_of_head(row)} ({percent_with_interval(row['gain'])} fewer {unit}s)" for row in faithful[:NAMED]]
    return f"; the best {'are' if len(named) > 1 else 'is'} {_listed(named)}"


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
