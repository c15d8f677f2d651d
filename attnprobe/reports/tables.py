"""The tables of a run: CSV with plain numbers, and LaTeX (booktabs) to go into a paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from attnprobe.analysis.results import RunResults
from attnprobe.atomic_files import replacing
from attnprobe.reports.latex import booktabs, in_latex
from attnprobe.reports.numbers import ABSENT, significant
from attnprobe.reports.style import display_name

INTERVALS = r"brackets: 95\,\% intervals over documents"

Summary = Mapping[str, Any]


class Table(NamedTuple):
    """A table twice: ``plain`` has numbers, ``shown`` cells in LaTeX; and its caption, in LaTeX."""

    plain: pd.DataFrame
    shown: pd.DataFrame
    caption: str


def write_tables(results: RunResults, summary: Summary, folder: Path) -> list[Path]:
    """Write every table as CSV and LaTeX into ``folder``, which is made where it is not there.

    Args:
        results: whose name the captions give.
        summary: as ``summarise`` gives it for them.
        folder: where to.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, make in TABLES.items():
        table = make(summary)
        caption = f"{in_latex(results.name)}: {table.caption}."
        texts = {
            "csv": table.plain.to_csv(index=False, lineterminator="\n"),
            "tex": booktabs(table.shown, caption, label=f"tab:{name}"),
        }
        for suffix, text in texts.items():
            paths.append(folder / f"{name}.{suffix}")
            with replacing(paths[-1]) as temporary:
                temporary.write_text(text, encoding="utf-8")
    return paths


def flips_2x2(summary: Summary) -> Table:
    """How often erasing i*, or another item r, flips the decision (Serrano & Smith 2019, table 2), by ordering."""
    rows = summary["single_flips"]
    cells = {
        "both": "Both",
        "only_top": "Only $i^*$",
        "only_other": "Only $r$",
        "neither": "Neither",
        "negative": r"$\Delta$JS${}<0$",
    }
    shown = [
        {"$i^*$ first by": in_latex(display_name(name)), "$n$": _count(row["both"])}
        | {heading: _percentage(row[field]) for field, heading in cells.items()}
        for name, row in rows.items()
    ]
    caption = (
        rf"documents (\%) in which erasing alone the first {summary['run']['unit']} of an ordering, $i^*$, or another, "
        rf"$r$ (averaged over all others), flips the decision; {INTERVALS}"
    )
    return Table(_plain({"ordering": name} | row for name, row in rows.items()), pd.DataFrame(shown), caption)


def first_flips(summary: Summary) -> Table:
    """What each ordering erases before the decision flips (figures 5 and 6 in numbers)."""
    rows = summary["first_flips"]
    unit = summary["run"]["unit"]
    shown = [
        {
            "Ordering": in_latex(display_name(name)),
            "$n$": _count(row["mean_fraction"]),
            "Mean": _percentage(row["mean_fraction"]),
            "Median": _percentage(row["median_fraction"]),
            "Never flips": _percentage(row["never_share"]),
            "Mean, same documents": _percentage(row["paired_fraction"]),
            r"${}/{}$smallest": _ratio(row["ratio_to_oracle"]),
        }
        for name, row in rows.items()
    ]
    paired = next(iter(rows.values()))["paired_fraction"]["n"]
    caption = (
        rf"{unit}s erased (\%) when the decision first flips, over the $n$ documents in which it does; documents "
        rf"(\%) in which it never does; over the {paired:,} in which it does under every ordering, the mean and its "
        rf"ratio to that of the smallest set that flips it; {INTERVALS}"
    )
    return Table(_plain({"ordering": name} | row for name, row in rows.items()), pd.DataFrame(shown), caption)


def who_flips_first(summary: Summary) -> Table:
    """Which of two orderings flips the decision with fewer erasures."""
    rows = summary["who_flips_first"]
    shown = [
        {
            "First": in_latex(display_name(row["first"])),
            "Second": in_latex(display_name(row["second"])),
            "$n$": _count(row["lead"]),
            "First earlier": _percentage(row["first_earlier"]),
            "Equal": _percentage(row["equal"]),
            "Second earlier": _percentage(row["second_earlier"]),
            "Neither flips": _percentage(row["neither"]),
        }
        for row in rows
    ]
    caption = (
        r"documents (\%) in which one ordering flips the decision with fewer erasures than another, of the $n$ in "
        rf"which either does; documents (\%) in which neither does, of all; {INTERVALS}"
    )
    return Table(_plain(rows), pd.DataFrame(shown), caption)


def delta_js(summary: Summary) -> Table:
    """ΔJS by Δα (figure 3 in numbers)."""
    rows = summary["delta_js"]
    shown = [
        {
            r"$\Delta\alpha$": f"{row['low']:.2f}--{row['high']:.2f}",
            "Documents": f"{row['documents']:,}",
            "Weight": in_latex(significant(row["weight"])),
            r"Median $\Delta$JS": in_latex(significant(row["median"])),
            r"90\,\% quantile": in_latex(significant(row["upper"])),
            r"Weight of $\Delta$JS${}<0$": in_latex(significant(row["negative"])),
        }
        for row in rows
    ]
    caption = (
        r"$\Delta$JS (nats) by $\Delta\alpha$ over the pairs of the item with the largest weight and each other one, "
        r"weighted $1/(n-1)$ so that a document weighs 1"
    )
    return Table(_plain(rows), pd.DataFrame(shown), caption)


TABLES: dict[str, Callable[[Summary], Table]] = {
    "flips_2x2": flips_2x2,
    "first_flips": first_flips,
    "who_flips_first": who_flips_first,
    "delta_js": delta_js,
}


def _plain(rows: Any) -> pd.DataFrame:  # noqa: ANN401
    """Rows of a summary, with columns ``x``, ``x_low``, ``x_high``, ``x_n`` for an estimate ``x``."""
    flat = []
    for row in rows:
        columns: dict[str, Any] = {}
        for field, entry in row.items():
            if isinstance(entry, Mapping):
                columns |= {field: entry["value"]} | {f"{field}_{end}": entry[end] for end in ("low", "high", "n")}
            else:
                columns[field] = entry
        flat.append(columns)
    return pd.DataFrame(flat)


def _count(estimate: Mapping[str, Any]) -> str:
    return f"{estimate['n']:,}"


def _percentage(estimate: Mapping[str, Any]) -> str:
    return _cell({end: None if estimate[end] is None else 100 * estimate[end] for end in ("value", "low", "high")}, 1)


def _ratio(estimate: Mapping[str, Any]) -> str:
    return _cell(estimate, 2)


def _cell(numbers: Mapping[str, Any], digits: int) -> str:
    value, low, high = (
        in_latex(ABSENT) if numbers[end] is None else f"{numbers[end]:.{digits}f}" for end in ("value", "low", "high")
    )
    return value if numbers["low"] is None else f"{value} [{low}, {high}]"
