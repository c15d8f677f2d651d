"""What pooled vectors of a run are held against: those of its validation documents, computed once, and kept.

Of a seeded sample of the development split, as the model was trained on them: whole, or, where training erased at
random, erased so, one draw a document.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnprobe.base.errors import InputError
from attnprobe.data.batches import IntArray
from attnprobe.data.document_seeds import document_seeds
from attnprobe.data.split import Split
from attnprobe.erasure.masking import Masking
from attnprobe.erasure.meaning import BY_DEFAULT
from attnprobe.erasure.validation_states import ValidationStates
from attnprobe.models.probe import Probe
from attnprobe.models.subject import Subject
from attnprobe.runs.run_folder import RunFolder
from attnprobe.stages.stamped_tensors import read_tensors, write_tensors

DEV = "dev"

MOST_STATES = 1000
"""Validation documents at most: of so many the share of .05 is known to .7 points, a standard deviation."""

LEAST_STATES = 100
"""With fewer, nothing is said of what is inside and outside."""

VALIDATION_DRAW = -1
"""In the place of an epoch's number, for what is erased of validation documents."""


def validation_sample(documents: int, seed: int) -> IntArray:
    """The numbers, ascending, of the documents of a development split that are taken (sample,)."""
    return np.sort(np.random.default_rng(seed).permutation(documents)[:MOST_STATES])


def has_states(probe: Probe[Any], split: Split) -> bool:
    """Whether a run's pooled vectors are held against those of its validation documents."""
    return probe.readout is not None and probe.meaning == BY_DEFAULT and len(split) >= LEAST_STATES


def keep_states(subject: Subject[Any, Any], probe: Probe[Any], stamp: str) -> None:
    """Have them in the run's folder, where they are asked for; what is there and made by the same stays.

    Args:
        subject: of the run.
        probe: its model.
        stamp: what they are made by.
    """
    split, folder = subject.dataset.splits[DEV], subject.folder
    if not has_states(probe, split) or read_tensors(folder.validation_states, stamp) is not None:
        return
    states = computed_states(subject, probe, split)
    write_tensors(folder.validation_states, vars(states), stamp)


def computed_states(subject: Subject[Any, Any], probe: Probe[Any], split: Split) -> ValidationStates:
    """Of a development split."""
    settings = subject.configuration.settings
    sample = validation_sample(len(split), settings.seed)
    encoded = subject.encode(split.take(sample))
    masking = None
    if settings.training is not None and settings.training.mask_training:
        hashes, copies = np.array(split.content_hashes[sample]), np.array(split.occurrences[sample])
        seeds = torch.from_numpy(document_seeds(settings.seed, hashes, copies).view(np.int64))
        masking = Masking.drawn(seeds, VALIDATION_DRAW, subject.training_meaning).half_of_all()
    vectors = []
    for rows in encoded.in_order_of_length(probe.batch_documents, probe.batch_tokens):
        of_batch = None if masking is None else masking.some(torch.from_numpy(rows)).to(subject.device)
        vectors.append(probe.states(encoded.batch(rows).to(subject.device), of_batch).cpu())
    return ValidationStates.of(torch.cat(vectors))


def kept_states(folder: RunFolder, probe: Probe[Any], split: Split, stamp: str) -> ValidationStates | None:
    """What :func:`keep_states` has kept; None where it is not asked for.

    Args:
        folder: of the run.
        probe: its model.
        split: the development split.
        stamp: what they are made by.

    Raises:
        InputError: they are not there, or are no such vectors.
    """
    if not has_states(probe, split):
        return None
    path, tensors = folder.validation_states, read_tensors(folder.validation_states, stamp)
    if tensors is None:
        raise InputError(f"{path} is not there, or is of another model: attnprobe probe makes it.")
    coordinates, statistics = tensors.get("coordinates"), tensors.get("statistics")
    fits = coordinates is not None and statistics is not None and coordinates.dim() == 2 and statistics.dim() == 1
    if not fits or coordinates is None or statistics is None or coordinates.shape[1] != len(statistics):
        raise InputError(f"{path} does not hold vectors of validation documents; delete it.")
    if any(bool((each.diff(dim=-1) < 0).any()) for each in (coordinates, statistics)):
        raise InputError(f"{path} holds numbers that are not in order; delete it.")
    return ValidationStates(coordinates.double(), statistics.double())
