"""Measure trained encoders and draw everything of Bhardwaj et al. (2021): what the script in ``figures/`` does."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd

from attnprobe.base.atomic_files import output_folder
from attnprobe.base.errors import InputError
from attnprobe.base.progress_bars import progress_bar
from attnprobe.papers.bhardwaj2021.encoder_measurements import accuracy_row, logit_rank_rows, rank_rows, run_columns
from attnprobe.papers.bhardwaj2021.figures import draw_accuracy, draw_confounds, draw_logit_ranks, draw_ranks
from attnprobe.papers.bhardwaj2021.over_seeds import over_seeds
from attnprobe.papers.bhardwaj2021.tables import MEASURED, write_tables
from attnprobe.papers.bhardwaj2021.trained_encoders import TrainedEncoder, dataset_once, find_encoders
from attnprobe.papers.figure_scripts import draw_from_runs
from attnprobe.papers.serrano2019.figures.table_files import write_csv
from attnprobe.reports import style

DOCUMENTS = 25
"""Of each length, in ranks by length."""

LOGIT_DOCUMENTS, LOGIT_DRAWS, LOGIT_LENGTHS = 10, 10, (20, 24, 28, 32, 48, 64, 80, 96, 112, 128)


def main(description: str | None) -> None:
    """Draw as the command line says."""
    draw_from_runs(description, draw)


def draw(runs: list[Path], folder: Path) -> list[Path]:
    """Write all tables and figures of the trained encoders in these folders.

    Raises:
        InputError: there are none, or a run or its data cannot be used.
    """
    accuracies, ranks, logits = measure(find_encoders(runs))
    output_folder(folder)
    paths = write_tables(accuracies, folder)
    means = over_seeds(accuracies, MEASURED)
    with mpl.rc_context(style.SETTINGS):
        paths += draw_accuracy(means, folder) + draw_confounds(means, folder)
        for rows, name, figure in ((ranks, "ranks", draw_ranks), (logits, "logit_ranks", draw_logit_ranks)):
            if len(rows):
                paths += [write_csv(rows, folder, name), *figure(rows, folder)]
    return paths


def measure(encoders: list[TrainedEncoder]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Accuracies of all encoders; ranks by length of those with the usual width of keys; their ranks of logits."""
    accuracies: list[dict[str, Any]] = []
    ranks: list[dict[str, Any]] = []
    logits: list[dict[str, Any]] = []
    for encoder in progress_bar(encoders, desc="measuring", unit=" encoders"):
        model, test = encoder.load(dataset_once)
        names = {"dataset": encoder.dataset, "seed": encoder.seed} | run_columns(model)
        measured = accuracy_row(model, test)
        measured["log_score_deviation"] = math.log(max(measured["score_deviation"], 1e-12))
        accuracies.append(names | measured | _training(encoder.folder.training_log))
        options = encoder.options
        if options.as_released or options.matched or options.key_width != options.d_e // options.num_heads:
            continue
        ranks += [names | row for row in rank_rows(model, test, DOCUMENTS)]
        if options.value_width < options.d_e:  # of added heads hardly any document has an alternative
            found = logit_rank_rows(model, test, LOGIT_DOCUMENTS, LOGIT_DRAWS, LOGIT_LENGTHS)
            logits += [names | row for row in found]
    return pd.DataFrame(accuracies), pd.DataFrame(ranks), pd.DataFrame(logits)


def _training(log: Path) -> dict[str, float]:
    """The best dev accuracy, the number of epochs, and the seconds that they took."""
    try:
        with log.open(encoding="utf-8", newline="") as file:
            epochs = list(csv.DictReader(file))
        return {
            "dev_accuracy": max(float(epoch["dev_accuracy"]) for epoch in epochs),
            "epochs": len(epochs),
            "seconds": sum(float(epoch["seconds"]) for epoch in epochs),
        }
    except (OSError, KeyError, ValueError):
        raise InputError(f"{log} is not a log of training.") from None
