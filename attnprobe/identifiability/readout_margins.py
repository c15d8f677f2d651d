"""One row's margins under an affine readout, for weights that are not the observed ones.

The logits after erasing a set S are the mean, weighted by what remains, of the logits that each item would give on its
own (``contributions``), and those do not depend on the weights. So for *any* weights a' class c beats the decision y
after erasing S exactly when ``Σ_{j∉S} a'_j M_cj > 0``, M_cj = (W h_j + b)_c − (W h_j + b)_y: linear in a'.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from attnprobe.erasure.arrays import readout as taken
from attnprobe.erasure.contributions import Contributions, Readout
from attnprobe.identifiability.linear_programs import Numbers


class Margins(NamedTuple):
    """What each item says on its own, relative to the decision of the observed weights.

    Attributes:
        alone: margins M (classes, items); the decision's row is zero.
        decision: the decision.
        flips_when_empty: whether the bias alone, which decides once no mass remains, decides otherwise.
    """

    alone: Numbers
    decision: int
    flips_when_empty: bool


def margins_of(values: Numbers, weights: Numbers, readout: Readout) -> Margins:
    """Margins of one row.

    Args:
        values: (items, dim), float64.
        weights: observed (items,), float64.
        readout: ``torch.nn.Linear`` or (weight (classes, dim), bias (classes,)).

    Raises:
        ValueError: shapes that do not fit, NaN or infinite numbers, a readout of one row.
    """
    row = Contributions(torch.as_tensor(values)[None], torch.as_tensor(weights)[None], None, taken("readout", readout))
    row.check_decides()
    decision = int(row.decision)
    # Items with equal values get equal margins to the last bit, so that programs can count them as one.
    _, first, group = np.unique(values, axis=0, return_index=True, return_inverse=True)
    alone = row.margins[0].numpy()[:, first][:, group.reshape(-1)]
    return Margins(alone, decision, int(row.bias.argmax()) != decision)
