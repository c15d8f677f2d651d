"""The correlations of runs beside those that were released: as CSV, Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from attnprobe.base.atomic_files import replacing
from attnprobe.erasure.correlation_names import CORRELATIONS
from attnprobe.papers.jain2019.published import ENCODERS, PUBLISHED, STANDS_FOR, Published
from attnprobe.papers.serrano2019.figures.table_files import write_csv, write_latex
from attnprobe.reports.latex import booktabs, in_latex
from attnprobe.reports.numbers import ABSENT

QUALITIES = {"accuracy": "accuracy", "f1": "F1", "auc": "AUC"}

SAID = (
    "Kendall's τ of two rankings of a document's words, mean over documents [95 % interval over documents]; behind a "
    "semicolon the means of further seeds. “Released” is what Jain & Wallace (2019) released for the dataset that ours "
    "is, or stands for."
)


def write_tables(runs: pd.DataFrame, folder: Path) -> list[Path]:
    """Write ``runs.csv`` (a row a run), and ``correlations`` as CSV, Markdown and LaTeX (a row that was released).

    Args:
        runs: rows of ``run_row``.
        folder: is there.
    """
    rows = beside_released(runs)
    shown = pd.DataFrame([_shown(row) for row in rows])
    markdown = folder / "correlations.md"
    with replacing(markdown) as temporary:
        temporary.write_text(_as_markdown(shown), encoding="utf-8")
    latex = shown.map(in_latex).rename(columns=in_latex)
    caption = in_latex(SAID.replace("τ", "tau").replace("“", "``").replace("”", "''"))
    return [
        write_csv(runs, folder, "runs"),
        write_csv(pd.DataFrame(rows).drop(columns="seeds"), folder, "correlations"),
        markdown,
        write_latex(booktabs(latex, caption, "tab:correlations"), folder, "correlations"),
    ]


def beside_released(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """A row for each that was released: its numbers (``released_…``), and ours of the lowest seed, where there are any.

    ``seeds`` holds all of our rows, by seed.
    """
    by_names = {(STANDS_FOR.get(name, name), ENCODERS[model]): of for (name, model), of in _groups(runs).items()}
    return [_row(released, by_names.get((released.dataset, released.encoder), [])) for released in PUBLISHED]


def _groups(runs: pd.DataFrame) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """Rows by dataset and model, those of a group in order of seed."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in runs.sort_values("seed").to_dict("records"):
        found.setdefault((row["dataset"], row["model"]), []).append({str(name): value for name, value in row.items()})
    return found


def _row(released: Published, seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {"released_dataset": released.dataset, "encoder": released.encoder}
    told = released._asdict()
    row |= {f"released_{name}": told[name] for name in (*QUALITIES, *CORRELATIONS)}
    return row | (dict(seeds[0]) if seeds else {}) | {"seeds": list(seeds)}


def _shown(row: Mapping[str, Any]) -> dict[str, str]:
    seeds = row["seeds"]
    ours = row["dataset"] if seeds else ABSENT
    cells = {"released": row["released_dataset"], "ours": ours, "encoder": row["encoder"]}
    names = {**QUALITIES, **{name: f"τ({between})".replace(" and ", ", ") for name, between in CORRELATIONS.items()}}
    for name, heading in names.items():
        cells[f"{heading}, released"] = f"{row[f'released_{name}']:.3f}"
        cells[f"{heading}, here"] = _with_seeds(name, seeds) if seeds else ABSENT
    return cells


def _with_seeds(name: str, seeds: Sequence[Mapping[str, Any]]) -> str:
    first, *further = seeds
    said = f"{first[name]:.3f}"
    if name in CORRELATIONS:
        said += f" [{first[f'{name}_low']:.3f}, {first[f'{name}_high']:.3f}]"
    return "; ".join([said, *(f"{row[name]:.3f}" for row in further)])


def _as_markdown(shown: pd.DataFrame) -> str:
    """Two tables: of the correlations, and of how good the models are."""
    names = ["released", "ours", "encoder"]
    columns_shown = list(map(str, shown.columns))
    qualities = [name for name in columns_shown if name.partition(",")[0] in QUALITIES.values()]
    taus = [name for name in columns_shown if name not in (*names, *qualities)]
    parts = [SAID, *("\n".join(_lines(shown[[*names, *columns]])) for columns in (taus, qualities))]
    return "\n\n".join(parts) + "\n"


def _lines(table: pd.DataFrame) -> list[str]:
    rows = [list(table.columns), ["---"] * len(table.columns), *table.to_numpy().tolist()]
    return ["| " + " | ".join(row) + " |" for row in rows]
