"""Whether the table of whole curves holds every row that it should, once, in order, and numbers that fit each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from attnprobe.base.errors import InputError
from attnprobe.verification.completeness import InStep, Numbers, Present
from attnprobe.verification.row_batches import integers, reals, texts, whole_documents

_FITS = 1e-5
"""Probabilities that are to be the same are within this."""


def check_curves(
    path: Path,
    present: Present,
    sampled: npt.NDArray[np.bool_],
    draws: Sequence[tuple[str, int]],
    p_decision: npt.NDArray[np.floating],
) -> int:
    """Go through the table of curves.

    Args:
        path: of the table.
        present: the documents that have results.
        sampled: True for the documents of the split whose curves are kept (documents of the split,).
        draws: name and draw of each ordering that has curves, in order.
        p_decision: probabilities of the decisions of those present (documents,).

    Returns:
        How many rows there are.

    Raises:
        InputError: a page cannot be read; a row is missing, there twice or out of order; its numbers do not fit.
    """
    kept = sampled[present.numbers]
    whole = p_decision[kept]
    of_all = InStep(path, Present(present.numbers[kept], present.sizes[kept]))
    done = 0
    for rows in whole_documents(path):
        documents, counts = of_all.take(rows)
        _check_keys(path, rows, documents, counts, draws)
        _check_numbers(path, rows, documents, whole[done : done + len(counts)], len(draws))
        done += len(counts)
    return of_all.finish()


def _check_keys(
    path: Path, rows: pa.Table, documents: Present, counts: Numbers, draws: Sequence[tuple[str, int]]
) -> None:
    """Whether each document has each ordering and draw, in order, with 0 to n items removed."""
    expected = len(draws) * (documents.sizes + 1)
    for row in np.flatnonzero(counts != expected)[:1]:
        raise InputError(
            f"{path}, document {documents.numbers[row]}: it has {counts[row]} rows, but {len(draws)} orderings and "
            f"draws of {documents.sizes[row]} items have {expected[row]}."
        )
    each = np.repeat(documents.sizes + 1, len(draws))
    place = np.arange(len(rows)) - np.repeat(np.cumsum(each) - each, each)
    names, numbers = (np.array(column) for column in zip(*draws, strict=True))
    of_row = np.repeat(np.tile(np.arange(len(draws)), len(counts)), each)
    right = integers(path, rows, "removed") == place
    right &= integers(path, rows, "draw") == numbers[of_row]
    right &= np.array(texts(path, rows, "ordering").to_pylist(), dtype=object) == names.astype(object)[of_row]
    for row in np.flatnonzero(~right)[:1]:
        raise InputError(
            f"{path}, document {np.repeat(documents.numbers, counts)[row]}: a row of {names[of_row[row]]}, draw "
            f"{numbers[of_row[row]]}, with {place[row]} removed should be where another is."
        )


def _check_numbers(
    path: Path, rows: pa.Table, documents: Present, whole: npt.NDArray[np.floating], orderings: int
) -> None:
    """Whether curves begin and end where all of a document's do, and a probability is what its logarithm says."""
    each = np.repeat(documents.sizes + 1, orderings)
    last = np.cumsum(each) - 1
    first = last - each + 1
    of_curve = np.repeat(np.arange(len(documents.sizes)), orderings)
    erased, kept = (reals(path, rows, name) for name in ("probability", "kept_probability"))
    apart = np.abs(erased - np.exp(reals(path, rows, "log_probability").astype(np.float64)))
    if np.isnan(whole).all() and np.isnan(erased).all():  # a number that is predicted has no probability
        erased, kept = (reals(path, rows, name) for name in ("logit", "kept_logit"))
        whole, apart = erased[first][::orderings], np.zeros(len(erased))
    for ends, expected in (
        (erased[first], whole[of_curve]),
        (kept[last], whole[of_curve]),
        (kept[first], erased[last]),
    ):
        apart[first] = np.maximum(apart[first], np.abs(ends - expected))
    empty = erased[last].reshape(-1, orderings)
    apart[last] = np.maximum(apart[last], np.abs(empty - empty[:, :1]).ravel())
    target = integers(path, rows, "target")
    wrong = ~(apart <= _FITS) | (target != np.repeat(target[first], each))
    for row in np.flatnonzero(wrong)[:1]:
        number = documents.numbers[of_curve[np.searchsorted(last, row)]]
        raise InputError(
            f"{path}, document {number}, ordering {rows['ordering'][int(row)]}: the numbers with "
            f"{rows['removed'][int(row)]} removed do not fit those of the same document, or each other."
        )
