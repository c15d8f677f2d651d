"""Make tables, figures, page and answer of probed runs, from their files alone: the last part of `attnprobe run`.

attnprobe report runs/docstrings/flan-rnn/seed-0 --open
attnprobe report runs                                   (a line for each run below, and all side by side)
"""

from __future__ import annotations

import argparse
from pathlib import Path

from attnprobe.cli.console import conclude
from attnprobe.cli.options import opening, say, say_lines
from attnprobe.cli.several_runs import Outcome, add_runs, each_by_itself, runs_meant


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_runs(parser, "; of several a page shows them side by side")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")


def execute(arguments: argparse.Namespace) -> int:
    """Report on each run, and on all together."""
    from attnprobe.base.run_layout import PAGE
    from attnprobe.runs.run_folder import RunFolder
    from attnprobe.stages.reporting import report, report_together

    reported: list[RunFolder] = []
    status = 0

    def reports(path: Path) -> Outcome:
        folder = RunFolder(path)
        folder.read_configuration()
        with folder.locked():
            report(folder, say)
        reported.append(folder)
        summary = folder.read_summary()
        document = {"page": folder.path / PAGE, "summary": summary}
        return Outcome(0, f"does attention explain it? {summary['answer']['verdict']}", document)

    meant = runs_meant(arguments.runs)
    if meant.below:
        status = each_by_itself(meant.folders, reports)
    else:
        reported = [RunFolder(path) for path in meant.folders]
        for folder in reported:
            folder.read_configuration()
        for folder in reported:
            with folder.locked():
                say_lines(f"\n{report(folder, say)}")
        conclude(
            runs=[
                {"run": folder.path, "status": 0, "page": folder.path / PAGE, "summary": folder.read_summary()}
                for folder in reported
            ]
        )
    if not reported:
        return status
    page = reported[0].path / PAGE if len(reported) == 1 else report_together(reported, say)
    conclude(page=page)
    if arguments.open:
        import webbrowser  # which takes as long to import as all that `attnprobe --help` says

        webbrowser.open(page.resolve().as_uri())
    else:
        say(opening(page, [folder.path for folder in reported]))
    return status
