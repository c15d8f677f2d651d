"""One row a run, and one a pair of dataset and model over its seeds: small enough to be kept with a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attnprobe.analysis.across_runs import across_seeds
from attnprobe.analysis.over_meanings import over_meanings
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.base.atomic_files import output_folder, replacing
from attnprobe.erasure.registered_orderings import ATTENTION
from attnprobe.reports.csv_text import csv_text

RUN = ["dataset", "model", "seed"]
"""What tells runs apart."""

COUNTS = ["tested", "documents", "one_item"]
"""Documents that a run has results of; those with several items, of which statistics are made; those with one."""


_BY_ORDERING = {
    "restricted": "restricted_mean",
    "fraction": "mean_fraction",
    "paired": "paired_fraction",
    "emptied": "emptied_share",
    "never": "never_share",
}


def run_table(runs: Iterable[RunResults]) -> pd.DataFrame:
    """Accuracy, attention entropy, and by ordering the fraction at the first flip and the shares of its outcomes.

    What a run has no value of is NaN; the references come after the other orderings.

    Fractions are means over all documents (``restricted``, emptied and never as 1), over the documents that flip while
    something is left (``fraction``) and over those that do under every ordering (``paired``); ``top_flips`` and
    ``other_flips`` are the shares of documents that erasing i*, or another item, flips.
    """
    table = pd.DataFrame([_row(run) for run in runs]).sort_values(RUN, ignore_index=True)
    statistics = table.columns.difference([*RUN, *COUNTS])
    return table.astype(dict.fromkeys(statistics, np.float64))


def seed_table(runs: Sequence[RunResults], table: pd.DataFrame) -> pd.DataFrame:
    """One row a pair of dataset and model and statistic: a point a seed, their mean, and from three on a t-interval.

    A statistic that no seed of a pair has, an ordering's that was not run, has no row.

    Args:
        runs: the runs.
        table: their ``run_table``.
    """
    values = table.set_index(RUN)
    rows = []
    for statistic in values.columns.drop(COUNTS):
        points = values[statistic].to_dict()
        pairs = across_seeds(runs, _looked_up(points))
        for pair in (pair for pair in pairs if not np.isnan(pair.points).all()):
            row = {"dataset": pair.dataset, "model": pair.model, "statistic": statistic, "seeds": len(pair.seeds)}
            row |= {"mean": pair.over_seeds.value, "low": pair.over_seeds.low, "high": pair.over_seeds.high}
            rows.append(row | {"points": " ".join(f"{point:.4f}" for point in pair.points)})
    return pd.DataFrame(rows)


def meaning_table(runs: Iterable[RunResults]) -> pd.DataFrame:
    """One row a run, way of erasing and ordering that attention is compared with; of runs of several ways.

    ``lead`` is attention's, with its interval and p; ``verdict`` the run's under the way, ``over_all`` what becomes of
    who is earlier over all ways (``over_meanings``).
    """
    rows = []
    for run in runs:
        found = over_meanings(run.unread())
        if found is None:
            continue
        for way, under in found.ways.items():
            for one in under.comparisons:
                row: dict[str, object] = {"dataset": run.dataset, "model": run.model, "seed": run.seed}
                row |= {"way": way, "against": one.second, "n": one.lead.n}
                row |= {"lead": one.lead.value, "low": one.lead.low, "high": one.lead.high, "p": one.p}
                row |= {"erased_by_attention": under.erased[ATTENTION].value}
                row |= {"erased_by_other": under.erased[one.second].value, "verdict": under.verdict}
                rows.append(row | {"over_all": found.comparisons[one.second]})
    return pd.DataFrame(rows)


def _looked_up(points: dict[Any, float]) -> Callable[[RunResults], float]:
    return lambda run: points[run.dataset, run.model, run.seed]


def write_run_tables(runs: Sequence[RunResults], folder: Path) -> list[Path]:
    """Write ``runs.csv``, ``seeds.csv`` and, of runs of several ways of erasing, ``leads_by_meaning.csv``.

    Numbers have four digits; returns the paths.
    """
    table, by_meaning = run_table(runs), meaning_table(runs)
    tables = {folder / "runs.csv": table, folder / "seeds.csv": seed_table(runs, table)}
    if len(by_meaning):
        tables[folder / "leads_by_meaning.csv"] = by_meaning.sort_values(RUN, ignore_index=True, kind="stable")
    output_folder(folder)
    for path, content in tables.items():
        with replacing(path) as temporary:
            temporary.write_text(csv_text(content, "%.4f"), encoding="utf-8")
    return list(tables)


def _row(run: RunResults) -> dict[str, object]:
    summary = summarise(run.unread())
    row: dict[str, object] = {"dataset": run.dataset, "model": run.model, "seed": run.seed}
    counts = summary["counts"]
    row |= dict(zip(COUNTS, (counts["documents"], counts["with_several_items"], counts["with_one_item"]), strict=True))
    row |= {name: (summary[name] or {}).get("value") for name in ("accuracy", "attention_entropy")}
    attention = summary["single_flips"]["attention"]
    row |= {"top_flips": attention["top"]["value"], "other_flips": attention["other"]["value"]}
    row |= {"delta_js_negative": attention["negative"]["value"]}
    for ordering, statistics in summary["first_flips"].items():
        for name, field in _BY_ORDERING.items():
            row[f"{name}_{ordering}"] = statistics[field]["value"]
    return row
