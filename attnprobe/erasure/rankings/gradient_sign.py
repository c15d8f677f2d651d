"""Attention with the sign of the gradient, sign(∂p_y/∂a_j) a_j.

What speaks for the decision comes first, the most attended of it at the front. The code that was released in 2019 means
this ordering, but a chained assignment sets the sign to −1 in all items: what it erases by is ``attention_ascending``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from attnprobe.erasure.erasable import Erasable


def signed_attention(batch: Erasable) -> Tensor:
    """sign(g_j) a_j (batch, items), float64."""
    return batch.attention.gradients.sign() * batch.attention.weights
