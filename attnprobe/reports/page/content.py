"""What goes into a page: one run or several, an overview of each, and as many sampled documents as the budget holds."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import numpy.typing as npt

from attnprobe.analysis.results import RunResults
from attnprobe.erasure.registered_orderings import is_smallest
from attnprobe.explanations.names import is_twin
from attnprobe.reports.page.attention import SHARE, DocumentsOfHeads, has_heads, shown_attention
from attnprobe.reports.page.documents import SampledDocuments, ranked_by
from attnprobe.reports.page.embedding import embedded_json
from attnprobe.reports.page.marks import Mark, Marks
from attnprobe.reports.page.overview import Overview, overview
from attnprobe.reports.page.readable import legible
from attnprobe.reports.page.sample import candidates
from attnprobe.runs.run_folder import readout_bias

BUDGET = 5_000_000
"""Bytes of a page; where they do not hold all of the sample, it has fewer documents."""

OVERHEAD = 150_000
"""Bytes kept for script and styles."""

A_MARK = 700
"""Bytes kept for each mark: where it is drawn, what it says, its documents."""

LISTED = 100
"""Documents that a mark of a fine panel leads to, at most: a cell among hundreds."""

Summary = Mapping[str, Any]


def is_reported(summary: Summary) -> bool:
    """Whether a run's summary has the statistics that a page shows; those of earlier versions know no *emptied*."""
    return "answer" in summary and "emptied_known" in summary["counts"]


@dataclass(frozen=True)
class RunContent:
    """One run in the page.

    Attributes:
        overview: what stands above its documents.
        marks: all that can be clicked.
        orderings: their names, as everywhere else.
        data: marks and all else but documents, as JSON that may stand in the page.
        documents: the same of each document.
    """

    overview: Overview
    marks: Marks
    orderings: list[str]
    data: str
    documents: list[str]

    @property
    def shown(self) -> int:
        """How many documents the page has."""
        return len(self.documents)

    @property
    def json_parts(self) -> Iterator[str]:
        """All of it as one object, in parts: a page is held as few times as can be."""
        yield f'{self.data[:-1]},"documents":['
        for number, document in enumerate(self.documents):
            yield f",{document}" if number else document
        yield "]}"


class _Candidate:
    """A run whose documents are being chosen."""

    def __init__(self, results: RunResults, summary: Summary) -> None:
        self.results = results
        self.summary = summary
        self.marks = Marks()
        self.overview = overview(results, summary, self.marks)
        self.rows = {int(number): row for row, number in enumerate(results.several["document"])}
        kept = np.isin(results.several["document"], results.with_items_kept)
        self.wanted = candidates(self.marks, self.overview.categories, kept, results.seed)
        self.heads = DocumentsOfHeads(results)
        self.chosen: dict[int, str] = {}
        self.attention: dict[int, str] = {}

    @property
    def numbers(self) -> list[int]:
        """The documents that are wanted, most wanted first."""
        documents = self.results.several["document"].to_numpy()
        return [int(documents[row]) for row in self.wanted]


def page_content(runs: Sequence[tuple[RunResults, Summary]], budget: int = BUDGET) -> list[RunContent]:
    """What the page shows of each run.

    Runs of the same documents get the same sample, so that a document can be seen in all of them.

    Args:
        runs: results with their summaries, as ``summary.json`` has them.
        budget: bytes of the page.

    Raises:
        InputError: a file of a run cannot be read.
    """
    prepared = [_Candidate(results, summary) for results, summary in runs]
    together: dict[Hashable, list[_Candidate]] = {}
    for candidate in prepared:
        together.setdefault(_documents_of(candidate.results), []).append(candidate)
    overviews = sum(A_MARK * len(candidate.marks.all) for candidate in prepared)
    share = (budget - OVERHEAD - overviews) // len(together)
    for group in together.values():
        for_attention = int(SHARE * share) // len(group)
        for each in group:
            each.attention = shown_attention(each.results, each.numbers, for_attention)
        taken = sum(len(text.encode()) for each in group for text in each.attention.values())
        _choose(group, share - taken)
    sources = list(together)
    folders = [candidate.results.folder.resolve() for candidate in prepared]
    return [
        _content(
            candidate,
            sources.index(_documents_of(candidate.results)),
            folders.index(folder.parent) if folder.parent in folders else None,
        )
        for candidate, folder in zip(prepared, folders, strict=True)
    ]


