"""What a model takes: how long a sequence, and which inputs beside the pieces."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from attnprobe.attention.edited_runs import TOLERANCE
from attnprobe.base.errors import InputError
from attnprobe.data.documents import Documents
from attnprobe.models.huggingface.pieces import PieceBatch, encode_documents

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

UNLIMITED = 2**31 - 1
"""The longest sequence of a model that has no limit, as those with relative positions."""


def longest_sequence(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """The most pieces that the model can take, special tokens included."""
    own = _self_counted_positions(model)
    if own is not None:
        limit = own.num_embeddings - int(own.padding_idx or 0) - 1  # positions begin behind that of padding
    else:
        limit = getattr(model.config.get_text_config(), "max_position_embeddings", None) or UNLIMITED
    limits = (limit, int(tokenizer.model_max_length), UNLIMITED)
    return min(number for number in limits if number > 0)  # XLNet says −1


def model_inputs(model: PreTrainedModel, batch: PieceBatch) -> dict[str, Tensor]:
    """The batch as keyword arguments of the model.

    Positions are given only to a model that takes them and would otherwise count the padding before a document;
    RoBERTa and its kin count by themselves and from another number on.
    """
    inputs = batch.inputs()
    takes = inspect.signature(model.forward).parameters
    if "position_ids" in inputs and ("position_ids" not in takes or _self_counted_positions(model) is not None):
        del inputs["position_ids"]
    if "token_type_ids" not in takes:
        inputs.pop("token_type_ids", None)
    return inputs


def settle_padding(classifier: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Let the tokenizer pad on a side where padding is seen to leave the logits alone, its own side if possible.

    A classifier that reads the first position, as BERT's, cannot bear padding there; one that reads the last, as
    XLNet's, none at the end.

    Raises:
        InputError: padding changes the logits on either side.
    """
    own = tokenizer.padding_side
    for side in (own, "left" if own == "right" else "right"):
        tokenizer.padding_side = side
        if _bears_padding(classifier, tokenizer):
            return
    raise InputError(f"{type(classifier).__name__} cannot be tested: padding changes its logits.")


@torch.no_grad()
def _bears_padding(classifier: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a document's logits are the same by itself and beside a longer one."""
    encoded = encode_documents(_A_SHORT_AND_A_LONG_ONE, tokenizer, longest_sequence(classifier, tokenizer))
    alone, beside = (
        classifier(**model_inputs(classifier, encoded.batch(np.arange(size)).to(classifier.device))).logits[0]
        for size in (1, 2)
    )
    rounding = max(_ROUNDING, TOLERANCE[alone.dtype])
    return bool((alone - beside).abs().max() <= rounding * alone.abs().max())


_ROUNDING = 1e-4

_A_SHORT_AND_A_LONG_ONE = Documents.of_words(
    types=["a"],
    words=np.zeros(9, dtype=np.int32),
    sentence_lengths=np.array([1, 8], dtype=np.int32),
    sentences_per_document=np.ones(2, dtype=np.int32),
    labels=np.zeros(2, dtype=np.int64),
    content_hashes=np.arange(2, dtype=np.uint64),
)


def _self_counted_positions(model: PreTrainedModel) -> nn.Embedding | None:
    """The position embedding that sets a row aside for padding, as RoBERTa's; such models count what is not padding."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding) and module.padding_idx is not None:
            return module
    return None
