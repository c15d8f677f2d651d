"""The ladder of "same output": what is left unchanged, and the alternatives that leave it so.

From the strictest down, for one row of attention with weights a over items with projected values T = V W_O:

    same head output     a'[T, 1] = a[T, 1]
    same layer output    Σ_h a'_h T_h = Σ_h a_h T_h, each a'_h a distribution
    same normed output   LayerNorm(x + Σ_h a'_h T_h) unchanged: Σ_h a'_h T_h = s (x + o) − x + c 1 with s ≥ 0 and c free
    same logits          with an affine readout, C − 1 differences of logits
    same probabilities   no class's probability changes by more than ε
    same decision        C − 1 half-spaces

All are linear but the probabilities of more than two classes. The third is exact up to the ε inside LayerNorm, and its
s = 0 stands for a limit that is not reached itself. What follows the layer and is not affine (a feed-forward block,
further layers) must be run again on a certificate.

Probabilities. With two classes |p' − p| ≤ ε is an interval on the difference of the logits: exact. With more, the
*outer* set asks of each pair of classes what the bounds on their probabilities imply for their log-ratio,

    log (p_c − ε)/(p_k + ε) ≤ z'_c − z'_k ≤ log (p_c + ε)/(p_k − ε),

so it holds every admissible alternative and ranges over it are too wide, never too narrow. The *inner* set asks
that no difference of logits changes by more than 4 artanh ε: the log-odds of every event then change by no more, and
a change of w in log-odds moves a probability by tanh(w/4) at most. It holds admissible alternatives only.

Functions take one row, unpadded; the sets that they make are in float64 and of NumPy arrays.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from torch import Tensor

from attnprobe.erasure.arrays import Array, numpy_or_torch
from attnprobe.erasure.contributions import Readout
from attnprobe.identifiability.alternatives import Alternatives
from attnprobe.identifiability.canonical_form import canonical_form
from attnprobe.identifiability.linear_programs import Numbers
from attnprobe.identifiability.readout_margins import Margins, margins_of
from attnprobe.identifiability.value_space import as_batch, as_distributions


@numpy_or_torch
def same_head_output(weights: Array, values: Array) -> Alternatives:
    """All weights with the same head output: ``a'[T, 1] = a[T, 1]``, a' ≥ 0 (Bhardwaj et al. 2021, P1 to P3).

    Args:
        weights: observed (items,), a distribution; taken in float64 and divided by its sum.
        values: (items, dim).

    Raises:
        ValueError: shapes that do not fit, NaN or infinite numbers, weights that are no distribution.
    """
    mass, numbers = _one_row(weights, values)
    return _layer(mass, numbers[None])


@numpy_or_torch
def same_layer_output(weights: Array, values: Array) -> Alternatives:
    """All weights of one row of all heads with the same sum Σ_h a_h T_h.

    Args:
        weights: observed (heads, items).
        values: (heads, items, dim): each head's values times its slice of the output projection.

    Raises: as :func:`same_head_output`.
    """
    return _layer(*_one_row(weights, values))


@numpy_or_torch
def same_normed_output(weights: Array, values: Array, residual: Array) -> Alternatives:
    """All weights of one row of all heads with the same LayerNorm(x + Σ_h a_h T_h), x the residual stream.

    Args:
        weights: observed (heads, items), or (items,) for one head.
        values: (heads, items, dim), or (items, dim); they hold the output projection.
        residual: x with the bias of the output projection added (dim,).

    Raises: as :func:`same_head_output`.
    """
    mass, numbers = _one_row(weights, values)
    added = residual.detach().double().cpu().numpy()
    stacked = numbers if numbers.ndim == 3 else numbers[None]
    if added.shape != stacked.shape[-1:]:
        raise ValueError(f"residual has shape {added.shape}, but {stacked.shape[-1:]} is needed")
    before = added + np.einsum("hi,hid->d", mass.reshape(len(stacked), -1), stacked)
    return _layer(mass, stacked, np.stack([before, np.ones_like(before)]))


@numpy_or_torch
def same_logits(weights: Array, values: Array, readout: Readout) -> Alternatives:
    """All weights with the same logits of an affine readout, up to a shift common to all classes.

    Args:
        weights: observed (items,).
        values: (items, dim).
        readout: ``torch.nn.Linear`` or (weight (classes, dim), bias (classes,)).

    Raises: as :func:`same_head_output`, and a ``ValueError`` for a readout of one row.
    """
    mass, numbers = _one_row(weights, values)
    return _layer(mass, margins_of(numbers, mass, readout).alone.T[None])


@numpy_or_torch
def same_decision(weights: Array, values: Array, readout: Readout) -> Alternatives:
    """All weights with the same decision: each other class's logit at most the decision's.

    Ties are inside (the set is closed), whichever class ``argmax`` would give them.

    Args, raises: as :func:`same_logits`.
    """
    mass, numbers = _one_row(weights, values)
    margins = margins_of(numbers, mass, readout)
    others = np.delete(margins.alone, margins.decision, axis=0)
    return _half_spaces(mass, others, np.maximum(others @ mass, 0.0))


@numpy_or_torch
def same_probabilities(
    weights: Array,
    values: Array,
    readout: Readout,
    epsilon: float,
    relaxation: Literal["outer", "inner"] = "outer",
) -> Alternatives:
    """All weights that change no class's probability by more than ``epsilon``; see the module's text.

    Args:
        epsilon: 0 < ε < 1.
        relaxation: with more than two classes, a set around the admissible alternatives or one inside them. With two
            classes both are that set itself.

    The other arguments: as :func:`same_logits`.

    Raises:
        ValueError: as :func:`same_logits`, and an ``epsilon`` outside (0, 1).
    """
    if not 0 < epsilon < 1:
        raise ValueError(f"epsilon is {epsilon}, but a number between 0 and 1 is needed")
    mass, numbers = _one_row(weights, values)
    margins = margins_of(numbers, mass, readout)
    rows, limits = _log_ratio_limits(margins, mass, epsilon, relaxation == "inner")
    return _half_spaces(mass, rows, limits)


def _log_ratio_limits(margins: Margins, mass: Numbers, epsilon: float, inner: bool) -> tuple[Numbers, Numbers]:
    """Rows ``z'_c − z'_k ≤ limit`` for every ordered pair of classes that has a finite limit."""
    logits = margins.alone @ mass
    p = np.exp(logits - logits.max())
    p /= p.sum()
    rows, limits = [], []
    for c in range(len(p)):
        for k in range(len(p)):
            if inner and len(p) > 2:
                limit = logits[c] - logits[k] + 4 * math.atanh(epsilon)
            elif p[k] > epsilon and (len(p) > 2 or p[c] + epsilon < 1):
                limit = math.log((p[c] + epsilon) / (p[k] - epsilon))
            else:
                continue
            if c != k:
                rows.append(margins.alone[c] - margins.alone[k])
                limits.append(max(limit, logits[c] - logits[k]))
    return np.array(rows).reshape(-1, len(mass)), np.array(limits)


def _one_row(weights: Tensor, values: Tensor) -> tuple[Numbers, Numbers]:
    numbers, real = as_batch(values.cpu(), None)
    return as_distributions(weights.cpu(), real).numpy(), numbers.numpy()


def _layer(mass: Numbers, values: Numbers, further: Numbers | None = None) -> Alternatives:
    """Σ_h a'_h T_h fixed, or equal to s·(first row of ``further``) + c·(second) less a constant."""
    heads, items, dim = values.shape
    groups: list[np.ndarray] = []
    distinct: list[Numbers] = []
    for head in range(heads):
        rows, group = np.unique(values[head], axis=0, return_inverse=True)
        groups.append(group.reshape(-1) + sum(len(before) for before in distinct))
        moved = rows - rows[:1]
        distinct.append(moved - moved.mean(0))
    matrix = np.vstack(distinct).T
    threshold = np.finfo(np.float64).eps * max(heads * items, dim + heads) * float(np.linalg.norm(values))
    group = np.concatenate(groups)
    if further is None:
        return Alternatives(mass, canonical_form(mass, group, matrix, threshold))
    scale = max(float(np.linalg.norm(matrix)), float(np.linalg.norm(further[0])), 1e-300)
    matrix = np.hstack([matrix, -further[:1].T, -scale * further[1:].T / math.sqrt(dim)]) / scale
    threshold = np.finfo(np.float64).eps * max(matrix.shape)
    start, free = np.array([1.0, 0.0]), np.array([False, True])
    return Alternatives(mass, canonical_form(mass, group, matrix, threshold, further=start, free=free))


def _half_spaces(mass: Numbers, rows: Numbers, limits: Numbers) -> Alternatives:
    """Distributions with ``rows a' ≤ limits``; rows are scaled to a largest coefficient of one."""
    scale = np.abs(rows).max(axis=1, initial=0.0, keepdims=True)
    scale[scale == 0] = 1.0
    columns, group = np.unique(rows / scale, axis=1, return_inverse=True)
    if not len(rows):
        columns, group = np.zeros((0, 1)), np.zeros(len(mass), dtype=np.int64)
    none, limits = np.zeros((0, columns.shape[1])), limits / scale[:, 0]
    return Alternatives(mass, canonical_form(mass, group.reshape(-1), none, 0.0, inequalities=columns, at_most=limits))
