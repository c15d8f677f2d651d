"""The answer to the question, for the terminal, in words that readers understand who have not read the papers."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from attnprobe.analysis.results import ATTENTION, ORACLE, RANDOM
from attnprobe.analysis.verdict import AS_WELL_AS_ANY, IN_PART, NO, NOT_INFORMATIVE
from attnprobe.reports.numbers import percent, percent_with_interval, significant
from attnprobe.reports.style import display_name

WIDTH = 100
"""Characters in a line."""

LONGEST_NAME = 20

FEW_DOCUMENTS = 30
"""Below this many, the reader is warned."""

Summary = Mapping[str, Any]


def answer(summary: Summary) -> str:
    """Two short tables and a few sentences; at most 100 characters a line, no colours.

    Args:
        summary: as ``summarise`` gives it.
    """
    verdict = f"Does attention explain this model? {_verdict(summary)}"
    return "\n\n".join(
        [
            _filled(_introduction(summary)),
            _erased_by_ordering(summary),
            _filled(_erasing_in_order(summary)),
            _who_is_first(summary),
            _filled(_erasing_one(summary)),
            _filled(verdict),
        ]
    )


def _filled(text: str) -> str:
    """In lines, none of which begins with a percent sign."""
    together = text.replace(" %", "\u00a0%")
    return textwrap.fill(together, WIDTH, break_on_hyphens=False).replace("\u00a0", " ")


def _introduction(summary: Summary) -> str:
    counts = summary["counts"]
    unit = summary["run"]["unit"]
    have, are = ("has", "is") if counts["with_one_item"] == 1 else ("have", "are")
    left_out = f"; {counts['with_one_item']:,} more {have} a single {unit} and {are} left out"
    text = (
        f"{summary['run']['name']}: {counts['with_several_items']:,} documents"
        f"{left_out if counts['with_one_item'] else ''}. "
        f"The model is right in {percent_with_interval(summary['accuracy'])}. Brackets are 95 % intervals."
    )
    if counts["with_several_items"] < FEW_DOCUMENTS:
        text += " So few documents can show little: take every number here with caution."
    return text


def _erased_by_ordering(summary: Summary) -> str:
    headings = ("", "mean, if it changes", "mean, same documents", "never changes", "× best")
    rows = [
        (
            display_name(name)[:LONGEST_NAME],
            percent_with_interval(row["mean_fraction"]),
            percent_with_interval(row["paired_fraction"]),
            percent_with_interval(row["never_share"]),
            significant(row["ratio_to_oracle"]["value"]),
        )
        for name, row in summary["first_flips"].items()
    ]
    title = f"{summary['run']['unit'].capitalize()}s erased when the decision changes:"
    return "\n".join([title, *_aligned([headings, *rows])])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]


def _erasing_in_order(summary: Summary) -> str:
    unit = summary["run"]["unit"]
    paired = {name: row["paired_fraction"] for name, row in summary["first_flips"].items()}
    documents = paired[ATTENTION]["n"]
    if not documents:
        return "In no document does the decision change under every ordering, so that means cannot be compared."
    best = f", and with the smallest set that suffices {percent(paired[ORACLE]['value'])}" if ORACLE in paired else ""
    return (
        f"Over the {documents:,} documents whose decision changes whatever the ordering, "
        f"{percent(paired[ATTENTION]['value'])} of the {unit}s must be erased, the most attended first, before it "
        f"changes; in a random order {percent(paired[RANDOM]['value'])}{best}."
    )


def _erasing_one(summary: Summary) -> str:
    single, unit = summary["single_flips"][ATTENTION], summary["run"]["unit"]
    return (
        f"Erasing only the most attended {unit} changes the decision in {percent_with_interval(single['top'])} of the "
        f"documents; erasing only another {unit}, in {percent_with_interval(single['other'])}."
    )


def _who_is_first(summary: Summary) -> str:
    verdict = summary["answer"]
    compared = [one for one in [verdict["against_random"], *verdict["against_others"]] if one["lead"]["n"]]
    if not compared:
        return "No decision changes under attention or what it is compared with, however much is erased."
    headings = ("attention against", "attention first", "equal", "the other first")
    rows = [
        [display_name(one["second"])[:LONGEST_NAME]]
        + [percent_with_interval(one[field]) for field in ("first_earlier", "equal", "second_earlier")]
        for one in compared
    ]
    title = "Which changes the decision with fewer erasures (share of documents):"
    return "\n".join([title, *_aligned([headings, *rows])])


def _verdict(summary: Summary) -> str:
    verdict, unit = summary["answer"], summary["run"]["unit"]
    evenness = f"{verdict['attention_entropy']['value']:.3f}"
    better = " or by ".join(map(_in_prose, verdict["better"]))
    sentences = {
        NOT_INFORMATIVE: (
            f"Not informative: the weights are nearly equal (evenness {evenness}, where 1 is all equal), and their "
            "order changes decisions no earlier than a random one."
        ),
        NO: f"No: erasing the most attended {unit}s first does not change decisions earlier than a random order does.",
        IN_PART: (
            "Only in part: its order changes decisions earlier than a random one, but erasing by "
            f"{better} changes them earlier still."
        ),
        AS_WELL_AS_ANY: (
            "As well as any ordering tried: its order changes decisions earlier than a random one, and no other "
            "changes them earlier still."
        ),
    }
    text = sentences[verdict["verdict"]]
    if verdict["nearly_uniform"] and verdict["verdict"] != NOT_INFORMATIVE:
        text += (
            f" The weights are nearly equal (evenness {evenness}, where 1 is all equal): what single weights say "
            "here is little."
        )
    ratio = summary["first_flips"][ATTENTION]["ratio_to_oracle"]["value"]
    if ratio is not None:
        text += f" It takes {significant(ratio)} times as many {unit}s as the smallest set that suffices."
    return text


def _in_prose(ordering: str) -> str:
    name = display_name(ordering)
    return name[0].lower() + name[1:]
