"""The last stage of a run: tables, figures, page, summary, methods and answer, from its files alone."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.base.atomic_files import remove_leftovers, replacing
from attnprobe.base.run_layout import FIGURES, PAGE, TABLES
from attnprobe.reports.answer import answer
from attnprobe.reports.figures import draw_all
from attnprobe.reports.methods import methods
from attnprobe.reports.page import Page
from attnprobe.reports.tables import write_tables
from attnprobe.runs.run_folder import RunFolder

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
        made = write_files(results, summary, folder.path, [view.path.name for view in views], folder.drawn)
        beside = [(RunResults.load(view.path), view.read_summary()) for view in views]
        page = Page(((results, folder.note(**summary)), *beside)).write(folder.path / PAGE)
        noted_last["reported"] = folder.probed_fingerprint()  # a grid takes such a run for finished
    say(f"Report: {page}, and {len(made)} files in {folder.tables} and {folder.figures}.")
    return answer(summary, {view.path.name: told for view, (_, told) in zip(views, beside, strict=True)})


def write_files(
    results: RunResults, summary: Mapping[str, Any], out: Path, views: Sequence[str] = (), record: Path | None = None
) -> list[Path]:
    """Write the paragraph of methods, the tables and the figures of a run into a folder.

    Args:
        results: of the run.
        summary: as ``summarise`` gives it for them.
        out: the folder.
        views: the names of further selections of layers that the run has.
        record: the file that says what was drawn there before.

    Returns:
        The files of tables and figures.
    """
    _write(methods(results, summary, views), out / METHODS)
    return [*write_tables(results, summary, out / TABLES), *draw_all(results, out / FIGURES, summary, record)]


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
