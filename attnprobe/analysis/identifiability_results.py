"""What ``attnprobe identify`` wrote into a run's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.runs.run_folder import of_any_files
from attnprobe.runs.tables import columns_of_table, metadata_of_table, read_table, table_parts

KEYS = ("stack", "layer", "head")

POOLING = "pooling"
"""The stack of an attention that pools a document's items; those of transformers weigh tokens."""

NEEDED = (
    *("document", *KEYS, "n", "d_v", "d_k", "dk_star", "rank", "nullity", "distinct", "practical_rank_1e2"),
    *("sampled", "failed", "seconds", "mean_width", "top_weight", "top_low", "top_high", "top_can_change"),
    *("kendall_tau_low", "kendall_tau_found", "farthest_low", "farthest_high", "entropy", "greatest_entropy"),
)
"""Columns of identifiability.parquet that statistics are made of."""

RANGES = ("document", *KEYS, "position", "weight", "low", "high", "maximum_entropy")
"""Columns of weight_ranges.parquet."""


class IdentifiabilityResults(NamedTuple):
    """The tables of a run.

    Attributes:
        heads: one row a document × head, documents with more than one item.
        documents: as :func:`documents_with_reach` has them.
        erasures: of these documents, and maybe of others.
        settings: what was asked for: ``documents``, ``layers``, ``heads``, ``seed``, ``longest``.
        folder: the run's.
    """

    heads: pd.DataFrame
    documents: pd.DataFrame
    erasures: pd.DataFrame
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
        return read_table(self.folder / "weight_ranges.parquet", RANGES)


def load_identifiability(results: RunResults) -> IdentifiabilityResults | None:
    """What was identified in a run; None where nothing was, or with other weights than the run was probed with since.

    Raises:
        InputError: a table cannot be read or lacks a column.
    """
    path = results.folder / "identifiability.parquet"
    if not path.exists():
        return None
    metadata = metadata_of_table(path)
    probed = metadata_of_table(results.folder / "documents.parquet")
    here, there = (of_any_files(each.get(b"attnprobe", b"").decode(errors="replace")) for each in (metadata, probed))
    if here != there:
        return None
    heads = read_table(path, NEEDED)
    identified = _identified(results)
    return IdentifiabilityResults(
        heads[heads["n"] > 1].reset_index(drop=True),
        _with_reach(identified.documents),
        identified.erasures,
        _asked_for(path, metadata),
        results.folder,
    )


def _asked_for(path: Path, metadata: dict[bytes, bytes]) -> dict[str, Any]:
    """What a table says of how it was made: plain numbers and words by name."""
    try:
        asked: Any = json.loads(metadata.get(b"identified", b"{}"))
        if isinstance(asked, dict) and all(type(value) in (int, str) for value in asked.values()):
            return asked
    except (ValueError, RecursionError):
        pass
    raise InputError(f"{path} does not say what was identified: its entry 'identified' is not attnprobe's.") from None


def documents_with_reach(results: RunResults) -> pd.DataFrame:
    """The documents that programs were run on, with several items, a readout that is affine and without failures.

    They are those of the whole run, whether they are in the sample that other statistics are made of or not.

    Raises:
        InputError: the table of documents cannot be read.
    """
    return _with_reach(_identified(results).documents)


def _with_reach(documents: pd.DataFrame) -> pd.DataFrame:
    if "must_flip" not in documents:
        return documents[:0]
    kept = documents[documents["must_flip"].notna() & (documents["n"] > 1)]
    return kept.sort_values("document", ignore_index=True)


def _identified(results: RunResults) -> RunResults:
    """The results of the documents with reach, and maybe of others; the same where all documents are looked at."""
    path = results.folder / "documents.parquet"
    if results.chosen is None or "must_flip" not in columns_of_table(path):
        return results
    parts = [part.filter(part["must_flip"].is_valid()) for part in table_parts(path, ["document", "must_flip"])]
    return results.only(np.concatenate([part["document"].to_numpy() for part in parts]).tolist())


def numbers(table: pd.DataFrame, column: str) -> Numbers:
    """A column as float64, NaN for null."""
    return np.asarray(table[column].to_numpy(dtype=np.float64, na_value=np.nan))
