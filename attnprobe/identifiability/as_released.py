"""What the code released with Bhardwaj et al. (2021) computes where it differs from the paper, by name.

Each function is the released behaviour as a plain tensor function, beside the intended one; docs say what it changes.

* *Reshaped head sum.* The heads' outputs (…, heads · d_v) are viewed as (…, d_v, heads), not (…, heads, d_v), before
  the last axis is summed: what is added are ``heads`` adjacent coordinates of one head. Each head then reaches
  d_v/heads of the d_v output coordinates by a map of that rank, so the released "added" heads have the null spaces of
  heads that are concatenated.
* *Inverted mask.* Since July 2021 scores of pairs of real items, not those with padding, are set to −1e10: real items
  attend to padding where there is any. The mask is also repeated heads-first while scores lie batch-first, so
  that a sample is masked by another sample's lengths.
* *Wrong scale.* Scores are multiplied by d_v^−½, the width of a *value*, instead of d_k^−½.
"""

from __future__ import annotations

import math

from torch import Tensor

_MASKED = -1e10


def added_heads(outputs: Tensor) -> Tensor:
    """The intended head addition: head outputs (…, heads, d_v) to their sum (…, d_v)."""
    return outputs.sum(-2)


def reshaped_head_sum(outputs: Tensor) -> Tensor:
    """The released head addition: (…, heads, d_v) to (…, d_v), sums of ``heads`` adjacent coordinates of one head.

    Raises:
        ValueError: d_v is no multiple of the number of heads, so that coordinates of two heads would be mixed.
    """
    heads, width = outputs.shape[-2:]
    if width % heads:
        raise ValueError(f"{heads} heads do not divide a value width of {width}")
    return outputs.reshape(*outputs.shape[:-2], width, heads).sum(-1)


def masked_scores(scores: Tensor, mask: Tensor) -> Tensor:
    """The intended key padding mask: scores (batch, heads, items, items) with padded keys at −1e10.

    Args:
        scores: before the softmax.
        mask: True where an item is real (batch, items).
    """
    return scores.masked_fill(~mask.bool()[:, None, None, :], _MASKED)


def inverted_masked_scores(scores: Tensor, mask: Tensor) -> Tensor:
    """The released key padding mask: pairs of real items, of a sample that depends on the head, at −1e10.

    Args:
        scores: before the softmax (batch, heads, items, items).
        mask: True where an item is real (batch, items).
    """
    real = mask.bool()
    pairs = real[:, :, None] & real[:, None, :]
    batch, heads = scores.shape[:2]
    return scores.masked_fill(pairs.repeat(heads, 1, 1).view(batch, heads, *pairs.shape[1:]), _MASKED)


def scale(d_k: int) -> float:
    """The intended factor of the scores, d_k^−½."""
    return 1 / math.sqrt(d_k)


def released_scale(d_v: int) -> float:
    """The released factor of the scores, d_v^−½."""
    return 1 / math.sqrt(d_v)
