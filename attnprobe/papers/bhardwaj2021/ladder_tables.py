"""The ladder of "same output", and what keys can realise, on sampled documents of trained runs, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from attnprobe.base.errors import InputError
from attnprobe.models.probe import Probe
from attnprobe.papers.bhardwaj2021.key_dimensions import key_dimensions
from attnprobe.papers.bhardwaj2021.ladder import Rung, affine_ladder, ladder
from attnprobe.runs.configuration_entries import read_configuration
from attnprobe.runs.meaning_records import require_default
from attnprobe.stages.identifying.read_row import ReadRow
from attnprobe.stages.training import Run

KEY_ITEMS = 40
"""Items that dimensions of keys are measured on, at most: the cost grows with the fifth power."""

HEAD = 0
"""Whose dimensions are measured: the first head's, as in the figures of 2021."""

SAMPLE_SEED = 0
"""A constant: runs of one dataset are measured on the same documents."""


def rungs_of_run(run: Run, documents: int, items: int) -> pd.DataFrame:
    """One row a document × rung: ``document``, ``items``, ``heads`` and the fields of ``Rung``.

    Args:
        run: a trained run.
        documents: how many, a seeded sample of those with so many words.
        items: documents are cut to this many.

    Raises:
        InputError: no document is long enough, or the model's decision is not read from one row.
        SolverError: a program failed.
    """
    require_default(read_configuration(run.folder.config), str(run.folder.path), "the ladder")
    probe: Probe[Any] = run.subject.load().probe
    rows: list[dict[str, Any]] = []
    for document, batch in _sample(run, documents, items):
        size, found = _rungs(probe, batch, items)
        rows += [{"document": document, "items": size[1], "heads": size[0]} | rung._asdict() for rung in found]
    return pd.DataFrame(rows)


def key_dimensions_of_run(run: Run, documents: int, items: int) -> pd.DataFrame:
    """One row a document: ``document`` and the fields of ``KeyDimensions``; empty where attention pools.

    Documents are those of :func:`rungs_of_run`, cut to ``KEY_ITEMS`` where that is less.

    Args, raises: as :func:`rungs_of_run`.
    """
    probe: Probe[Any] = run.subject.load().probe
    if probe.readout is not None:
        return pd.DataFrame()
    return pd.DataFrame(
        [
            {"document": document} | key_dimensions(_read_row(probe, batch, min(items, KEY_ITEMS)), HEAD)._asdict()
            for document, batch in _sample(run, documents, items)
        ]
    )


def _rungs(probe: Probe[Any], batch: Any, items: int) -> tuple[Sequence[int], list[Rung]]:  # noqa: ANN401
    if probe.readout is None:
        row = _read_row(probe, batch, items)
        return row.weights.shape, ladder(row)
    (reading,) = probe.readings(batch, "all", "all", torch.zeros(1, dtype=torch.int64))
    kept = reading.mask[0, 0]
    weights, values = reading.weights[0, 0, kept].cpu(), reading.values[0, 0, kept].double().cpu()
    return (1, len(weights)), affine_ladder(weights.numpy(), values.numpy(), probe.readout.cpu())


def _read_row(probe: Any, batch: Any, items: int) -> ReadRow:  # noqa: ANN401
    return ReadRow(
        probe.attention.attachment, {name: part[:, :items] for name, part in probe.token_inputs(batch).items()}
    )


def _sample(run: Run, documents: int, items: int) -> Iterator[tuple[int, Any]]:
    """Documents of the test split, each a batch of its own."""
    split = run.dataset.splits["test"]
    long_enough = np.flatnonzero(split.words_per_document >= items)
    if not len(long_enough):
        raise InputError(f"No test document of {run.folder.path} has {items} words.")
    for document in np.sort(np.random.default_rng(SAMPLE_SEED).permutation(long_enough)[:documents]):
        encoded = run.subject.encode(split.take(np.array([document])).cut(items))
        yield int(document), encoded.batch(np.array([0])).to(run.device)
