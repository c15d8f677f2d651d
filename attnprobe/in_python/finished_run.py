"""A finished run as an object: its summary, its answer, its tables, its claims and its page."""

from __future__ import annotations

import html
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.base.atomic_files import output_folder
from attnprobe.in_python.sentences import in_python
from attnprobe.reports.page import Page
from attnprobe.reports.page.content import is_reported
from attnprobe.runs.run_folder import RunFolder, write_json
from attnprobe.runs.tables import columns_of_table


class Answer(str):
    """The answer in words: a text, which a notebook shows as it stands in a terminal."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return f'<pre style="white-space: pre; overflow-x: auto">{html.escape(self)}</pre>'


@dataclass(frozen=True, eq=False, repr=False)
class FinishedRun(RunResults):
    """What the tests of one run gave, and what is made of it.

    Nothing is written unless :meth:`report` is told where to. ``print(run)`` prints the answer; a notebook shows the
    run's page.

    Attributes:
        keeper: what keeps the folder there, where it goes with the last object that needs it.
    """

    keeper: object = field(default=None)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Every statistic, as ``summary.json`` has them; computed where there is no report of just this.

        Raises:
            InputError: no document has more than one item, or a file of the run cannot be read.
        """
        noted = RunFolder(self.folder).read_summary()
        if is_reported(noted) and self._is_as_probed:
            return noted
        return {**noted, **json.loads(json.dumps(summarise(self)))}

    @property
    def _is_as_probed(self) -> bool:
        """Whether all that the run has is looked at, in the way that it was probed in."""
        whole = RunResults.load(self.folder)
        return (self.released, self.way) == (False, whole.way) and _same(self.chosen, whole.chosen)

    @property
    def answer(self) -> Answer:
        """What becomes of decisions, and whether attention explains them: the words that a command ends with."""
        from attnprobe.reports.answer import answer

        return Answer(in_python(answer(self.summary, {name: view.summary for name, view in self.views.items()})))

    @property
    def methods(self) -> str:
        """The paragraph for a paper that says how the run was made."""
        from attnprobe.reports.methods import methods

        return methods(self, self.summary, list(self.views))

    @cached_property
    def views(self) -> dict[str, FinishedRun]:
        """Further selections of a transformer's layers, by name; none of models whose attention pools."""
        folders = RunFolder(self.folder).views()
        return {folder.name: type(self).load(folder) for folder in folders}

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table of statistics by name, with plain numbers, as the files of ``tables/`` have them."""
        from attnprobe.reports.tables import tables_of

        return {name: table.plain for name, table in tables_of(self, self.summary).items()}

    def items(self, columns: Sequence[str] | None = None, documents: Iterable[int] | None = None) -> pd.DataFrame:
        """The table of items, one row a document × item; of a sample of a large split's documents.

        Args:
            columns: which; by default all.
            documents: of these only.

        Raises:
            InputError: the file is missing or cannot be read, or lacks a column.
        """
        if columns is None:
            columns = list(columns_of_table(self.folder / "items.parquet"))
        return super().items(columns, documents)

    def claims(self) -> pd.DataFrame:
        """What this run says of the papers' claims, one row a claim and case: holds, fails, undecided, not testable.

        ``attnprobe claims`` judges them over many runs, which is what they are about.
        """
        from attnprobe.papers.jain2019.claims import judge_correlation_claims
        from attnprobe.papers.serrano2019.claims.scorecard import judge_claims
        from attnprobe.papers.serrano2019.scorecard_tables import as_csv

        runs = [RunResults.load(self.folder)]
        scorecard = [*judge_claims(runs, as_released=self.released), *judge_correlation_claims(runs)]
        return pd.read_csv(io.StringIO(as_csv(scorecard)))

    def report(self, out: Path | str | None = None) -> Page:
        """The page of the run, which a notebook shows; its text is ``report().html()``.

        Args:
            out: a folder into which page, tables, figures, summary and the paragraph of methods are written; without
                it nothing is.

        Raises:
            InputError: the folder cannot be used, or as :attr:`summary`.
        """
        page = Page(((self, self.summary), *((view, view.summary) for view in self.views.values())))
        if out is not None:
            from attnprobe.base.run_layout import PAGE
            from attnprobe.stages.reporting import write_files

            folder = Path(out)
            output_folder(folder)
            write_files(self, self.summary, folder, list(self.views))
            write_json(folder / "summary.json", self.summary)
            page.write(folder / PAGE)
        return page

    def _repr_html_(self) -> str:
        return self.report()._repr_html_()

    def __str__(self) -> str:
        return str(self.answer)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self.total:,} documents, in {self.folder}>"


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401
    """Whether the same documents are looked at: by numbers, or all of them."""
    return one is other if one is None or other is None else one.tolist() == other.tolist()
