"""Table 1 of Bhardwaj et al. (2021) with intervals over seeds, and what else could explain it, as CSV and LaTeX."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pandas as pd

from attnprobe.papers.bhardwaj2021.over_seeds import differences, over_seeds
from attnprobe.papers.bhardwaj2021.variants import NAMES, combinations_in_order, datasets_in_order, plain
from attnprobe.papers.serrano2019.figures.table_files import write_csv, write_latex
from attnprobe.reports.latex import booktabs, in_latex
from attnprobe.reports.numbers import ABSENT
from attnprobe.settings.transformer import ADD, CONCATENATE, SCALE

MEASURED = ("accuracy", "dev_accuracy", "parameters", "log_score_deviation", "evenness")

CAPTION = (
    "Test accuracy, \\%, by width of keys $d_k$ and by how heads are combined: mean over seeds $\\pm$ half the width "
    "of Student's 95\\,\\% interval, from three seeds on."
)


def write_tables(runs: pd.DataFrame, folder: Path) -> list[Path]:
    """Write the runs, their means over seeds, the paper's table, and differences between variants and widths of keys.

    Args:
        runs: one row a run: ``dataset``, ``seed``, columns that tell variants apart, and ``MEASURED``.
        folder: is there.
    """
    means = over_seeds(runs, MEASURED)
    paths = [write_csv(runs, folder, "runs"), write_csv(means, folder, "over_seeds")]
    paths.append(
        write_latex(booktabs(_accuracy_table(plain(means)), CAPTION, "tab:accuracy"), folder, "table1_accuracy")
    )
    compared = _compared(runs)
    if len(compared):
        paths.append(write_csv(compared, folder, "differences"))
    widths = _widths_compared(plain(runs))
    if len(widths):
        paths.append(write_csv(widths, folder, "width_differences"))
    return paths


def _accuracy_table(means: pd.DataFrame) -> pd.DataFrame:
    """Cells in LaTeX: a row a task and combination of heads, a column a width of keys."""
    rows = []
    widths = sorted(means["d_k"].unique())
    for dataset in datasets_in_order(means["dataset"]):
        of_dataset = means[means["dataset"] == dataset]
        for combine in combinations_in_order(of_dataset["combine"]):
            cells = of_dataset[of_dataset["combine"] == combine].set_index("d_k")
            row = {"Task": in_latex(dataset), "Heads": NAMES[combine]}
            rows.append(row | {f"$d_k = {width}$": _cell(cells, width) for width in widths})
    return pd.DataFrame(rows)


def _cell(rows: pd.DataFrame, width: int) -> str:
    if width not in rows.index:
        return in_latex(ABSENT)
    mean, high = (100 * float(rows[column].to_dict()[width]) for column in ("accuracy", "accuracy_high"))
    return f"{mean:.1f}" if math.isnan(high) else f"{mean:.1f} $\\pm$ {high - mean:.1f}"


def _compared(runs: pd.DataFrame) -> pd.DataFrame:
    """Differences in accuracy, paired by seed, of what the paper and its confounds are about."""
    con = {"combine": CONCATENATE, "as_released": "", "matched": False}
    add = con | {"combine": ADD}
    released = {"as_released": SCALE}
    pairs = {
        "added minus concatenated": (add, con),
        "added minus concatenated, matched": (add, con | {"matched": True}),
        "concatenated, matched minus concatenated": (con | {"matched": True}, con),
        "concatenated, released scale minus concatenated": (con | released, con),
        "added, released scale minus added": (add | released, add),
        "added minus concatenated, both with the released scale": (add | released, con | released),
    }
    tables = []
    for name, (one, other) in pairs.items():
        table = differences(runs, "accuracy", one, other, within=("dataset", "d_k"))
        table.insert(0, "compared", name)
        tables.append(table.sort_values(["dataset", "d_k"]))
    return pd.concat([table for table in tables if len(table)] or tables[:1])


def _widths_compared(runs: pd.DataFrame) -> pd.DataFrame:
    """Differences in accuracy between each width of keys and that of concatenated heads' values, paired by seed."""
    tables = []
    for dataset in datasets_in_order(runs["dataset"]):
        of_dataset = runs[runs["dataset"] == dataset]
        usual = set(of_dataset.loc[of_dataset["combine"] == CONCATENATE, "d_v"])
        for combine in combinations_in_order(of_dataset["combine"]):
            for against, width in itertools.product(sorted(usual), sorted(of_dataset["d_k"].unique())):
                one, other = ({"combine": combine, "d_k": d_k} for d_k in (width, against))
                if width != against:
                    found = differences(of_dataset, "accuracy", one, other, within=("dataset", "combine"))
                    tables.append(found.assign(d_k=width, against=against))
    columns = ["dataset", "combine", "d_k", "against", "seeds", "difference", "low", "high"]
    return pd.concat([table[columns] for table in tables if len(table)] or [pd.DataFrame(columns=columns)])
