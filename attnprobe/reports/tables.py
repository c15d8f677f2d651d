"""The tables of a run: CSV with plain numbers, and LaTeX (booktabs) to go into a paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from attnprobe.analysis.first_flips import RATIOS
from attnprobe.analysis.results import RunResults, no_smallest_set
from attnprobe.base.atomic_files import replacing
from attnprobe.erasure.registered_orderings import is_smallest, smallest_among
from attnprobe.reports.agreement_of_ranks import rank_agreement_table
from attnprobe.reports.areas_of_curves import areas_of_curves
from attnprobe.reports.cells import INTERVALS, Row, Table, count, percentage, plain, ratio, share, table_of, thousandths
from attnprobe.reports.certified_in_words import certified_table
from attnprobe.reports.controls import better_than_chance_table, twins_table
from attnprobe.reports.correlations import correlations_table
from attnprobe.reports.csv_text import csv_text
from attnprobe.reports.guarantees_in_words import guarantees_table
from attnprobe.reports.human_rationales import rationales_table
from attnprobe.reports.identifiability_tables import IDENTIFIABILITY_TABLES
from attnprobe.reports.in_distribution import in_distribution_table
from attnprobe.reports.label_flips import label_flips_table
from attnprobe.reports.latex import booktabs, in_latex
from attnprobe.reports.meaning_in_words import meaning_in_brief
from attnprobe.reports.numbers import significant
from attnprobe.reports.of_packages import measurements_table, statistics_tables
from attnprobe.reports.orderings_in_words import further_orderings, in_prose, joined, references_in_words
from attnprobe.reports.output_moves import output_moves_table
from attnprobe.reports.over_meanings import meanings_table
from attnprobe.reports.sample_in_words import sample_in_words
from attnprobe.reports.selection_in_words import selection_in_brief
from attnprobe.reports.style import display_name

SHOWN_HEADS = 40
"""Rows that go on a page."""

Summary = Mapping[str, Any]


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
    for name, table in tables_of(results, summary).items():
        caption = "; ".join(
            [
                f"{in_latex(results.name)}: {table.caption}",
                *map(in_latex, filter(None, [selection_in_brief(results.selection)])),
                *map(in_latex, meaning_in_brief(results.meaning)),
            ]
        )
        texts = {
            "csv": csv_text(table.plain),
            "tex": booktabs(table.shown, f"{caption}.", label=f"tab:{name}"),
        }
        for suffix, text in texts.items():
            paths.append(folder / f"{name}.{suffix}")
            with replacing(paths[-1]) as temporary:
                temporary.write_text(text, encoding="utf-8")
    return paths


def tables_of(results: RunResults, summary: Summary) -> dict[str, Table]:
    """Every table that there is something for, by name.

    Args:
        results: of a run.
        summary: as ``summarise`` gives it for them.
    """
    meaning = results.meaning
    left_out = [*OF_FLIPS * (not meaning.flips), *OF_DISTRIBUTIONS * (not meaning.is_distribution)]
    made = {name: make for name, make in (TABLES | IDENTIFIABILITY_TABLES).items() if name not in left_out}
    tables = {name: make(summary) for name, make in made.items()} | statistics_tables(summary)
    return {
        name: table if name in OF_OTHER_SAMPLES else _with_sample(table, results)
        for name, table in tables.items()
        if table is not None
    }


def _with_sample(table: Table, results: RunResults) -> Table:
    """The table, which says of how many documents its rows are a sample where they are one."""
    if not results.is_sample:
        return table
    counts = {"sampled": len(results.documents), "sampled_from": results.total}
    caption = f"{table.caption}; statistics of {sample_in_words(results)}"
    return Table(table.plain.assign(**counts), table.shown, caption)


def flips_2x2(summary: Summary) -> Table:
    """How often erasing i*, or another item r, flips the decision (Serrano & Smith 2019, table 2), by ordering."""
    cells: dict[str, Callable[[Row], str]] = {
        "$i^*$ first by": lambda row: in_latex(display_name(row["ordering"], summary)),
        "$n$": lambda row: count(row["both"]),
        "Both": lambda row: percentage(row["both"]),
        "Only $i^*$": lambda row: percentage(row["only_top"]),
        "Only $r$": lambda row: percentage(row["only_other"]),
        "Neither": lambda row: percentage(row["neither"]),
        r"$\Delta$JS${}<0$": lambda row: percentage(row["negative"]),
    }
    caption = (
        rf"documents (\%) in which erasing alone the first {summary['run']['unit']} of an ordering, $i^*$, or another, "
        rf"$r$ (averaged over all others), flips the decision; {INTERVALS}"
    )
    return table_of(_by_ordering(summary["single_flips"]), cells, caption)


def first_flips(summary: Summary) -> Table:
    """How often each ordering flips the decision, and how early, over all documents (figures 5 and 6 in numbers)."""
    rows = summary["first_flips"]
    unit = summary["run"]["unit"]
    cells: dict[str, Callable[[Row], str]] = {
        "Ordering": lambda row: in_latex(display_name(row["ordering"], summary)),
        "Flips": lambda row: percentage(row["flipped_share"]),
        "Emptied": lambda row: percentage(row["emptied_share"]),
        "Never": lambda row: percentage(row["never_share"]),
        "Erased": lambda row: percentage(row["restricted_mean"]),
        r"by 10\,\%": lambda row: share(row["flipped_at_10"]),
        r"25\,\%": lambda row: share(row["flipped_at_25"]),
        r"50\,\%": lambda row: share(row["flipped_at_50"]),
    }
    caption = (
        rf"over all {summary['counts']['with_several_items']:,} documents of several {unit}s: shares (\%) in which the "
        rf"decision flips while something is left, changes only when nothing is left (emptied), never changes; mean of "
        rf"the {unit}s erased at the first flip (\%), emptied and never counting as all; shares (\%) flipped with at "
        rf"most 10, 25 and 50\,\% of the {unit}s erased; {INTERVALS}"
    )
    return table_of(_by_ordering(rows), cells, caption)


def first_flips_where_they_flip(summary: Summary) -> Table:
    """What each ordering erases in the documents that it flips: means that select by outcome."""
    rows = summary["first_flips"]
    unit = summary["run"]["unit"]
    cells: dict[str, Callable[[Row], str]] = {
        "Ordering": lambda row: in_latex(display_name(row["ordering"], summary)),
        "$n$": lambda row: count(row["mean_fraction"]),
        "Mean": lambda row: percentage(row["mean_fraction"]),
        "Median": lambda row: percentage(row["median_fraction"]),
        "Mean, same documents": lambda row: percentage(row["paired_fraction"]),
    }
    references = {name: words for name, words in references_in_words(summary).items() if name in rows}
    for reference, words in sorted(references.items(), key=lambda each: not is_smallest(each[0])):
        cells[rf"${{}}/{{}}${in_latex(words.heading)}"] = _ratio_to(reference)
    paired = next(iter(rows.values()))["paired_fraction"]["n"]
    caption = (
        rf"{unit}s erased (\%) at the first flip while something is left, over the $n$ documents that the ordering "
        rf"flips so; over the {paired:,} that every ordering flips so{_aside(summary)}, the mean"
        rf"{_ratios_in_words(summary, unit)}; {INTERVALS}"
    )
    shown = (
        "mean_fraction",
        "median_fraction",
        "mean_removed",
        "mean_mass",
        "paired_fraction",
        *(f"{each}_ratio_to" for each in RATIOS),
    )
    kept = [{"ordering": row["ordering"]} | {field: row[field] for field in shown} for row in _by_ordering(rows)]
    return table_of(kept, cells, caption)


def _ratio_to(reference: str) -> Callable[[Row], str]:
    return lambda row: ratio(row["removed_ratio_to"][reference])


def _aside(summary: Summary) -> str:
    """Which orderings choose none of the documents."""
    further = joined([in_latex(in_prose(name, summary)) for name in further_orderings(summary)], "and")
    return f" ({further} aside)" if further else ""


def _by_ordering(rows: Mapping[str, Row]) -> list[Row]:
    return [{"ordering": name} | dict(row) for name, row in rows.items()]


def _ratios_in_words(summary: Summary, unit: str) -> str:
    """What the number of items is divided by, or why there is nothing."""
    rows = summary["first_flips"]
    known = sorted(references_in_words(summary).items(), key=lambda each: not is_smallest(each[0]))
    ratios = " and to that ".join(in_latex(words.of) for name, words in known if name in rows)
    said = f" and the ratio of the number of {unit}s to that {ratios}" if ratios else ""
    return said if smallest_among(rows) else f"{said} ({no_smallest_set(summary)})"


def who_flips_first(summary: Summary) -> Table:
    """Which of two orderings flips the decision with fewer erasures."""
    cells: dict[str, Callable[[Row], str]] = {
        "First": lambda row: in_latex(display_name(row["first"], summary)),
        "Second": lambda row: in_latex(display_name(row["second"], summary)),
        "$n$": lambda row: count(row["lead"]),
        "First earlier": lambda row: percentage(row["first_earlier"]),
        "Equal": lambda row: percentage(row["equal"]),
        "Second earlier": lambda row: percentage(row["second_earlier"]),
        "Neither flips": lambda row: percentage(row["neither"]),
    }
    caption = (
        r"documents (\%) in which one ordering flips the decision, while something is left, with fewer erasures than "
        rf"another, of all $n$; neither: in which none of the two does; {INTERVALS}"
    )
    return table_of(summary["who_flips_first"], cells, caption)


def delta_js(summary: Summary) -> Table:
    """ΔJS by Δα (figure 3 in numbers)."""
    cells: dict[str, Callable[[Row], str]] = {
        r"$\Delta\alpha$": lambda row: f"{row['low']:.2f}--{row['high']:.2f}",
        "Documents": lambda row: f"{row['documents']:,}",
        "Weight": lambda row: in_latex(significant(row["weight"])),
        r"Median $\Delta$JS": lambda row: in_latex(significant(row["median"])),
        r"90\,\% quantile": lambda row: in_latex(significant(row["upper"])),
        r"Weight of $\Delta$JS${}<0$": lambda row: in_latex(significant(row["negative"])),
    }
    kept, several = (summary["counts"][name] for name in ("with_items_kept", "with_several_items"))
    of_kept = f", of the {kept:,} documents whose items were kept" if kept < several else ""
    caption = (
        r"$\Delta$JS (nats) by $\Delta\alpha$ over the pairs of the item with the largest weight and each other one"
        rf"{of_kept}, weighted $1/(n-1)$ so that a document weighs 1"
    )
    return table_of(summary["delta_js"], cells, caption)


def heads(summary: Summary) -> Table | None:
    """Which attention heads order the items faithfully, each erased alone; None without results of single heads.

    LaTeX shows the ``SHOWN_HEADS`` with the largest gains where there are more.
    """
    rows = summary["heads"]
    if not rows:
        return None
    unit = summary["run"]["unit"]
    largest = sorted(rows, key=lambda row: -row["gain"]["value"])[:SHOWN_HEADS]
    which = (
        f"the {SHOWN_HEADS} attention heads with the largest gains" if len(rows) > SHOWN_HEADS else "attention heads"
    )
    shown = [
        {
            "Head": in_latex(f"{row['stack']} {row['layer']}.{row['head']}"),
            "Own order": percentage({"value": row["fraction_attention"]["value"]}),
            "Random": percentage({"value": row["fraction_random"]["value"]}),
            "Gain": percentage(row["gain"]),
            "$p$": in_latex(significant(row["gain_p"])),
            "Emptied": percentage({"value": row["emptied_attention"]["value"]}),
            "Never": percentage({"value": row["never_attention"]["value"]}),
            r"$\Delta$JS": thousandths(row["delta_js"]),
            "Verdict": in_latex(row["verdict"]),
        }
        for row in rows
        if row in largest
    ]
    caption = (
        rf"{which} (layer.head), each erased alone in {rows[0]['documents']:,} documents: {unit}s (\%) erased "
        r"when the decision first flips, never counting as all, in the head's own order and in a random one; their "
        rf"difference, with $p$ adjusted after Holm over {len(rows):,} heads; documents (\%) that flip only without "
        rf"the whole head (emptied), and never; $\Delta$JS ($10^{{-3}}$ nats) of its most attended {unit} less "
        rf"another; {INTERVALS}"
    )
    return Table(plain(rows), pd.DataFrame(shown), caption)


def head_effects(summary: Summary) -> Table | None:
    """What each attention head does, erased alone; None without results of that.

    LaTeX shows the ``SHOWN_HEADS`` without which decisions move most where there are more.
    """
    rows = summary["head_effects"]
    if not rows:
        return None
    unit = summary["run"]["unit"]
    largest = sorted(rows, key=lambda row: -row["js_whole"]["value"])[:SHOWN_HEADS]
    which = (
        f"the {SHOWN_HEADS} attention heads without which JS is largest"
        if len(rows) > SHOWN_HEADS
        else "attention heads"
    )
    shown = [
        {
            "Head": in_latex(f"{row['stack']} {row['layer']}.{row['head']}"),
            "Flips": percentage(row["flip_whole"]),
            "JS": thousandths(row["js_whole"]),
            "Top flips": percentage({"value": row["flip_top"]["value"]}),
            "Other flips": percentage({"value": row["flip_other"]["value"]}),
            r"$\Delta$JS": thousandths(row["delta_js"]),
            "$p$": in_latex(significant(row["delta_js_p"])),
        }
        for row in rows
        if row in largest
    ]
    caption = (
        rf"{which} (layer.head), each erased alone in {rows[0]['documents']:,} documents: documents (\%) that flip and "
        rf"JS ($10^{{-3}}$ nats) without the whole head; documents (\%) that flip without its most attended {unit}, "
        rf"and without another at random; $\Delta$JS ($10^{{-3}}$ nats) of the one less the other, $p$ adjusted after "
        rf"Holm over {len(rows):,} heads; {INTERVALS}"
    )
    return Table(plain(rows), pd.DataFrame(shown), caption)


TABLES: dict[str, Callable[[Summary], Table | None]] = {
    "flips_2x2": flips_2x2,
    "first_flips": first_flips,
    "first_flips_where_they_flip": first_flips_where_they_flip,
    "who_flips_first": who_flips_first,
    "delta_js": delta_js,
    "guarantees": guarantees_table,
    "certified_sets": certified_table,
    "in_distribution": in_distribution_table,
    "over_meanings": meanings_table,
    "curves": areas_of_curves,
    "better_than_chance": better_than_chance_table,
    "twins": twins_table,
    "rank_agreement": rank_agreement_table,
    "rationales": rationales_table,
    "correlations": correlations_table,
    "heads": heads,
    "head_effects": head_effects,
    "label_flips": label_flips_table,
    "output_moves": output_moves_table,
    "measurements": measurements_table,
}
"""Each makes one of a run's summary, or None where the run has nothing of the kind."""

OF_FLIPS = ("flips_2x2", "first_flips", "first_flips_where_they_flip", "who_flips_first")
"""Tables that say nothing where no decision can flip."""

OF_DISTRIBUTIONS = ("delta_js", "curves", "better_than_chance")
"""Tables of divergences and probabilities, which a number has none of."""

OF_OTHER_SAMPLES = (
    "output_moves",
    *("curves", "better_than_chance", "twins", "rank_agreement", "rationales", "correlations", "heads", "head_effects"),
    *IDENTIFIABILITY_TABLES,
)
"""Tables of documents that were drawn apart from those of the other statistics."""
