"""A page in a notebook: a frame of its own, apart from everything else there."""

from __future__ import annotations

import html
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.reports.page.content import Summary, is_reported
from attnprobe.reports.page.rendering import page_html
from attnprobe.runs.ordering_records import ENTRY
from attnprobe.runs.run_folder import RunFolder

IN_A_NOTEBOOK = 1_500_000
"""Bytes of a page there: a notebook keeps every copy that it has shown."""

HEIGHT = 860
"""Of the frame, in pixels."""


def framed(page: str) -> str:
    """A page as an element that may stand in other HTML; its script reaches nothing outside."""
    content = html.escape(page, quote=True)
    return (
        f'<iframe title="attnprobe" sandbox="allow-scripts" width="100%" height="{HEIGHT}" srcdoc="{content}"></iframe>'
    )


def frame_of_run(results: RunResults) -> str:
    """The page of one run, framed; its statistics are computed where the run has no report yet, or an older one.

    Raises:
        InputError: no document has more than one item, or a file of the run cannot be read.
    """
    summary: Summary = RunFolder(results.folder).read_summary()
    if not is_reported(summary):
        summary = {**summary, **json.loads(json.dumps(summarise(results)))}
    return framed(page_html([(results, summary)], IN_A_NOTEBOOK))


def frame_of_tables(
    tables: Mapping[str, pd.DataFrame],
    name: str = "model",
    meaning: Mapping[str, str] | None = None,
    told: Mapping[str, Any] | None = None,
    orderings: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """The same of results that are in no run folder, as ``attnprobe.probe`` gives them.

    Args:
        tables: of documents, erasures and items, and of curves where there are any, as in a run folder; labels may be
            missing.
        name: of the model, for the reader.
        meaning: the names of the way of erasing and of the decision, as settings have them.
        told: what ``config.json`` says of these.
        orderings: what is said of those that are not registered, by name, as in ``config.json``.

    Raises:
        InputError: no document has more than one item.
    """
    documents = tables["documents"]
    if "label" not in documents:
        documents = documents.assign(label=-1)
    # The numbers of other decisions are not those of classes, and may be large.
    classes = 0 if told else int(np.maximum(documents["label"], documents["decision"]).max()) + 1
    config = {
        "settings": {"dataset": "results", "model": name, "seed": 0, "training": None, **(meaning or {})},
        "data": {"labels": [str(c) for c in range(classes)]},
        "unit": "token",
        ENTRY: dict(orderings or {}),
        **(told or {}),
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for table, rows in {**tables, "documents": documents}.items():
            rows.to_parquet(folder / f"{table}.parquet")
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        return frame_of_run(RunResults.load(folder))
