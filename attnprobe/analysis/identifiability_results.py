"""What ``attnprobe identify`` wrote into a run's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.results import RunResults
from attnprobe.errors import InputError

KEYS = ("stack", "layer", "head")

POOLING = "pooling"
"""The stack of an attention that pools a document's items; those of transformers weigh tokens."""

NEEDED = (
    *("document", *KEYS, "n", "d_v", "d_k", "dk_star", "rank", "nullity", "distinct", "practical_rank_1e2"),
    *("sampled", "failed", "seconds", "mean_width", "top_weight", "top_low", "top_high", "top_can_change"),
    *("kendall_tau_low", "kendall_tau_found", "farthest_low", "farthest_high", "entropy", "greatest_entropy"),
)
"""Columns of identifiability.parquet that statistics are made of."""


class IdentifiabilityResults(NamedTuple):
    """The tables of a run.

    Attributes:
        heads: one row a document × head, documents with more than one item.
        documents: the documents of the run that programs were run on, those with columns of their own (an affine
            readout) and without failures only; empty otherwise.
        settings: what was asked for: ``documents``, ``layers``, ``heads``, ``seed``, ``longest``.
        folder: the run's.
    """

    heads: pd.DataFrame
    documents: pd.DataFrame
    settings: dict[str, Any]
    folder: Path

    @property
    def sampled(self) -> pd.DataFrame:
        """The rows that programs were run on, without failures."""
        return self.heads[self.heads["sampled"] & (self.heads["failed"] == False)]  # noqa: E712 - null is neither

    def weight_ranges(self) -> pd.DataFrame:
        """One row a weight of the sampled documents: ``weight``, ``low``, ``high``, ``maximum_entropy``.

        Raises:
            InputError: the file is missing or cannot be read.
        """
        return _read(self.folder / "weight_ranges.parquet")[0]


def load_identifiability(results: RunResults) -> IdentifiabilityResults | None:
    """What was identified in a run; None where nothing was, or with other weights than the run was probed with since.

    Raises:
        InputError: a table cannot be read or lacks a column.
    """
    path = results.folder / "identifiability.parquet"
    if not path.exists():
        return None
    heads, metadata = _read(path)
    stamp = (pq.read_schema(results.folder / "documents.parquet").metadata or {}).get(b"attnprobe")
    if metadata.get(b"attnprobe") != stamp:
        return None
    missing = [column for column in NEEDED if column not in heads]
    if missing:
        raise InputError(f"{path} has no column {missing[0]!r}.")
    documents = results.several
    affine = "must_flip" in documents
    return IdentifiabilityResults(
        heads[heads["n"] > 1].reset_index(drop=True),
        documents[documents["must_flip"].notna()] if affine else documents[:0],
        json.loads(metadata.get(b"identified", b"{}")),
        results.folder,
    )


def numbers(table: pd.DataFrame, column: str) -> Numbers:
    """A column as float64, NaN for null."""
    return np.asarray(table[column].to_numpy(dtype=np.float64, na_value=np.nan))


def _read(path: Path) -> tuple[pd.DataFrame, dict[bytes, bytes]]:
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise InputError(f"{path} cannot be read: there is no such file.") from None
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"{path} is not a whole Parquet file: {reason}.") from None
    return table.to_pandas(), table.schema.metadata or {}
