"""The last stage of a run: tables, figures, page, summary, methods and answer, from its files alone."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.base.atomic_files import remove_leftovers, replacing
from attnprobe.reports.answer import answer
from attnprobe.reports.figures import draw_all
from attnprobe.reports.methods import methods
from attnprobe.reports.page import Page
from attnprobe.reports.tables import write_tables
from attnprobe.runs.run_folder import RunFolder

PAGE = "report.html"
"""The page's file, in the run's folder."""

METHODS = "methods.txt"
"""The file of what a paper says of the run, in its folder."""


def report(folder: RunFolder, say: Callable[[str], None]) -> str:
    """Make a probed run's tables, figures, page, summary and paragraph of methods from its files alone.

    Returns:
        The answer in words, for the terminal.

    Raises:
        InputError: the run is not probed, or nothing in it can be erased.
    """
    views = [RunFolder(path, folder.within) for path in folder.views()]
    for view in views:
        with view.locked():
            report(view, say)
    with folder.timed("report") as noted_last:
        results = RunResults.load(folder.path)
        summary = summarise(results)
        _write(methods(results, summary, [view.path.name for view in views]), folder.path / METHODS)
        made = write_tables(results, summary, folder.tables)
        made += draw_all(results, folder.figures, summary, folder.drawn)
        beside = [(RunResults.load(view.path), view.read_summary()) for view in views]
        page = Page(((results, folder.note(**summary)), *beside)).write(folder.path / PAGE)
        noted_last["reported"] = folder.probed_fingerprint()  # a grid takes such a run for finished
    say(f"Report: {page}, and {len(made)} files in {folder.tables} and {folder.figures}.")
    return answer(summary, {view.path.name: told for view, (_, told) in zip(views, beside, strict=True)})


def _write(text: str, path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def report_together(folders: Sequence[RunFolder], say: Callable[[str], None]) -> Path:
    """Write one page of several reported runs, side by side, into the folder that they have in common.

    Returns:
        Its path.

    Raises:
        InputError: a run has no report yet, or cannot be read.
    """
    paths = [folder.path.resolve() for folder in folders]
    together = Path(os.path.commonpath(paths))
    remove_leftovers(together, re.escape(PAGE), deep=False)
    page = Page.of(*paths).write(together / PAGE)
    say(f"Side by side: {page}.")
    return page
