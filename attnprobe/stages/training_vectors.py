"""What attention gives of training documents, of which stand-ins for what is erased are made: computed once, and kept.

Of a seeded sample of the training split; the mean is over all of it, and the vectors of some of it are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from attnprobe.base.errors import InputError
from attnprobe.data.batches import EncodedSplit, IntArray
from attnprobe.erasure.stand_ins import TrainingVectors
from attnprobe.models.probe import Probe
from attnprobe.models.subject import Subject, other_meanings
from attnprobe.stages.stamped_tensors import read_tensors, write_tensors
from attnprobe.stages.training import Run

MEAN_OF = 1000
"""Training documents that means are taken over: of them the mean is off by 3 % of the documents' standard deviation."""

KEPT = 256
"""Of these, whose vectors are kept, to be drawn from."""

TRAINING = "train"

_MEAN, _SAMPLE = ".mean", ".sample"


def training_sample(documents: int, seed: int) -> IntArray:
    """The numbers, ascending, of the documents of a training split that vectors are taken of (sample,)."""
    return np.sort(np.random.default_rng(seed).permutation(documents)[:MEAN_OF])


def kept_of(documents: int, seed: int) -> IntArray:
    """Which of so many documents' vectors are kept, ascending (kept,)."""
    return np.sort(np.random.default_rng(seed).permutation(documents)[:KEPT])


def keep_training_vectors(run: Run, probe: Probe[Any], stamp: str) -> None:
    """Have them in the run's folder, where a way of erasing needs them; what is there and made by the same stays.

    Args:
        run: it.
        probe: its model.
        stamp: what they are made by.

    Raises:
        InputError: there are no training documents, or it is not known what attention gives of them.
    """
    settings, path = run.configuration.settings, run.folder.training_vectors
    needed = any(meaning.needs_training for meaning in (probe.meaning, *other_meanings(settings, probe.meaning)))
    if not needed or _read(path, stamp) is not None:
        return
    split = run.dataset.splits[TRAINING]
    documents = split.take(training_sample(len(split), settings.seed))
    vectors = computed_vectors(probe, run.subject.encode_for_training(documents), run.device)
    tensors: dict[str, Tensor] = {}
    for name, of_documents in vectors.items():
        of_documents = known(of_documents)
        kept = torch.from_numpy(kept_of(len(of_documents), settings.seed))
        tensors |= {name + _MEAN: of_documents.double().mean(0), name + _SAMPLE: of_documents[kept]}
    write_tensors(path, tensors, stamp)


def known(vectors: Tensor) -> Tensor:
    """Of vectors (documents, …) those that there are: of documents without the rows that are erased in they are NaN.

    Raises:
        InputError: there are none.
    """
    found = vectors[~vectors.isnan().flatten(1).any(-1)]
    if not len(found):
        raise InputError("No training document has a row of attention that is erased in, to stand in for it.")
    return found


def computed_vectors(probe: Probe[Any], encoded: EncodedSplit[Any], device: torch.device) -> Mapping[str, Tensor]:
    """By attention what it gives of documents (documents, …, dim), in their order.

    Raises:
        InputError: there are none, or it is not known.
    """
    if not len(encoded):
        raise InputError("There is no training document of which anything can be read, to stand in for what is erased.")
    groups = encoded.in_order_of_length(probe.batch_documents, probe.batch_tokens)
    parts: dict[str, list[Tensor]] = {}
    for batch in encoded.batches(groups, device):
        for name, vectors in probe.training_vectors(batch).items():
            parts.setdefault(name, []).append(vectors.cpu())
    order = torch.from_numpy(np.argsort(np.concatenate(groups)))
    return {name: torch.cat(each)[order] for name, each in parts.items()}


def prepare(probe: Probe[Any], subject: Subject[Any, Any], stamp: str) -> None:
    """Make a run's model ready to be erased in by every way that its settings name.

    Args:
        probe: the model.
        subject: whose it is.
        stamp: what vectors of training documents are to be made by.

    Raises:
        InputError: vectors that are needed are not there, or were made by something else.
    """
    probe.others = other_meanings(subject.configuration.settings, probe.meaning)
    if not any(meaning.needs_training for meaning in (probe.meaning, *probe.others)):
        return
    path = subject.folder.training_vectors
    found = _read(path, stamp)
    if found is None:
        raise InputError(f"{path} is not there, or is of another model: attnprobe probe makes it.")
    probe.training = {
        name: TrainingVectors(*(vectors.to(subject.device) for vectors in each)) for name, each in found.items()
    }


def _read(path: Path, stamp: str) -> dict[str, TrainingVectors] | None:
    """What is in a file by attention; None where there is none, or it was made by something else.

    Raises:
        InputError: it is no such file, or does not hold what it should.
    """
    tensors = read_tensors(path, stamp)
    if tensors is None:
        return None
    names = [name.removesuffix(_MEAN) for name in tensors if name.endswith(_MEAN)]
    found = {}
    for name in names:
        mean, sample = tensors[name + _MEAN], tensors.get(name + _SAMPLE)
        if sample is None or sample.shape[1:] != mean.shape or not len(sample):
            raise InputError(f"{path} does not hold what it should of {name}; delete it.")
        found[name] = TrainingVectors(mean, sample)
    if not found:
        raise InputError(f"{path} does not hold what it should; delete it.")
    return found
