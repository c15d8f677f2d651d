"""How far a document's weights can move, rung by rung, on the ladder of what "the same output" can mean.

``same_output`` has the rungs as programs on tensors; here they are joined with a model. Behind an affine readout all
are linear programs. In a transformer the head's output, the layer's and the normed one are; behind them follows what is
not affine, and alternatives are searched there (``searched_alternatives``): what is found can be reached; that nothing
else can is not said. Of *same logits* the dimension is that near the observed weights, from the rank of the logits'
derivatives.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from attnprobe.erasure.contributions import Readout
from attnprobe.identifiability import (
    farthest_alternative,
    same_decision,
    same_head_output,
    same_layer_output,
    same_logits,
    same_normed_output,
    same_probabilities,
)
from attnprobe.identifiability.farthest import Farthest, improved
from attnprobe.identifiability.linear_programs import Numbers
from attnprobe.identifiability.value_space import rank_from_spectrum, rounding_threshold
from attnprobe.papers.bhardwaj2021.searched_alternatives import (
    farther_with_same_logits,
    towards_single_items,
    with_same_logits,
)
from attnprobe.stages.identifying.read_row import ReadRow
from attnprobe.stages.identifying.weight_reach import EXACT_ITEMS

HEAD, LAYER, NORM, LOGITS, DECISION = "head output", "layer output", "normed output", "logits", "decision"

EPSILONS = (0.01, 0.1)
"""Changes of probabilities that still count as the same."""


class Rung(NamedTuple):
    """How large the set of alternatives is that leave one thing as it is.

    Attributes:
        name: what is left as it is.
        dimension: in how many directions weights can move at first, all heads together.
        lower: total-variation distance of the farthest alternative that was found, mean over heads.
        upper: no alternative is farther; where nothing better is known, the farthest of all distributions.
        change: by how much that alternative changes the probability of a class, at most, in a run of the model.
        kept: whether it leaves the decision as it is there.
    """

    name: str
    dimension: int
    lower: float
    upper: float
    change: float
    kept: bool


def affine_ladder(weights: Numbers, values: Numbers, readout: Readout) -> list[Rung]:
    """The rungs of a row of one head that an affine readout follows, all by linear programs.

    With more than two classes, ``lower`` of the same probabilities is of the inner set, ``upper`` of the outer.

    Args:
        weights: (items,).
        values: (items, dim).
        readout: ``torch.nn.Linear`` or (weight (classes, dim), bias (classes,)).

    Raises:
        SolverError: a program failed.
    """
    matrix, bias = (readout.weight, readout.bias) if isinstance(readout, torch.nn.Linear) else readout
    tensors = [torch.as_tensor(part).detach().double().numpy() for part in (matrix, bias)]

    def probabilities(row: Numbers) -> Numbers:
        return _softmax(row @ np.asarray(values, dtype=np.float64) @ tensors[0].T + tensors[1])

    sets = {HEAD: same_head_output(weights, values), LOGITS: same_logits(weights, values, readout)}
    inner = {_probability(e): same_probabilities(weights, values, readout, e, "inner") for e in EPSILONS}
    outer = {_probability(e): same_probabilities(weights, values, readout, e) for e in EPSILONS}
    observed, rungs = probabilities(sets[HEAD].observed), []
    for name, alternatives in (sets | inner | {DECISION: same_decision(weights, values, readout)}).items():
        found = farthest_alternative(alternatives, EXACT_ITEMS)
        upper = farthest_alternative(outer[name], EXACT_ITEMS).upper if name in outer else found.upper
        after = probabilities(found.weights)
        rungs.append(_rung(name, alternatives.dimension, found.lower, max(upper, found.lower), observed, after))
    return rungs


def ladder(row: ReadRow) -> list[Rung]:
    """The rungs of the row that a transformer's decision is read from, all heads together.

    Raises:
        SolverError: a program failed.
    """
    heads, items = row.weights.shape
    everything = float(1 - row.weights.min(1).mean())
    (observed,) = _softmax(row.logits(row.weights[None]))
    rungs: list[Rung] = []

    def add(name: str, dimension: int, upper: float, weights: Numbers, after: Numbers | None = None) -> None:
        after = _softmax(row.logits(weights[None]))[0] if after is None else after
        rungs.append(_rung(name, dimension, _distance(weights, row), upper, observed, after))

    dimension, found = _by_head(row)
    add(HEAD, dimension, found.upper, found.weights)
    before = row.before_norm()
    if before is not None:
        residual, values = before
        layer = same_layer_output(row.weights, values)
        # The set holds that of the heads: of equal dimension, it is the same.
        if layer.dimension > dimension:
            found = _over_heads(farthest_alternative(layer, EXACT_ITEMS), heads)
        add(LAYER, layer.dimension, found.upper, found.weights)
        normed = same_normed_output(row.weights, values, residual)
        add(NORM, normed.dimension, everything, improved(found.weights, normed))
    points = np.concatenate([towards_single_items(start) for start in (row.weights, found.weights)])
    after = _softmax(row.logits(points))
    distances = np.array([_distance(point, row) for point in points])
    changes = np.abs(after - observed).max(1)
    allowed = {_probability(epsilon): changes <= epsilon for epsilon in EPSILONS}
    allowed[DECISION] = after.argmax(1) == observed.argmax()
    best = {name: int(np.where(which, distances, -1.0).argmax()) for name, which in allowed.items()}
    same = [with_same_logits(row, points[number]) for number in sorted(set(best.values()))]
    met = [found.weights, *(weights for weights in same if weights is not None)]
    farthest = max(met, key=lambda weights: _distance(weights, row))
    farthest = farther_with_same_logits(row, farthest, lambda weights: _distance(weights, row))
    add(LOGITS, heads * (items - 1) - _rank_of_logits(row), everything, farthest)
    for name, number in best.items():
        # What has the same logits has the same probabilities.
        held = (points[number], after[number]) if distances[number] > _distance(farthest, row) else (farthest, None)
        add(name, heads * (items - 1), everything, *held)
    return rungs


def _by_head(row: ReadRow) -> tuple[int, Farthest]:
    """The product of the heads' own sets: its dimension, and its farthest element."""
    sets = [same_head_output(*head) for head in zip(row.weights, row.values, strict=True)]
    found = [farthest_alternative(each, EXACT_ITEMS) for each in sets]
    lower, upper = (float(np.mean(bounds)) for bounds in zip(*((one.lower, one.upper) for one in found), strict=True))
    weights = np.stack([one.weights for one in found])
    return sum(each.dimension for each in sets), Farthest(lower, upper, weights, all(one.exact for one in found))


