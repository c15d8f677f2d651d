"""What ``attnprobe identify`` found, in words for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from attnprobe.base.text_cells import aligned
from attnprobe.reports.identifiability_tables import NAMES, unit_in
from attnprobe.reports.numbers import percent, percent_with_interval, significant

WIDTH = 100
"""Characters in a line."""

Summary = Mapping[str, Any]


def identifiability_in_words(summary: Summary) -> str:
    """A few paragraphs; at most 100 characters a line.

    Args:
        summary: as ``summarise`` gives it for a run that was identified.
    """
    found, name = summary["identifiability"], summary["run"]["name"]
    if not found["heads"]:
        return f"{name}: no document has more than one item, and a single weight is always one."
    unit = unit_in(summary)
    paragraphs = [_filled(_uniqueness(name, unit, found))]
    if found["sampled"]:
        paragraphs += [_filled(_reach(unit, found)), *map(_filled, _keys(found)), _conclusions(unit, found)]
        if found["items"]:
            paragraphs.append(_filled(_erasing(unit, found)))
        paragraphs.append(_filled(_cost(found)))
    return "\n\n".join(paragraphs)


def _filled(text: str) -> str:
    """In lines, none of which begins with a percent sign."""
    return textwrap.fill(text.replace(" %", "\u00a0%"), WIDTH, break_on_hyphens=False).replace("\u00a0", " ")


def _uniqueness(name: str, unit: str, found: Mapping[str, Any]) -> str:
    heads = found["heads"]
    shares = sorted(row["non_unique"]["value"] for row in heads)
    if len(heads) > 1:
        text = (
            f"{name}: {len(heads):,} attention heads on {found['documents']:,} documents. Given a head's output, its "
            f"weights are not unique in {_between([percent(shares[0]), percent(shares[-1])])} of the documents."
        )
    else:
        text = (
            f"{name}: attention on {found['documents']:,} documents. Given its output, the weights are not unique in "
            f"{percent_with_interval(heads[0]['non_unique'])} of them."
        )
    bins = found["by_length"]
    unique = [row for row in bins if row["non_unique"]["value"] == 0]
    never = [row for row in bins if row["non_unique"]["value"] == 1]
    if unique and unique == bins[: len(unique)]:
        text += f" With up to {unique[-1]['high']:,} {unit}s they were always unique."
    if never and never == bins[-len(never) :]:
        text += f" From {never[0]['low']:,} {unit}s on they never were."
    widths = sorted({row["d_v"] for row in heads})
    told_apart = _between([str(widths[0] + 1), str(widths[-1] + 1)])
    return f"{text} Values are {_between([str(widths[0]), str(widths[-1])])} wide: enough for {told_apart} {unit}s."


def _reach(unit: str, found: Mapping[str, Any]) -> str:
    heads = found["heads"]
    where = "in the head in which they move most, " if len(heads) > 1 else ""
    widest = max((row for row in heads if row["sampled"]), key=lambda row: row["mean_width"]["value"])
    if len(heads) > 1:
        where += f"{widest['stack']} {widest['layer']}.{widest['head']}, "
    if not widest["mean_width"]["value"]:
        return f"On {found['sampled']:,} sampled documents no weight can move at all."
    numbers = {name: significant(widest[name]["value"]) for name in ("mean_width", "top_weight", "top_low", "top_high")}
    return (
        f"How far they can move at the same output, on {found['sampled']:,} sampled documents: {where}a weight's range "
        f"is {numbers['mean_width']} wide on average; the largest weight, {numbers['top_weight']} as observed, can "
        f"range from {numbers['top_low']} to {numbers['top_high']}; in {percent(widest['top_can_change']['value'])} "
        f"of the documents another {unit} can be the most attended; Kendall's τ between rankings can fall to "
        f"{significant(widest['kendall_tau_found']['value'])} or lower; the farthest alternative moves "
        f"{percent(widest['farthest_low']['value'])} of all attention or more."
    )


def _keys(found: Mapping[str, Any]) -> list[str]:
    rows = [row for row in found["heads"] if row["keys_allow"]["value"] is not None]
    if not rows:
        return []
    shares = [row["keys_allow"]["value"] for row in rows]
    widths = sorted({row["d_k"] for row in rows})
    where = _between([percent(min(shares)), percent(max(shares))])
    return [
        f"Keys are {_between([str(widths[0]), str(widths[-1])])} wide. By count of dimensions that exceeds the "
        f"critical d_k*, so that keys and queries could realise other weights nearby, in {where} of the documents of "
        "a head."
    ]


def _conclusions(unit: str, found: Mapping[str, Any]) -> str:
    headings = ("what attention says", "documents", "survives", "falls", "undecided")
    rows = [
        (
            NAMES[row["name"]].format(unit=unit),
            f"{row['documents']:,}",
            percent_with_interval(row["survives"]),
            percent_with_interval(row["falls"]),
            percent(row["undecided"]["value"]),
        )
        for row in found["conclusions"]
    ]
    title = "Over all attention weights with the same output (brackets are 95 % intervals over documents):"
    return "\n".join([title, *aligned([headings, *rows])])


def _erasing(unit: str, found: Mapping[str, Any]) -> str:
    items, flips = found["items"], found["first_flips"]
    smallest = flips["smallest_set"]["value"]
    text = (
        f"Erasing one {unit} must flip the decision in {percent(items['must_flip']['value'])} of the cases, may in "
        f"{percent(items['may_flip']['value'])}, never does in {percent(items['never_flips']['value'])}. Erasing the "
        f"most attended first takes {percent(flips['observed']['value'])} of the {unit}s as observed, and from "
        f"{percent(flips['earliest']['value'])} to {percent(flips['latest']['value'])} over all weights with the "
        f"same output; a random order takes {percent(flips['random']['value'])}"
    )
    return f"{text}." if smallest is None else f"{text}, the smallest set {percent(smallest)}."


def _cost(found: Mapping[str, Any]) -> str:
    text = f"The programs took {significant(found['seconds'])} s of processor time a document and head."
    if found["failed"]:
        text += (
            f" On {found['failed']:,} of {found['rows']:,} documents and heads a linear program failed: they are left "
            "out."
        )
    return text


def _between(ends: Sequence[str]) -> str:
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
