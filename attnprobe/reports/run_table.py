"""One row a run: what a reader compares across datasets, models and seeds, small enough to be kept with a text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.atomic_files import replacing


def run_table(runs: Iterable[RunResults]) -> pd.DataFrame:
    """Accuracy, attention entropy, and by ordering the fraction at the first flip and the share that never flips.

    Fractions are means over the documents that flip (``fraction``) and over those that flip under every ordering
    (``paired``); ``top_flips`` and ``other_flips`` are the shares of documents that erasing i*, or another item, flips.
    """
    return pd.DataFrame([_row(run) for run in runs]).sort_values(["dataset", "model", "seed"], ignore_index=True)


def write_run_table(runs: Iterable[RunResults], path: Path) -> Path:
    """Write the table as CSV with four digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        run_table(runs).to_csv(temporary, index=False, float_format="%.4f", lineterminator="\n")
    return path


def _row(run: RunResults) -> dict[str, object]:
    summary = summarise(run)
    row: dict[str, object] = {"dataset": run.dataset, "model": run.model, "seed": run.seed}
    row |= {"documents": summary["counts"]["with_several_items"], "one_item": summary["counts"]["with_one_item"]}
    row |= {name: summary[name]["value"] for name in ("accuracy", "attention_entropy")}
    attention = summary["single_flips"]["attention"]
    row |= {"top_flips": attention["top"]["value"], "other_flips": attention["other"]["value"]}
    row |= {"delta_js_negative": attention["negative"]["value"]}
    for ordering, statistics in summary["first_flips"].items():
        row[f"fraction_{ordering}"] = statistics["mean_fraction"]["value"]
        row[f"paired_{ordering}"] = statistics["paired_fraction"]["value"]
        row[f"never_{ordering}"] = statistics["never_share"]["value"]
    return row
