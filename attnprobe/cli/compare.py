"""Rank explanations on the same documents, over models and seeds: who is better than whom, and what is not shown.

attnprobe compare runs/docstrings --out comparison
"""

from __future__ import annotations

import argparse
from pathlib import Path

from attnprobe.cli.console import conclude
from attnprobe.cli.options import say, say_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUNS",
        help="run folders, or folders that hold some, all of the same documents",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("comparison"),
        metavar="DIR",
        help="the leaderboard as Markdown, CSV, LaTeX, a figure and a page, and how stable explanations are over seeds "
        "(comparison)",
    )


def execute(arguments: argparse.Namespace) -> None:
    """Rank, print and write."""
    from attnprobe.analysis.finding_runs import load_runs
    from attnprobe.analysis.leaderboard import leaderboard
    from attnprobe.analysis.stability_over_seeds import stability_over_seeds
    from attnprobe.reports.leaderboard.files import write_leaderboard
    from attnprobe.reports.leaderboard.words import leaderboard_in_words

    runs = load_runs(arguments.runs)
    board, stability = leaderboard(runs), stability_over_seeds(runs)
    say_lines(f"{leaderboard_in_words(board)}\n")
    made = write_leaderboard(board, stability, arguments.out)
    for path in made:
        say(str(path))
    conclude(leaderboard=board, stability=stability, files=made)
