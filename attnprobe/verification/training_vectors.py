"""What a run keeps of training documents, seen again by hooks on the model as it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from attnprobe.base.errors import InputError
from attnprobe.data.batches import EncodedSplit
from attnprobe.engines.attention_probe import name_of
from attnprobe.models.huggingface.probe import CheckpointProbe
from attnprobe.models.pooled.probe import POOLING, PooledProbe
from attnprobe.models.subject import Tested
from attnprobe.models.transformer.probe import TransformerProbe
from attnprobe.stages.training import Run
from attnprobe.stages.training_vectors import TRAINING, kept_of, prepare, training_sample
from attnprobe.verification.attention_otherwise import given_by_hand
from attnprobe.verification.reference_registry import read_document

AGREE = 1e-4
"""Vectors agree within this, times the largest number in them where that is over one."""

_AT_ONCE = 16
"""Documents of a batch, in order of the split: other batches than those of the run."""


def check_training_vectors(run: Run, tested: Tested[Any]) -> Iterator[str]:
    """Make the model ready for the run's ways of erasing; a sentence where these need vectors of training documents.

    Args:
        run: it.
        tested: its model.

    Raises:
        InputError: the vectors are missing, or others than the model gives.
    """
    prepare(tested.probe, run.subject, f"{run.configuration.read_by}/{tested.digest}")
    seen_by = next((_SEEN_BY[each] for each in type(tested.probe).__mro__ if each in _SEEN_BY), None)
    if not tested.probe.training or seen_by is None:
        return
    split, seed, path = run.dataset.splits[TRAINING], run.configuration.settings.seed, run.folder.training_vectors
    encoded = run.subject.encode_for_training(split.take(training_sample(len(split), seed)))
    for name, vectors in seen_by(tested.probe, encoded, run.device).items():
        stored = tested.probe.training.get(name)
        if stored is None:
            raise InputError(f"{path} holds nothing of the attention {name}.")
        vectors = vectors[~vectors.isnan().flatten(1).any(-1)]
        found = (vectors.mean(0), vectors[torch.from_numpy(kept_of(len(vectors), seed))])
        for what, one, other in zip(("mean", "vectors"), stored, found, strict=True):
            slack = AGREE * max(1.0, float(other.abs().max()))
            if one.shape != other.shape or not bool(((one.cpu().double() - other).abs() <= slack).all()):
                raise InputError(f"{path}: the {what} of {name} are others than the model gives of training documents.")
    count = len(encoded)
    yield f"{path.name} holds what attention gives of {count:,} training documents, seen again as the model runs"


@torch.no_grad()
def _given_to_readout(probe: PooledProbe, encoded: EncodedSplit[Any], device: torch.device) -> Mapping[str, Tensor]:
    """What the readout is given of documents, in order (documents, dim)."""
    seen: list[Tensor] = []
    handle = probe.model.head.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0].double().cpu()))
    rows = np.arange(len(encoded))
    try:
        for start in range(0, len(rows), _AT_ONCE):
            probe.model(encoded.batch(rows[start : start + _AT_ONCE]).to(device))
    finally:
        handle.remove()
    return {POOLING: torch.cat(seen)}


def _given_by_heads(
    probe: TransformerProbe | CheckpointProbe, encoded: EncodedSplit[Any], device: torch.device
) -> Mapping[str, Tensor]:
    """What heads give of documents, one after another (documents, heads, dim)."""
    attention = probe.attention
    selected = attention.seen_in_training
    seen: dict[str, list[Tensor]] = {name_of(chosen.site): [] for chosen in selected}
    for row in range(len(encoded)):
        inputs, _ = read_document(probe, encoded.batch(np.array([row])).to(device))
        given = given_by_hand(attention.attachment.call, selected, inputs)
        for of_layer, vectors in zip(seen.values(), given, strict=True):
            of_layer.append(vectors.double().cpu())
    return {name: torch.stack(of_layer) for name, of_layer in seen.items()}


_SEEN_BY: dict[type, Callable[[Any, EncodedSplit[Any], torch.device], Mapping[str, Tensor]]] = {
    PooledProbe: _given_to_readout,
    TransformerProbe: _given_by_heads,
    CheckpointProbe: _given_by_heads,
}
"""By what joins a model to the erasure tests."""
