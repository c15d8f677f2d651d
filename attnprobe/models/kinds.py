"""The kinds of models that a run can have: an entry each says which names are its own, and what trains and loads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from attnprobe.configuration import RunConfiguration
from attnprobe.data.tokenised_dataset import Dataset
from attnprobe.huggingface.folders import is_huggingface
from attnprobe.models import POOLED
from attnprobe.models.transformer_options import TRANSFORMER
from attnprobe.registry import Registry
from attnprobe.runs import RunFolder
from attnprobe.subjects import Subject


class Kind(NamedTuple):
    """A kind of model.

    Attributes:
        has: whether the model of this name is of this kind.
        subject: gives the class that trains, keeps and loads such models; what it needs is imported then.
    """

    has: Callable[[str], bool]
    subject: Callable[[], type[Subject[Any, Any]]]


def _pooled() -> type[Subject[Any, Any]]:
    from attnprobe.models.pooled_subject import PooledSubject

    return PooledSubject


def _transformer() -> type[Subject[Any, Any]]:
    from attnprobe.models.transformer_subject import TransformerSubject

    return TransformerSubject


def _huggingface() -> type[Subject[Any, Any]]:
    from attnprobe.huggingface.subject import CheckpointSubject

    return CheckpointSubject


KINDS: Registry[Kind] = Registry("kind of model")
KINDS.register("pooled", Kind(lambda model: model in POOLED, _pooled))
KINDS.register("transformer", Kind(lambda model: model == TRANSFORMER, _transformer))
KINDS.register("huggingface", Kind(is_huggingface, _huggingface))


def subject_of(
    folder: RunFolder, configuration: RunConfiguration, dataset: Dataset, device: torch.device
) -> Subject[Any, Any]:
    """The subject of a run, by the kind of its model."""
    model = configuration.settings.model
    kind = next(kind for kind in KINDS.values() if kind.has(model))
    return kind.subject()(folder, configuration, dataset, device)
