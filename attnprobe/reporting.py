"""The last stage of a run: tables, figures, summary and answer, from its files alone."""

from __future__ import annotations

from collections.abc import Callable

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.reports.answer import answer
from attnprobe.reports.figures import draw_all
from attnprobe.reports.tables import write_tables
from attnprobe.runs import RunFolder


def report(folder: RunFolder, say: Callable[[str], None]) -> str:
    """Make a probed run's tables, figures and summary from its files alone.

    Returns:
        The answer in words, for the terminal.

    Raises:
        InputError: the run is not probed, or nothing in it can be erased.
    """
    with folder.timed("report"):
        results = RunResults.load(folder.path)
        summary = summarise(results)
        made = write_tables(results, summary, folder.tables) + draw_all(results, folder.figures)
        folder.note(**summary, reported=folder.probed_fingerprint())
    say(f"Report: {len(made)} files in {folder.tables} and {folder.figures}.")
    return answer(summary)
