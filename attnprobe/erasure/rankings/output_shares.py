"""What an item is of what attention gives, o = Σ c_j: by length, by share, by how it turns the output.

- norm: ‖c_j‖ (Kobayashi et al., EMNLP 2020);
- contribution: ⟨c_j, o⟩ / ‖o‖², which sums to one over all that is attended to and may be negative;
- value zeroing: the cosine distance of o from o − c_j, with the value at zero and weights as they are (Mohebbi et al.,
  EACL 2023).

Where one row pools, c_j = a_j h_j. In layers with heads c_j = Σ_h a_hj v_hj D_h, D_h the map that takes on what the
head averages; value zeroing is of what the layer as a whole gives then, behind its feed-forward network. Numbers of
several rows are averaged, and then those of layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from attnprobe.erasure.erasable import OutputProducts

if TYPE_CHECKING:
    from attnprobe.erasure.erasable import Erasable

_HELD = 1 << 17
"""Numbers of the values that are held in float64 at once: 1 MB, which stays in a core's cache."""


def norm(batch: Erasable) -> Tensor:
    """‖c_j‖ (batch, items), float64."""
    return _mean(batch.attention_outputs(), lambda of: of.own.sqrt())


def contribution(batch: Erasable) -> Tensor:
    """⟨c_j, o⟩ / ‖o‖² (batch, items), float64; 0 where the output is zero."""
    return _mean(batch.attention_outputs(), lambda of: of.with_output / of.output.masked_fill(of.output == 0, 1.0))


def value_zeroing(batch: Erasable) -> Tensor:
    """1 − cos(o, o − c_j) (batch, items), float64; 1 where one of the two is zero."""
    return _mean(batch.layer_outputs(), _turned)


def _turned(of: OutputProducts) -> Tensor:
    own, with_output, output = of
    left = (output - 2 * with_output + own).clamp(min=0)  # ‖o − c_j‖²
    lengths = (output * left).sqrt()
    nothing = lengths == 0
    return 1 - ((output - with_output) / lengths.masked_fill(nothing, 1.0)).masked_fill(nothing, 0.0)


def _mean(parts: Iterable[Sequence[OutputProducts]] | None, of: Callable[[OutputProducts], Tensor]) -> Tensor:
    """The mean over rows and layers of numbers (documents, rows, items)."""
    assert parts is not None, "it fits the batch"
    return torch.cat([torch.stack([of(layer).mean(1) for layer in layers]).mean(0) for layers in parts])


def of_pooled(values: Tensor, weights: Tensor, mask: Tensor) -> OutputProducts:
    """Those of one row a document, which pools; some documents at a time, without a float64 copy of all values.

    Args:
        values: (batch, items, dim).
        weights: attention in float64 (batch, items).
        mask: True where an item is real (batch, items).
    """
    batch, items, dim = values.shape
    own, with_output, output = (weights.new_empty(shape) for shape in ((batch, items), (batch, items), (batch, 1)))
    step = max(1, _HELD // max(1, items * dim))
    for start in range(0, batch, step):
        some = slice(start, start + step)
        parts = values[some].detach().double().masked_fill_(~mask[some, :, None], 0.0)
        pooled = torch.matmul(weights[some, None], parts)
        torch.matmul(parts, pooled.mT, out=with_output[some, :, None])
        output[some] = pooled.square().sum(-1)
        own[some] = torch.linalg.vecdot(parts, parts)
    own, with_output = own.mul_(weights.square()), with_output.mul_(weights)
    return OutputProducts(own[:, None], with_output[:, None], output[:, None])