def _documents_of(results: RunResults) -> Hashable:
    """What runs of the same documents have in common."""
    return results.dataset, results.config["data"].get("fingerprint"), results.total + results.quarantined


def _choose(group: Sequence[_Candidate], budget: int) -> None:
    """Take the most wanted documents in all runs of the group, as long as they fit."""
    turns = zip_longest(*(each.numbers for each in group))
    order = list(dict.fromkeys(number for turn in turns for number in turn if number is not None))
    order = order[: max((len(each.wanted) for each in group), default=0)]
    sampled = [
        SampledDocuments(each.results, [each.rows[number] for number in order if number in each.rows]) for each in group
    ]
    for number in order:
        encoded = (
            documents.encoded(each.rows[number]) if number in each.rows else None
            for each, documents in zip(group, sampled, strict=True)
        )
        found = [
            embedded_json(document | each.heads.of(number)) if document else ""
            for each, document in zip(group, encoded, strict=True)
        ]
        size = sum(len(text.encode()) + 1 for text in found if text)
        if size > budget:
            continue
        budget -= size
        for each, text in zip(group, found, strict=True):
            if text:
                each.chosen[number] = text


def _content(candidate: _Candidate, source: int, within: int | None) -> RunContent:
    results = candidate.results
    numbers = sorted(candidate.chosen)
    place = np.full(len(results.several), -1)
    place[[candidate.rows[number] for number in numbers]] = np.arange(len(numbers))
    sampled = SampledDocuments(results, [])
    columns = sampled.columns
    bias = readout_bias(candidate.summary)
    contributions = columns.contributions
    affine = bool(bias) and len(bias or ()) == len(contributions)
    orderings = list(results.with_twins())
    data = {
        "name": legible(results.name),
        "source": source,
        "unit": results.unit,
        "sampled": results.is_sample,
        "labels": [legible(results.class_name(c)) for c in range(len(contributions))],
        "bias": bias if affine else None,
        "columns": {
            "doubles": columns.doubles,
            "singles": columns.singles,
            "ranks": sampled.shown_ranks,
            "flags": columns.flags,
        },
        "orderings": [
            {
                "id": name,
                "name": results.title(name),
                "exact": is_smallest(name),
                **({"twin": True} if is_twin(name, orderings) else {}),
                "ranked_by": ranked_by(name, columns.doubles, affine=affine),
            }
            for name in orderings
        ],
        "targets": results.targets,
        "layered": has_heads(results),
        "within": within,
        "selected": [[layer.stack, layer.layer] for layer in results.selection],
        "heads": {"told": candidate.heads.told, "which": candidate.heads.which},
        "heads_of_marks": _heads_of_marks(candidate.overview),
        "people": [{"column": column, "name": legible(name)} for column, name in columns.annotators.items()],
        "categories": candidate.overview.categories,
        "marks": [[mark.title, int(mark.rows.sum()), _listed(mark, place)] for mark in candidate.marks.all],
    }
    documents = [
        f'{candidate.chosen[number][:-1]},"attention":{candidate.attention[number]}}}'
        if number in candidate.attention
        else candidate.chosen[number]
        for number in numbers
    ]
    return RunContent(candidate.overview, candidate.marks, orderings, embedded_json(data), documents)


def _listed(mark: Mark, place: npt.NDArray[np.integer]) -> list[int]:
    """Where in the page the documents of a mark are."""
    places: list[int] = place[mark.rows & (place >= 0)].tolist()
    return places if mark.covered else places[:LISTED]


def _heads_of_marks(overview: Overview) -> dict[str, list[Any]]:
    """By the number of a mark of a map of heads, the head that it is of: stack, layer and number."""
    return {
        str(cell.mark): [legible(stack.stack), layer, cell.head]
        for stack in (*overview.heads, *overview.head_effects)
        for layer, cells in stack.layers
        for cell in cells
        if cell is not None
    }
