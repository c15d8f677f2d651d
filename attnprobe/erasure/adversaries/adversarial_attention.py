"""The most different attention with nearly the same prediction: exactly, or between what is attained and a bound.

Jain & Wallace (2019, §4.2.2) look for it by gradient ascent. For an affine readout the rows of attention whose
prediction moves by no more than ε are a polytope (``feasible_rows``), and a convex distance is largest at one of its
vertices. What functions take and return is said in ``erasure.arrays``.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias, get_args

import torch

from attnprobe.erasure.adversaries.branch_and_bound import farthest_row
from attnprobe.erasure.adversaries.distances import DISTANCES, RowDistance
from attnprobe.erasure.adversaries.feasible_rows import FeasibleRows
from attnprobe.erasure.adversaries.one_document import Found, Problem
from attnprobe.erasure.adversaries.pairs import farthest_pairs
from attnprobe.erasure.adversaries.triangles import farthest_triangle
from attnprobe.erasure.arrays import Array, Certified, Mask, check_kind, numpy_or_torch, real_number, whole_number
from attnprobe.erasure.contributions import Contributions, Readout

EXACT_ITEMS = 300
"""Documents of three classes with no more items have all their vertices looked at."""

_TWO = 2
"""Rivals whose limits meet in corners of three items."""

DistanceName: TypeAlias = Literal["js", "tv", "kl", "hellinger"]


class _Adversary(NamedTuple):
    distance: Array
    bound: Array
    weights: Array


class AdversarialAttention(_Adversary, Certified):
    """The farthest row of attention of each document, in float64.

    Attributes:
        distance: from the document's attention; the row has it (batch,).
        bound: no row whose prediction is as near is farther (batch,); equal to ``distance`` but for rounding where the
            answer is exact.
        weights: the row (batch, items).
    """

    __slots__ = ()


@numpy_or_torch
def adversarial_attention(
    values: Array,
    weights: Array,
    mask: Mask,
    readout: Readout,
    epsilon: float,
    distance: DistanceName = "js",
    *,
    most: tuple[float, float] | None = None,
    same_output: bool = False,
    programs: int = 200,
    scores: Array = None,
) -> AdversarialAttention:
    """The row of attention that is farthest from the document's own while the prediction moves by no more than ε.

    By how much it moves is max over the decision's rivals c of |σ(lead_c) − σ(lead_c′)|, the lead being the decision's
    logit less the rival's; with two classes that is |p − p′|, which is half the L1 distance of the outputs and their
    total variation. The decision itself may change where ε allows it.

    With two classes, and no limits on what items gain, the answer is exact: a vertex has at most two items, and all
    are looked at, in O(items²); so it is with three classes and three items, up to 300 items. Otherwise it is sought by
    branch and bound, and is exact where ``bound`` equals ``distance`` but for 1e-10 (of ``hellinger``, of its square).

    Args:
        values: what the weights average (batch, items, dim).
        weights: attention weights (batch, items); may be None where ``scores`` are given.
        mask: True where an item is real (batch, items), or None.
        readout: ``torch.nn.Linear`` or (weight (classes, dim), bias (classes,)).
        epsilon: from 0 to 1.
        distance: ``js``, Jensen-Shannon divergence in nats, at most log 2; ``tv``, total variation; ``kl``, KL(a′‖a) in
            nats, which is infinite where an item without weight can gain; or ``hellinger``, √(½ Σ (√a − √a′)²).
        most: (κ, τ): no item may weigh more than κ times its own weight plus τ.
        same_output: only rows that pool the values to the very same vector, whatever is read from it: the alternatives
            of ``attnprobe identify``, none where items are no more than dimensions. Then ε plays no part.
        programs: how many linear programs may be solved for a document that has no closed answer.
        scores: pre-softmax scores (batch, items).

    Returns:
        ``AdversarialAttention`` of ``distance``, ``bound`` and ``weights``. Of a document of one item both are 0.

    Raises:
        ValueError: as :func:`decision_gradient`; ε below 0 or above 1; a distance of another name; κ below 1 or τ
            below 0; weights that sum to nothing.
        SolverError: a linear program could not be solved.
    """
    epsilon = real_number("epsilon", epsilon)
    if not 0 <= epsilon <= 1:
        raise ValueError(f"epsilon is {epsilon:g}, but a number from 0 to 1 is needed")
    if distance not in get_args(DistanceName):
        raise ValueError(f"distance is {distance!r}, but one of {', '.join(get_args(DistanceName))} is needed")
    programs = whole_number("programs", programs, 1)
    of = Contributions(values, weights, mask, readout, scores=scores)
    of.check_decides()
    check_kind("same_output", same_output, bool)
    if same_output:
        rows = FeasibleRows.of_outputs(values, of.mass, of.mask)
    else:
        rows = FeasibleRows.of(of.margins, of.mass, of.decision, of.mask, epsilon)
    return farthest_rows(rows, DISTANCES[distance], _limits(most), programs)


def farthest_rows(
    rows: FeasibleRows, distance: RowDistance, most: tuple[float, float] | None, programs: int
) -> AdversarialAttention:
    """The farthest of the rows of each document."""
    found = torch.zeros_like(rows.weights)
    several = rows.mask.sum(-1) > 1
    found[~several] = rows.weights[~several]
    gains = torch.full_like(rows.weights[:, 0] if rows.weights.shape[1] else rows.low.sum(-1), -distance.base)
    bound = gains.clone()
    documents = torch.nonzero(several)[:, 0]
    if not len(documents):
        pass
    elif rows.leads.shape[1] == 1 and most is None:
        pair = farthest_pairs(rows.of_documents(documents), distance)
        gains[documents] = bound[documents] = pair.gains
        found[documents] = (
            torch.zeros_like(found[documents])
            .scatter_add(1, pair.first[:, None], 1 - pair.weight[:, None])
            .scatter_add(1, pair.second[:, None], pair.weight[:, None])
        )
    else:
        for document in documents.tolist():
            row = _farthest(_problem(rows, document, most), distance, programs, all_vertices=most is None)
            gains[document], bound[document] = row.gains, row.bound
            found[document, rows.mask[document]] = torch.from_numpy(row.row).to(found)
    attained = distance.of_sum(distance.base + gains)
    certain = distance.of_sum(distance.base + bound).clamp(max=distance.most)
    return AdversarialAttention(attained, torch.maximum(attained, certain), found)


def _farthest(problem: Problem, distance: RowDistance, programs: int, *, all_vertices: bool) -> Found:
    light = problem.weights == 0
    if light.any() and math.isinf(distance.most):
        row = problem.row_with(light)
        if row is not None:
            return Found(math.inf, math.inf, row)
        found = _farthest(problem.of_items(~light), distance, programs, all_vertices=all_vertices)
        row = problem.weights.copy()
        row[~light] = found.row
        return found._replace(row=row)
    if all_vertices and len(problem.leads) == _TWO and len(problem.weights) <= EXACT_ITEMS:
        return farthest_triangle(problem, distance)
    return farthest_row(problem, distance, programs)


def _problem(rows: FeasibleRows, document: int, most: tuple[float, float] | None) -> Problem:
    real = rows.mask[document]
    weights = rows.weights[document, real]
    allowed = torch.ones_like(weights) if most is None else (most[0] * weights + most[1]).clamp(max=1.0)
    parts = weights, rows.leads[document][:, real], rows.low[document], rows.high[document], allowed
    return Problem(*(part.cpu().numpy() for part in parts))


def _limits(most: tuple[float, float] | None) -> tuple[float, float] | None:
    if most is None:
        return None
    if not isinstance(most, tuple) or len(most) != 2:
        raise ValueError("most is no pair of numbers, a factor and what is added")
    factor, added = real_number("most's factor", most[0]), real_number("what most adds", most[1])
    if factor < 1 or added < 0:
        raise ValueError(f"most is ({factor:g}, {added:g}), but a factor of at least 1 and at least 0 are needed")
    return factor, added
