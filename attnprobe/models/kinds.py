"""What trains, keeps and loads the model of a run, by its kind."""

from __future__ import annotations

import importlib
from typing import Any

import torch

from attnprobe.data.tokenised_dataset import Dataset
from attnprobe.models.subject import Subject
from attnprobe.runs.configuration import RunConfiguration
from attnprobe.runs.run_folder import RunFolder
from attnprobe.settings.kinds import kind_of


def subject_class(model: str) -> type[Subject[Any, Any]]:
    """The class of the subjects of runs of this model; what it needs is imported now.

    Raises:
        InputError: there is no such model.
    """
    module, _, name = kind_of(model).subject.partition(":")
    subject: type[Subject[Any, Any]] = getattr(importlib.import_module(module), name)
    return subject


def subject_of(
    folder: RunFolder, configuration: RunConfiguration, dataset: Dataset, device: torch.device
) -> Subject[Any, Any]:
    """The subject of a run."""
    return subject_class(configuration.settings.model)(folder, configuration, dataset, device)
