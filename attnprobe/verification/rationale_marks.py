"""The marks of a run's items: found again from the spans in the data, span by span and item by item."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from attnprobe.base.errors import InputError
from attnprobe.erasure.rationale_names import RATIONALE
from attnprobe.models.subject import Tested
from attnprobe.stages.run_work import TEST
from attnprobe.stages.training import Run
from attnprobe.verification.row_batches import columns_of, rows_of_documents


def check_marks(run: Run, tested: Tested[Any], numbers: npt.NDArray[np.integer]) -> str:
    """See that the items into which a span of an annotator reaches are marked, and no others.

    Args:
        run: one whose data have rationales.
        tested: its model.
        numbers: of documents whose items the run holds, ascending (documents,).

    Raises:
        InputError: the rationales are others by now, or an item is marked that should not be, or the other way round.
    """
    rationales, source = run.dataset.rationales, run.configuration.rationales
    if rationales is None or source is None or rationales.content != source.content:
        raise InputError(
            f"The rationales beside the data in {run.configuration.data.location} have changed since they were probed."
        )
    path = run.folder.table("items")
    for name in (f"{RATIONALE}{annotator}" for annotator in rationales.annotators):
        if name not in columns_of(path):
            raise InputError(f"{path} lacks the column {name!r}.")
    parts = tested.probe.item_parts(run.subject.encode(run.dataset.splits[TEST].take(numbers)))
    rows = rows_of_documents(path, ["document", *(f"{RATIONALE}{name}" for name in rationales.annotators)], numbers)
    documents = rows["document"].to_numpy()
    first = np.cumsum(parts.lengths) - parts.lengths
    for annotator, spans in rationales.annotators.items():
        marks = rows[f"{RATIONALE}{annotator}"].to_pylist()
        for row, number in enumerate(numbers.tolist()):
            of_document = parts.of(row, first)
            expected: list[bool | None] = [None] * int(of_document.sizes[0])
            for place in np.flatnonzero(spans.documents == number).tolist():
                ends = range(int(spans.offsets[place]), int(spans.offsets[place + 1]))
                where = [(int(spans.starts[span]), int(spans.ends[span])) for span in ends]
                expected = [False] * len(expected)
                for item, start, end in zip(of_document.items, of_document.starts, of_document.ends, strict=True):
                    if item >= 0 <= start and any(start < behind and end > begin for begin, behind in where):
                        expected[item] = True
            if [marks[at] for at in np.flatnonzero(documents == number).tolist()] != expected:
                raise InputError(f"{path}, document {number}: {RATIONALE}{annotator} is not what the spans reach into.")
    names = ", ".join(rationales.annotators)
    return f"{len(numbers):,} documents have the marks of the annotators that the data have: {names}"
