"""Which slow reference a run's model has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from attnprobe.attention.model_call import READ_AT
from attnprobe.attention.selection import Selected, select
from attnprobe.base.errors import InputError
from attnprobe.data.batches import Batch
from attnprobe.engines.attention_probe import AttentionProbe, name_of
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.stand_ins import TrainingVectors
from attnprobe.models.huggingface.pieces import PieceBatch
from attnprobe.models.huggingface.probe import CheckpointProbe
from attnprobe.models.huggingface.sequences import model_inputs
from attnprobe.models.pooled.probe import POOLING, PooledProbe
from attnprobe.models.probe import Probe
from attnprobe.models.transformer.probe import TransformerProbe
from attnprobe.settings.attention import MEAN, AttentionSettings
from attnprobe.verification.attention_otherwise import stand_ins
from attnprobe.verification.attention_reference import AttentionReference
from attnprobe.verification.pooled_otherwise import pooled_references
from attnprobe.verification.reference import Reference


class ReferenceMaker(Protocol):
    """Makes references of a document out of a batch that holds it alone, and its seed."""

    def __call__(self, batch: Any, seed: int = 0) -> Reference:  # noqa: ANN401
        """By what the run means first."""
        ...


def reference_maker(probe: Probe[Any], example: Any) -> ReferenceMaker:  # noqa: ANN401
    """A function that makes the reference of a document out of a batch that holds it alone, and its seed.

    The model is in double precision afterwards, unless its own code cannot compute in it, as mixtures of experts.

    Args:
        probe: of the model.
        example: such a batch.

    Raises:
        InputError: there is no reference for the model.
    """
    made = next((_REFERENCES[each] for each in type(probe).__mro__ if each in _REFERENCES), None)
    if made is None:
        raise InputError(f"There is no slow reference for {type(probe).__name__}.")
    model: nn.Module = probe.model  # type: ignore[attr-defined]  # all that have a reference have one

    def make(batch: Any, seed: int = 0) -> Reference:  # noqa: ANN401
        return made(probe, batch, seed)

    model.double()
    try:
        make(example)
    except RuntimeError:
        model.float()
    return make


def head_references(
    probe: Probe[Any],
    batch: Any,  # noqa: ANN401
    count: int,
    generator: np.random.Generator,
) -> Iterator[tuple[tuple[str, int, int], Callable[[], Reference]]]:
    """Stack, layer and number of some of a model's heads, drawn, each with what makes its reference, erased alone.

    The model has to be in the precision that :func:`reference_maker` leaves it in.

    Args:
        probe: of a model with attention in several layers and heads.
        batch: that holds one document.
        count: how many heads, at most.
        generator: draws them.
    """
    attention: AttentionProbe = probe.attention  # type: ignore[attr-defined]  # such a model is attached to
    inputs, items = read_document(probe, batch)
    heads = [(site, head) for site in attention.map_sites for head in range(site.heads)]
    for index in np.sort(generator.permutation(len(heads))[:count]).tolist():
        site, head = heads[index]
        settings = AttentionSettings(layers=f"{site.stack}:{site.layer}", heads=str(head))
        selected = select(attention.attachment.sites, settings, attention.attachment.auto())
        call, meaning = attention.attachment.call, attention.meaning
        stand_in, *_ = stand_ins(meaning, 0, _of_training(probe, selected))  # nothing is drawn by the first way
        yield (
            (site.stack, site.layer, head),
            partial(AttentionReference, call, selected, MEAN, inputs, items, meaning, stand_in),
        )


_Read = tuple[dict[str, Tensor], Tensor]
"""What a model takes of a document, and the item of each token, −1 where it is in none."""


def _of_encoder(probe: TransformerProbe, batch: Batch) -> _Read:
    inputs = probe.model.inputs(batch)
    tokens = inputs["input_ids"].shape[1]
    first = 0 if probe.special_items else -1  # the first token is then in no item
    return inputs, torch.arange(first, first + tokens, device=batch.words.device)


def _of_checkpoint(probe: CheckpointProbe, batch: PieceBatch) -> _Read:
    inputs: dict[str, Tensor] = model_inputs(probe.model, batch)
    config: Any = probe.model.config
    if getattr(config, "is_encoder_decoder", False) and probe.model.get_output_embeddings() is not None:
        start = getattr(config, "decoder_start_token_id", None) or 0  # the answer's first token is the decision
        given = probe.continuation[:-1]
        inputs["decoder_input_ids"] = torch.tensor([[start, *given]], device=batch.input_ids.device)
        if probe.continuation:
            inputs[READ_AT] = torch.ones(1, 1 + len(given), dtype=torch.bool, device=batch.input_ids.device)
    if batch.read is not None:
        inputs[READ_AT] = batch.read
    return inputs, batch.units[0]


def read_document(probe: Probe[Any], batch: Any) -> _Read:  # noqa: ANN401
    """What a model with attention in several layers takes of a document, and the item of each token."""
    inputs, items = next(_INPUTS[each] for each in type(probe).__mro__ if each in _INPUTS)(probe, batch)
    if probe.leaves_out_first and int(items.max()) > 0:
        items = torch.where(items > 0, items - 1, -1)  # the first is none, because it is a sink
    return inputs, items


def references_otherwise(
    probe: Probe[Any],
    batch: Any,  # noqa: ANN401
    seed: int,
) -> Iterator[tuple[str, list[Reference]]]:
    """By each further way of erasing its name and the references of a document, one for each draw of what stands in.

    The model has to be in the precision that :func:`reference_maker` leaves it in.

    Args:
        probe: of a model.
        batch: that holds the document alone.
        seed: the document's.
    """
    made = next((_OTHERWISE[each] for each in type(probe).__mro__ if each in _OTHERWISE), None)
    if made is not None:
        for meaning in probe.others:
            yield meaning.erase_by, made(probe, batch, meaning, seed)


def _of_attention(probe: Any, batch: Any, seed: int) -> Reference:  # noqa: ANN401
    return _attention_otherwise(probe, batch, probe.attention.meaning, seed)[0]


def _attention_otherwise(probe: Any, batch: Any, meaning: Meaning, seed: int) -> list[Reference]:  # noqa: ANN401
    attention: AttentionProbe = probe.attention
    selected, read = attention.selected, read_document(probe, batch)
    make = partial(
        AttentionReference, attention.attachment.call, selected, attention.settings.aggregate, *read, meaning
    )
    return [make(each) for each in stand_ins(meaning, seed, _of_training(probe, selected))]


def _of_training(probe: Any, selected: list[Selected]) -> list[TrainingVectors] | None:  # noqa: ANN401
    known = [probe.training.get(name_of(chosen.site)) for chosen in selected]
    return None if None in known else known


def _of_pooled(probe: PooledProbe, batch: Batch, seed: int) -> Reference:
    return _pooled_otherwise(probe, batch, probe.meaning, seed)[0]


def _pooled_otherwise(probe: PooledProbe, batch: Batch, meaning: Meaning, seed: int) -> list[Reference]:
    return list(pooled_references(probe.model, batch, meaning, seed, probe.training.get(POOLING)))


_INPUTS: dict[type, Callable[[Any, Any], _Read]] = {TransformerProbe: _of_encoder, CheckpointProbe: _of_checkpoint}
"""By what joins a model with attention in several layers to the erasure tests."""

_OTHERWISE: dict[type, Callable[[Any, Any, Meaning, int], list[Reference]]] = {
    PooledProbe: _pooled_otherwise,
    **dict.fromkeys(_INPUTS, _attention_otherwise),
}
"""By what joins a model to the erasure tests: how the references of a further way of erasing are made."""

_REFERENCES: dict[type, Callable[[Any, Any, int], Reference]] = {
    PooledProbe: _of_pooled,
    **dict.fromkeys(_INPUTS, _of_attention),
}
"""By what joins a model to the erasure tests: how the reference of a batch of one document is made."""