def _over_heads(found: Farthest, heads: int) -> Farthest:
    return found._replace(lower=found.lower / heads, upper=found.upper / heads)


def _rank_of_logits(row: ReadRow) -> int:
    """In how many directions weights move the differences of logits: at most C − 1."""
    gradients = torch.from_numpy(row.logits_and_gradients(row.weights)[1])
    moves = gradients - gradients.mean(0)
    moves = (moves - moves.mean(-1, keepdim=True)).flatten(1)
    scale = torch.linalg.matrix_norm(gradients.flatten(1))
    return int(rank_from_spectrum(torch.linalg.svdvals(moves), 16 * rounding_threshold(moves, scale)).rank)


def _distance(weights: Numbers, row: ReadRow) -> float:
    return float(np.abs(weights - row.weights).sum() / 2 / len(row.weights))


def _probability(epsilon: float) -> str:
    return f"probabilities within {epsilon:g}"


def _softmax(logits: Numbers) -> Numbers:
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(shares / shares.sum(-1, keepdims=True))


def _rung(name: str, dimension: int, lower: float, upper: float, observed: Numbers, after: Numbers) -> Rung:
    change = float(np.abs(after - observed).max())
    return Rung(name, dimension, lower, upper, change, bool(after.argmax() == observed.argmax()))
