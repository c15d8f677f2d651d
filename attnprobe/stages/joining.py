"""From the files of pieces to the tables of a run: one pass, one window in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from attnprobe.base.errors import FailedError
from attnprobe.erasure.registered_orderings import RANK
from attnprobe.runs.run_folder import OF_SHARDS, RunFolder
from attnprobe.stages.canonical_tables import canonical
from attnprobe.stages.shard_files import Remarks, ShardFiles
from attnprobe.stages.shards import Piece
from attnprobe.stages.tables import check_same_measurements, check_same_orderings


class Joined(NamedTuple):
    """What was said of the pieces together, and how many documents have results."""

    remarks: Remarks
    documents: int


def decided_classes(files: ShardFiles, pieces: Sequence[Piece]) -> npt.NDArray[np.int64]:
    """The distinct classes that were decided for.

    Raises:
        DamagedError: a file cannot be read.
    """
    classes: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
    for piece in pieces:
        for rows in files.windows(piece, "documents", ["decision"]):
            classes = np.union1d(classes, rows["decision"].to_numpy())
    return classes


def join_pieces(
    files: ShardFiles,
    pieces: Sequence[Piece],
    folder: RunFolder,
    stamp: str,
    of_labels: npt.NDArray[np.int64] | None = None,
) -> Joined:
    """Write a run's tables from the files of pieces that are done, in order of document.

    Args:
        files: of the pieces.
        pieces: all of the split, in order.
        folder: the run's.
        stamp: what made them.
        of_labels: the model's class for each of the dataset's labels, where it decides between other classes.

    Raises:
        DamagedError: a file cannot be read.
        FailedError: not one document has results.
        InputError: an ordering was made of some documents and not of others.
    """
    remarks = Remarks()
    for piece in pieces:
        remarks = remarks.with_those_of(files.remarks(piece))
    if remarks.lost and all(files.schema(piece, "documents").names == ["document"] for piece in pieces):
        raise FailedError(
            f"Not one document could be probed; the first failed with: {next(iter(remarks.lost.values()))}"
        )
    _check_same_entries(files, pieces)
    documents = 0
    for name in OF_SHARDS[::-1]:  # that of documents, which says that all are there, last
        if not any(_has_table(files, piece, name) for piece in pieces):
            folder.table(name).unlink(missing_ok=True)  # that the run had when it was probed with other files
            continue
        windows = _windows(files, pieces, name)
        if name == "documents" and of_labels is not None:
            windows = (_relabelled(rows, of_labels) for rows in windows)
        written = folder.write_table(name, windows, stamp)
        documents = written if name == "documents" else documents
    return Joined(remarks, documents)


def _check_same_entries(files: ShardFiles, pieces: Sequence[Piece]) -> None:
    """Raise an InputError where an ordering or a measurement was made of some pieces and not of others."""
    with_results = [piece for piece in pieces if len(files.schema(piece, "items").names) > 1]
    ranked = [
        [("", name.removeprefix(RANK), 0) for name in files.schema(piece, "items").names if name.startswith(RANK)]
        for piece in with_results
    ]
    columns = [files.schema(piece, "documents").names for piece in with_results]
    for orderings, measured in zip(ranked, columns, strict=True):
        check_same_orderings(ranked[0], orderings)
        check_same_measurements(columns[0], measured)


def _windows(files: ShardFiles, pieces: Sequence[Piece], name: str) -> Iterator[pa.Table]:
    """Rows by window, after an empty table that says which columns there are."""
    pieces = [piece for piece in pieces if _has_table(files, piece, name)]
    yield canonical(files.schema(pieces[0], name).empty_table())
    for piece in pieces:
        for rows in files.windows(piece, name):
            yield canonical(rows)


def _has_table(files: ShardFiles, piece: Piece, name: str) -> bool:
    """Whether a piece has this table, with rows or without: of documents that are all lost it has none."""
    return len(files.schema(piece, name)) > 1


def _relabelled(rows: pa.Table, of_labels: npt.NDArray[np.int64]) -> pa.Table:
    column = rows.schema.get_field_index("label")
    return rows.set_column(column, "label", pa.array(of_labels[rows["label"].to_numpy()]))
