"""Runs that were trained for erasure, each with the run that differs from it in nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.runs.configuration import RunConfiguration
from attnprobe.runs.run_folder import RunFolder
from attnprobe.settings.run_settings import RunSettings


class MatchedRuns(NamedTuple):
    """The same dataset, model and seed, trained on whole documents and for erasure."""

    plain: RunResults
    masked: RunResults


def matched_runs(runs: Iterable[RunResults]) -> list[MatchedRuns]:
    """Each run that was trained for erasure beside its other, by dataset, model and seed.

    Raises:
        InputError: no two match, two runs are the same, or they did not test the same documents.
    """
    by_settings: dict[RunSettings, RunResults] = {}
    for run in runs:
        settings = _configuration(run).settings
        other = by_settings.setdefault(settings, run)
        if other is not run:
            raise InputError(f"{run.folder} and {other.folder} are the same run.")
    matched = []
    for settings, masked in by_settings.items():
        if settings.training is None or settings.training.mask_training is None:
            continue
        default = type(settings.training)()
        training = dataclasses.replace(settings.training, mask_training=None, mask_training_by=default.mask_training_by)
        plain = by_settings.get(dataclasses.replace(settings, training=training))
        if plain is not None:
            _check_same_documents(plain, masked)
            matched.append(MatchedRuns(plain, masked))
    if not matched:
        raise InputError("No run with --mask-training is among these beside the same run without.")
    return sorted(matched, key=lambda pair: (pair.plain.dataset, pair.plain.model, pair.plain.seed))


def _configuration(run: RunResults) -> RunConfiguration:
    return RunFolder(run.folder).read_configuration()


def _check_same_documents(one: RunResults, other: RunResults) -> None:
    same = (
        one.documents[["document", "n", "label"]].to_numpy(),
        other.documents[["document", "n", "label"]].to_numpy(),
    )
    if not np.array_equal(*same):
        raise InputError(f"{one.folder} and {other.folder} did not test the same documents.")
