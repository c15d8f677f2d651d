"""How little guarantees the decision, as a table and in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attnprobe.analysis.certified_sets import SHORT
from attnprobe.erasure.certified_names import EVERY_SET
from attnprobe.erasure.registered_orderings import ATTENTION, smallest_among
from attnprobe.reports.areas_of_curves import TRIVIAL
from attnprobe.reports.cells import INTERVALS, Row, Table, percentage, table_of
from attnprobe.reports.latex import in_latex
from attnprobe.reports.numbers import percent, percent_with_interval
from attnprobe.reports.style import display_name

Summary = Mapping[str, Any]

SMALLEST = "Smallest set"
"""What the row of the smallest sets is called, whichever of the two sides it is of."""


def guarantees_table(summary: Summary) -> Table | None:
    """By ordering how much is erased until the decision flips, and how much has to be kept until nothing flips it."""
    found = summary["sufficient_sets"]
    if found is None:
        return None
    erased = _erased(summary)
    rows: list[Row] = [
        {"ordering": name, "erased": erased[name], "kept": kept}
        for name, kept in found["orderings"].items()
        if name in summary["first_flips"]
    ]
    if SMALLEST in erased:
        rows.append({"ordering": SMALLEST, "erased": erased[SMALLEST], "kept": found["smallest"]["share"]})
    unit = summary["run"]["unit"]
    cells: dict[str, Callable[[Row], str]] = {
        "Ordering": lambda row: in_latex(
            SMALLEST if row["ordering"] == SMALLEST else display_name(row["ordering"], summary)
        ),
        "Erased until it flips": lambda row: percentage(row["erased"]),
        "Kept until it is guaranteed": lambda row: percentage(row["kept"]),
    }
    caption = (
        rf"share of the {unit}s (\%), in order, that is erased at the first flip while something is left, other "
        rf"documents counting as all, and that, if kept, guarantees the decision whatever subset of the others is "
        rf"erased{_of_which(summary)}; {in_latex(_certainty(found['smallest']))}; not what is called sufficiency "
        rf"elsewhere: {in_latex(TRIVIAL)}; {INTERVALS}"
    )
    return table_of(rows, cells, caption)


def _erased(summary: Summary) -> dict[str, Any]:
    """By ordering, and by the smallest sets, how much is erased at the first flip: of the documents with all sets."""
    certified = summary["certified_sets"]
    if certified is not None:
        return {**certified["erased"], SMALLEST: certified["flips"][SHORT]["known"]}
    erased = {name: row["restricted_mean"] for name, row in summary["first_flips"].items()}
    smallest = smallest_among(summary["first_flips"])
    return erased if smallest is None else erased | {SMALLEST: erased[smallest]}


def _of_which(summary: Summary) -> str:
    certified = summary["certified_sets"]
    if certified is None:
        return ""
    documents, unit = certified["flips"][SHORT]["documents"], summary["run"]["unit"]
    return f"; of the {documents:,} documents of at most {EVERY_SET} {unit}s, all sets of which were erased"


def _certainty(smallest: Mapping[str, Any]) -> str:
    uncertain = smallest["uncertain"]
    if not uncertain:
        return "smallest sets are exact"
    return f"smallest sets are exact but of {uncertain:,} documents, of which the smallest that is known is counted"


def guarantees_in_words(summary: Summary) -> str:
    """How much must be erased to change the decision, and how little kept guarantees it; empty where not known.

    Empty, too, where sets were erased for it: what guarantees a decision is then known of short documents alone, and
    ``certified_in_words`` says both of these.
    """
    found = summary["sufficient_sets"]
    smallest = smallest_among(summary["first_flips"])
    if found is None or smallest is None or summary["certified_sets"] is not None:
        return ""
    unit, least = summary["run"]["unit"], found["smallest"]
    erased = summary["first_flips"][smallest]["restricted_mean"]["value"]
    median = f"{least['median']:g} {unit}{'s' * (least['median'] != 1)}"
    return (
        f"To change the decision {percent(erased)} of the {unit}s have to be erased at least (all, where no "
        f"set flips it while some are left); keeping "
        f"{percent_with_interval(least['share'])} of them (median: {median}) guarantees it, whatever subset of the "
        f"others is erased. Of the most attended {unit}s the first {percent(found['orderings'][ATTENTION]['value'])} "
        "do."
    )
