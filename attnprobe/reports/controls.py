"""What controls say: random orders of the same document, and an explanation's own scores shuffled; tables and words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attnprobe.analysis.better_than_chance import AOPC, FALSE_DISCOVERIES
from attnprobe.erasure.registered_orderings import Role
from attnprobe.reports.cells import INTERVALS, Row, Table, cell, percentage, table_of
from attnprobe.reports.latex import in_latex
from attnprobe.reports.numbers import percent_with_interval, points_with_interval
from attnprobe.reports.orderings_in_words import in_prose
from attnprobe.reports.style import display_name
from attnprobe.runs.ordering_records import record_of, recorded_orderings

Summary = Mapping[str, Any]


def better_than_chance_table(summary: Summary) -> Table | None:
    """By ordering where it stands among random orders; None where nothing is known of such."""
    found = summary["better_than_chance"]
    if not found["orderings"]:
        return None
    cells: dict[str, Callable[[Row], str]] = {
        "Ordering": lambda row: in_latex(display_name(row["ordering"], summary)),
        "Outdone by": lambda row: percentage(row["outdone"]),
    }
    of_areas = found["measure"] == AOPC
    what = "a larger AOPC" if of_areas else "an earlier first flip"
    caption = (
        rf"orderings among {found['tried']:,} random orders of each of {found['documents']:,} documents: share (\%) of "
        rf"these that reach {what}, of those that reach as much half, 50 being chance"
    )
    if _tells(summary):
        cells["Better than chance"] = lambda row: percentage(row["better"])
        caption += (
            r"; documents (\%) in which the ordering is better than chance, false discovery rate "
            rf"{100 * FALSE_DISCOVERIES:.0f}\,\% (Benjamini and Hochberg)"
        )
    else:
        caption += "; so few random orders tell no single document from chance"
    return table_of(_by_name(found["orderings"], "ordering"), cells, f"{caption}; {INTERVALS}")


def twins_table(summary: Summary) -> Table | None:
    """Explanations beside their permuted twins; None without such."""
    found = summary["twins"]
    if not found:
        return None
    cells: dict[str, Callable[[Row], str]] = {
        "Explanation": lambda row: in_latex(display_name(row["explanation"], summary)),
        "Erased": lambda row: percentage(row["erased"]),
        "By twin": lambda row: percentage(row["erased_by_twin"]),
        "Less": lambda row: percentage(row["erased_difference"]),
    }
    if all(row["aopc"] is not None for row in found.values()):
        cells |= {
            "AOPC": lambda row: cell(row["aopc"], 3),
            "Of twin": lambda row: cell(row["aopc_of_twin"], 3),
            "More": lambda row: cell(row["aopc_difference"], 3),
        }
    caption = (
        rf"explanations beside their permuted twins, the same scores shuffled within each document: {_unit(summary)}s "
        r"(\%) erased at the first flip, emptied and never counting as all, and AOPC of the decision's probability "
        rf"where curves are kept; differences are paired by document; {INTERVALS}"
    )
    return table_of(_by_name(found, "explanation"), cells, caption)


def chance_in_words(summary: Summary) -> str:
    """In how many documents each explanation is better than chance; empty where that cannot be told."""
    found = summary["better_than_chance"]
    records = recorded_orderings(summary)
    told = [
        f"{in_prose(name, summary)} {percent_with_interval(row['better'])}"
        for name, row in found["orderings"].items()
        if _tells(summary) and record_of(records, name).role == Role.EXPLANATION
    ]
    if not told:
        return ""
    what = "AOPC" if found["measure"] == AOPC else "first flip"
    return (
        f"By {what} an order is better than chance, told by {found['tried']:,} random orders of the same document "
        f"(false discovery rate {100 * FALSE_DISCOVERIES:.0f} %), in these shares of {found['documents']:,} documents: "
        f"{', '.join(told)}."
    )


def twins_in_words(summary: Summary) -> str:
    """Each explanation beside its permuted twin, a sentence each; empty without such."""
    unit = _unit(summary)
    said = [_beside_twin(name, row, summary, unit) for name, row in summary["twins"].items()]
    if not said:
        return ""
    return f"Beside a permuted twin, the same scores shuffled within each document: {' '.join(said)}"


def _beside_twin(name: str, row: Mapping[str, Any], summary: Summary, unit: str) -> str:
    less = row["erased_difference"]
    told = "its scores say no more than shuffled ones, as far as these documents tell"
    if less["low"] is not None and less["low"] > 0:
        told = "its scores change decisions earlier than shuffled ones"
    elif less["high"] is not None and less["high"] < 0:
        told = "its scores change decisions later than shuffled ones"
    return (
        f"{in_prose(name, summary)} erases {percent_with_interval(row['erased'])} of the {unit}s until the decision "
        f"changes, its twin {percent_with_interval(row['erased_by_twin'])} (the twin's less its own, in points: "
        f"{points_with_interval(less)}): {told}."
    )


def _tells(summary: Summary) -> bool:
    """Whether enough random orders are known of a document to tell it from chance."""
    return all(row["better"] is not None for row in summary["better_than_chance"]["orderings"].values())


def _by_name(rows: Mapping[str, Row], key: str) -> list[Row]:
    return [{key: name} | dict(row) for name, row in rows.items()]


def _unit(summary: Summary) -> str:
    return str(summary["run"]["unit"])
