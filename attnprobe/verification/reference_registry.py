"""Which slow reference a run's model has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from attnprobe.base.errors import InputError
from attnprobe.data.batches import Batch
from attnprobe.engines.attention_probe import AttentionProbe
from attnprobe.models.huggingface.pieces import PieceBatch
from attnprobe.models.huggingface.probe import CheckpointProbe
from attnprobe.models.huggingface.sequences import model_inputs
from attnprobe.models.pooled.probe import PooledProbe
from attnprobe.models.probe import Probe
from attnprobe.models.transformer.probe import TransformerProbe
from attnprobe.verification.attention_reference import AttentionReference
from attnprobe.verification.pooled_reference import PooledReference
from attnprobe.verification.reference import Reference


def reference_maker(probe: Probe[Any], example: Any) -> Callable[[Any], Reference]:  # noqa: ANN401
    """A function that makes the reference of a document out of a batch that holds it alone.

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

    def make(batch: Any) -> Reference:  # noqa: ANN401
        return made(probe, batch)

    model.double()
    try:
        make(example)
    except RuntimeError:
        model.float()
    return make


def _of_encoder(probe: TransformerProbe, batch: Batch) -> Reference:
    inputs = probe.model.inputs(batch)
    tokens = inputs["input_ids"].shape[1]
    return _of_attention(probe.attention, inputs, torch.arange(tokens, device=batch.words.device))


def _of_checkpoint(probe: CheckpointProbe, batch: PieceBatch) -> Reference:
    inputs: dict[str, Tensor] = model_inputs(probe.model, batch)
    config: Any = probe.model.config
    if getattr(config, "is_encoder_decoder", False) and probe.model.get_output_embeddings() is not None:
        start = getattr(config, "decoder_start_token_id", None) or 0  # the answer's first token is the decision
        inputs["decoder_input_ids"] = torch.full_like(batch.input_ids[:, :1], start)
    return _of_attention(probe.attention, inputs, batch.units[0])


def _of_attention(probe: AttentionProbe, inputs: dict[str, Tensor], item_of_token: Tensor) -> Reference:
    call, aggregate = probe.attachment.call, probe.settings.aggregate
    return AttentionReference(call, probe.selected, aggregate, inputs, item_of_token, probe.meaning)


def _of_pooled(probe: PooledProbe, batch: Batch) -> Reference:
    return PooledReference(probe.model, batch, probe.meaning)


_REFERENCES: dict[type, Callable[[Any, Any], Reference]] = {
    PooledProbe: _of_pooled,
    TransformerProbe: _of_encoder,
    CheckpointProbe: _of_checkpoint,
}
"""By what joins a model to the erasure tests: how the reference of a batch of one document is made."""
