"""What flips decisions and what guarantees them where sets were erased to find it, as a table and in sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attnprobe.analysis.certified_sets import LONGER, SHORT
from attnprobe.erasure.certified_names import EVERY_SET
from attnprobe.erasure.registered_orderings import ATTENTION
from attnprobe.reports.cells import INTERVALS, Row, Table, percentage, table_of
from attnprobe.reports.latex import in_latex
from attnprobe.reports.numbers import percent, percent_with_interval

Summary = Mapping[str, Any]

_SIDES = {"flips": "flips the decision", "keeps": "guarantees it"}


def certified_table(summary: Summary) -> Table | None:
    """How large the smallest sets are that flip decisions and that guarantee them, of short and of longer documents."""
    found = summary["certified_sets"]
    if found is None:
        return None
    rows: list[Row] = [
        {"set": side, "of": length, **found[side][length]}
        for side in _SIDES
        for length in (SHORT, LONGER)
        if length in found[side]
    ]
    unit = summary["run"]["unit"]
    lengths = {SHORT: f"at most {EVERY_SET} {unit}s", LONGER: f"more than {EVERY_SET} {unit}s"}
    cells: dict[str, Callable[[Row], str]] = {
        "Smallest set that": lambda row: in_latex(_SIDES[row["set"]]),
        "Documents of": lambda row: in_latex(lengths[row["of"]]),
        "Documents": lambda row: f"{row['documents']:,}",
        "Exact": lambda row: f"{row['exact']:,}",
        "At least": lambda row: percentage(row["at_least"]),
        "Smallest known": lambda row: percentage(row["known"]),
    }
    caption = (
        rf"mean share of the {unit}s (\%) that the smallest set has at least, which is certain, and that the smallest "
        rf"set has that is known, all where no set flips the decision or none is known to; what guarantees a decision "
        rf"of more than {EVERY_SET} {unit}s is attained: nothing that was tried flips it; {INTERVALS}"
    )
    return table_of(rows, cells, caption)


def certified_in_words(summary: Summary) -> str:
    """The same in sentences: of short documents what is exact, of longer ones what is certain and what is attained."""
    found = summary["certified_sets"]
    if found is None:
        return ""
    parts = [_short(summary, found), _longer(summary, found), _withstood(summary, found)]
    return " ".join(filter(None, parts))


def _short(summary: Summary, found: Mapping[str, Any]) -> str:
    sufficient, unit = summary["sufficient_sets"], summary["run"]["unit"]
    if SHORT not in found["flips"] or sufficient is None:
        return ""
    flips, least = found["flips"][SHORT], sufficient["smallest"]
    median = f"{least['median']:g} {unit}{'s' * (least['median'] != 1)}"
    return (
        f"Of the {flips['documents']:,} documents of at most {EVERY_SET} {unit}s all sets were erased, so that this is "
        f"exact: to change the decision {percent_with_interval(flips['known'])} of the {unit}s have to be erased at "
        f"least (all, where no set flips it), by attention's order {percent(found['erased'][ATTENTION]['value'])}; "
        f"keeping {percent_with_interval(least['share'])} of them (median: {median}) guarantees it, whatever subset of "
        f"the others is erased, of the most attended the first "
        f"{percent(sufficient['orderings'][ATTENTION]['value'])}."
    )


def _longer(summary: Summary, found: Mapping[str, Any]) -> str:
    if LONGER not in found["flips"]:
        return ""
    unit, flips, keeps = summary["run"]["unit"], found["flips"][LONGER], found["keeps"][LONGER]
    between = flips["documents"] - flips["exact"] - flips["open"]
    known = [f"exact in {flips['exact']:,}"] * bool(flips["exact"])
    known += [f"certified between two numbers in {between:,}"] * bool(between)
    known += [f"not found in {flips['open']:,}, where only the lower one is certain"] * bool(flips["open"])
    ends = f"{percent(flips['at_least']['value'])} and {percent(flips['known']['value'])}"
    return (
        f"Of {flips['documents']:,} longer ones the smallest set that changes the decision is {_listed(known)}: on "
        f"average it has between {ends} of the {unit}s. To guarantee the decision "
        f"{percent(keeps['at_least']['value'])} of them have to be kept at least, which is certain; "
        f"{percent(keeps['known']['value'])} are attained, beside which nothing that was tried changes it."
    )


def _withstood(summary: Summary, found: Mapping[str, Any]) -> str:
    unit = summary["run"]["unit"]
    sizes = {"1": f"single {unit}", "2": f"two {unit}s", "3": f"three {unit}s"}
    told = [f"no {sizes[size]} {percent_with_interval(share)}" for size, share in found["withstood"].items()]
    return f"Decisions that sets of so many do not change: {_listed(told)}." if told else ""


def _listed(parts: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
