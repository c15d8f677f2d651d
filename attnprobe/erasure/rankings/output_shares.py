"""What an item is of the attention's output o = Σ a_j h_j: by length, by share, by how it turns the output.

- norm: ‖a_j h_j‖ (Kobayashi et al., EMNLP 2020);
- contribution: ⟨a_j h_j, o⟩ / ‖o‖², which sums to one over the items and may be negative;
- value zeroing: the cosine distance of o from o − a_j h_j, with the value at zero and weights as they are (Mohebbi et
  al., EACL 2023).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    from attnprobe.erasure.erasable import Erasable


class _Products(NamedTuple):
    """Of each item: ⟨a_j h_j, a_j h_j⟩ and ⟨a_j h_j, o⟩ (batch, items); of each document ⟨o, o⟩ (batch, 1)."""

    own: Tensor
    with_output: Tensor
    output: Tensor


def norm(batch: Erasable) -> Tensor:
    """‖a_j h_j‖ (batch, items), float64."""
    return _products(batch).own.sqrt()


def contribution(batch: Erasable) -> Tensor:
    """⟨a_j h_j, o⟩ / ‖o‖² (batch, items), float64; 0 where the output is zero."""
    _, with_output, output = _products(batch)
    return with_output / output.masked_fill(output == 0, 1.0)


def value_zeroing(batch: Erasable) -> Tensor:
    """1 − cos(o, o − a_j h_j) (batch, items), float64; 1 where one of the two is zero."""
    own, with_output, output = _products(batch)
    left = (output - 2 * with_output + own).clamp(min=0)  # ‖o − a_j h_j‖²
    lengths = (output * left).sqrt()
    nothing = lengths == 0
    return 1 - ((output - with_output) / lengths.masked_fill(nothing, 1.0)).masked_fill(nothing, 0.0)


def _products(batch: Erasable) -> _Products:
    pooling = batch.pooling()
    assert pooling is not None, "it fits the batch"
    weights = batch.attention.weights
    values = pooling.values.detach().masked_fill(~batch.attention.mask[..., None], 0.0)
    output = torch.einsum("bi,bid->bd", weights, values.double())
    squares = values.double().square().sum(-1)
    return _Products(
        weights.square() * squares,
        weights * torch.einsum("bid,bd->bi", values.double(), output),
        output.square().sum(-1, keepdim=True),
    )
