"""P-values of pooled vectors: uniform of documents drawn alike, the least there is far outside, and as defined."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from attnprobe.erasure.state_names import OUTSIDE
from attnprobe.erasure.validation_states import ValidationStates


def drawn(documents, dim, seed, alike=0.0):
    generator = torch.Generator().manual_seed(seed)
    own = torch.randn(documents, dim, generator=generator, dtype=torch.float64)
    return own + alike * torch.randn(documents, 1, generator=generator, dtype=torch.float64)


def by_definition(validation, vector, itself=None):
    """s of a vector as a pair, counted one by one."""
    others = [row for number, row in enumerate(validation) if number != itself]
    most = 1 + (len(validation) - 1) // 2
    ranks = []
    for d, value in enumerate(vector):
        below, above = (sum(bool(fits(row[d], value)) for row in others) for fits in (np.less_equal, np.greater_equal))
        ranks.append(min(1 + min(below, above), most))
    ranks.sort()
    return min(rank / k for k, rank in enumerate(ranks, 1)), math.fsum(map(math.log, ranks))


@given(documents=st.integers(1, 12), dim=st.integers(1, 5), steps=st.integers(2, 40), seed=st.integers(0, 99))
def test_p_is_as_defined_ties_included(documents, dim, steps, seed):
    rng = np.random.default_rng(seed)
    validation, others = (rng.integers(0, steps, (n, dim)).astype(float) for n in (documents, 6))
    known = [by_definition(validation, row, number) for number, row in enumerate(validation)]
    expected = []
    for vector in others:
        simes, fisher = by_definition(validation, vector)
        reached = [s < simes or (s == simes and f <= fisher + 1e-9) for s, f in known]
        expected.append((1 + sum(reached)) / (documents + 1))
    found = ValidationStates.of(torch.from_numpy(validation)).p_values(torch.from_numpy(others))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("dim", "alike"), [(100, 0.0), (100, 2.0), (4, 0.5)])
def test_p_is_uniform_of_documents_drawn_alike(dim, alike):
    states = ValidationStates.of(drawn(1000, dim, 0, alike))
    p = states.p_values(drawn(400, dim, 1, alike)).numpy()
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert stats.binomtest(int((p < OUTSIDE).sum()), len(p), OUTSIDE).pvalue > 0.01


def test_far_outside_p_is_the_least_there_is():
    vectors = drawn(200, 30, 0)
    states = ValidationStates.of(vectors)
    far = torch.stack([torch.full((30,), 50.0), torch.full((30,), -50.0), 50 * drawn(1, 30, 2).sign()[0]])
    assert torch.equal(states.p_values(far), torch.full((3,), 1 / 201, dtype=torch.float64))
    shifted = states.p_values(drawn(400, 30, 1) + 2.0)
    assert (shifted < OUTSIDE).double().mean() > 0.9
    assert states.p_values(vectors.median(0).values) == 1.0


def test_vectors_are_judged_alone_and_in_any_shape():
    states, vectors = ValidationStates.of(drawn(50, 8, 0)), drawn(24, 8, 1)
    p = states.p_values(vectors)
    assert torch.equal(states.p_values(vectors.view(2, 3, 4, 8)), p.view(2, 3, 4))
    assert torch.equal(torch.cat([states.p_values(row[None]) for row in vectors]), p)
    vectors[3, 2] = torch.nan
    assert torch.equal(states.p_values(vectors).isnan(), torch.arange(24) == 3)
    assert states.p_values(vectors[:0]).shape == (0,)


def test_a_vector_that_differs_by_rounding_from_a_validation_document_has_its_p():
    """A text of both splits, read in batches of other sizes: equal to the last bits, and not to the last."""
    generator = torch.Generator().manual_seed(3)
    vectors = torch.randn(200, 30, generator=generator, dtype=torch.float64)
    states = ValidationStates.of(vectors)
    moved = vectors[:50] * (1 + 1e-7 * torch.randn(50, 30, generator=generator, dtype=torch.float64))
    assert torch.equal(states.p_values(moved), states.p_values(vectors[:50]))
