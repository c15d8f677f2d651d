"""Rows of attention for property tests: generic, degenerate, repeated, peaked, with weights of zero."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st


class Row(NamedTuple):
    weights: np.ndarray
    values: np.ndarray
    readout: tuple[np.ndarray, np.ndarray]


@st.composite
def rows(draw, max_items=6, max_dim=4, zeros=True):
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    items, dim = draw(st.integers(1, max_items)), draw(st.integers(1, max_dim))
    kind = draw(st.sampled_from(["generic", "integers", "repeated", "constant", "shifted"]))
    values = generator.normal(size=(items, dim))
    if kind == "integers":
        values = generator.integers(-1, 2, (items, dim)).astype(float)
    elif kind == "repeated":
        values = values[generator.integers(0, items, items)]
    elif kind == "constant":
        values[:] = generator.normal(size=dim)
    elif kind == "shifted":
        values = 0.01 * values + 100.0
    scores = generator.normal(size=items) * draw(st.sampled_from([0.0, 1.0, 3.0]))
    weights = np.exp(scores - scores.max())
    if zeros and draw(st.booleans()):
        weights[generator.random(items) < 0.3] = 0.0
        weights[generator.integers(items)] = 1.0
    classes = draw(st.integers(2, 4))
    readout = (generator.normal(size=(classes, dim)), generator.normal(size=classes))
    return Row(weights / weights.sum(), values, readout)


def random_row(seed, items, dim, peak=1.0):
    generator = np.random.default_rng(seed)
    weights = np.exp(peak * generator.normal(size=items))
    return weights / weights.sum(), generator.normal(size=(items, dim))


def assert_same_output(weights, observed, values, tolerance=1e-9):
    """Weights are a distribution, and give the output of the observed ones."""
    scale = max(1.0, np.abs(values).max())
    assert weights.min() >= 0
    assert abs(weights.sum() - 1) <= tolerance
    assert np.abs(weights @ values - observed @ values).max(initial=0) <= tolerance * scale
