"""A page of finished runs: to be written to a file, or shown in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from attnprobe.analysis.results import RunResults
from attnprobe.base.atomic_files import replacing
from attnprobe.base.errors import InputError
from attnprobe.reports.page.content import BUDGET, Summary, is_reported
from attnprobe.reports.page.notebook import IN_A_NOTEBOOK, framed
from attnprobe.reports.page.rendering import page_html
from attnprobe.runs.run_folder import RunFolder


@dataclass(frozen=True)
class Page:
    """The page of one run, or of several side by side; a notebook shows it in place.

    Attributes:
        runs: results with their summaries.
    """

    runs: tuple[tuple[RunResults, Summary], ...]

    @classmethod
    def of(cls, *folders: Path | str) -> Page:
        """The page of these run folders, from their files alone.

        Raises:
            InputError: a run is not there, or has no report yet, or one of an earlier version.
        """
        runs = []
        for folder in map(Path, folders):
            results = RunResults.load(folder)
            summary = RunFolder(folder).read_summary()
            if not is_reported(summary):
                raise InputError(f"{folder} has no report yet, or an older one: run attnprobe report {folder} first.")
            runs.append((results, summary))
        return cls(tuple(runs))

    def html(self, budget: int = BUDGET, listener: str = "") -> str:
        """The page as text.

        Args:
            budget: bytes; the tighter, the fewer documents.
            listener: a script that stands before the page's own, of whoever serves it (docs/page.md).
        """
        return page_html(self.runs, budget, listener)

    def write(self, path: Path) -> Path:
        """Write the page; the file is there whole or not at all."""
        text = self.html()
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return path

    def _repr_html_(self) -> str:
        return framed(self.html(IN_A_NOTEBOOK))
