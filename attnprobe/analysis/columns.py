"""Columns of the table of documents, as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError


def columns_of(results: RunResults, names: Sequence[str]) -> dict[str, Numbers]:
    """These columns (documents,) of the documents with more than one item.

    Raises:
        InputError: the table lacks one.
    """
    documents = results.several
    for name in names:
        if name not in documents:
            raise InputError(f"{results.folder / 'documents.parquet'} has no column {name!r}.")
    return {name: documents[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in names}
