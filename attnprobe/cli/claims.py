"""Judge the claims of the papers on runs: the scorecard.

attnprobe claims runs --out claims
"""

from __future__ import annotations

import argparse
from pathlib import Path

from attnprobe.cli.console import conclude
from attnprobe.cli.options import say, say_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUNS", help="run folders, or folders that hold some")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("claims"),
        metavar="DIR",
        help="claims as Markdown, CSV and LaTeX, runs as CSV (claims)",
    )
    parser.add_argument(
        "--as-released",
        action="store_true",
        help="count a decision that changes only when nothing is left as a first flip, as the code of 2019 did; claims "
        "that rest on first flips are judged both ways in any case",
    )


def execute(arguments: argparse.Namespace) -> None:
    """Judge, print and write."""
    from attnprobe.analysis.finding_runs import find_runs, of_the_papers
    from attnprobe.analysis.results import RunResults
    from attnprobe.papers.jain2019.claims import judge_correlation_claims
    from attnprobe.papers.serrano2019.claims.scorecard import judge_claims
    from attnprobe.papers.serrano2019.scorecard_tables import for_terminal, scorecard_document, write_scorecard
    from attnprobe.reports.run_table import write_run_tables

    found = of_the_papers(find_runs(arguments.runs))
    if found.left_out:
        say(found.left_out)
    runs = [RunResults.load(folder) for folder in found.folders]
    scorecard = [*judge_claims(runs, as_released=arguments.as_released), *judge_correlation_claims(runs)]
    say_lines(f"{len(runs)} run{'s' * (len(runs) != 1)}.\n\n{for_terminal(scorecard)}\n")
    made = [*write_scorecard(scorecard, arguments.out), *write_run_tables(runs, arguments.out)]
    for path in made:
        say(str(path))
    conclude(runs=[run.folder for run in runs], claims=scorecard_document(scorecard), files=made)
