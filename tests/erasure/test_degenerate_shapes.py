"""Batches, documents and items of which there are none have their closed answers, and subnormal weights are weights."""

import numpy as np
import pytest
import torch

import attnprobe

READOUT = (torch.randn(3, 2, generator=torch.Generator().manual_seed(0)).double(), torch.zeros(3).double())
TWO = (READOUT[0][:2], READOUT[1][:2])


@pytest.mark.parametrize("batch", [0, 2])
@pytest.mark.parametrize("readout", [TWO, READOUT], ids=["two classes", "three"])
def test_documents_without_items(batch, readout):
    classes = len(readout[1])
    values, weights = torch.zeros(batch, 0, 2).double(), torch.zeros(batch, 0).double()
    smallest = attnprobe.minimal_sufficient_set(values, weights, None, readout)
    assert smallest.count.tolist() == smallest.bound.tolist() == [0] * batch
    assert smallest.kept.shape == (batch, 0)
    assert attnprobe.necessary_items(values, weights, None, readout).shape == (batch, 0)
    assert attnprobe.relevant_items(values, weights, None, readout).shape == (batch, 0)
    for name in ("js", "tv", "kl", "hellinger"):
        found = attnprobe.adversarial_attention(values, weights, None, readout, 0.1, name)
        assert found.distance.tolist() == found.bound.tolist() == [0.0] * batch
    for function in (attnprobe.shapley_values, attnprobe.banzhaf_values):
        assert function(values, weights, None, readout).shape == (batch, 0, classes)
    kept = attnprobe.soft_erasure(values, weights, weights, None, readout)
    assert torch.equal(kept, readout[1].expand(batch, -1))


@pytest.mark.parametrize("lightest", [5e-324, 1e-315, 1e-300])
def test_subnormal_weights_are_weights(lightest):
    values, weights = np.random.default_rng(0).normal(size=(1, 3, 2)), [[lightest, 0.5, 0.5]]
    shares = attnprobe.shapley_values(values, weights, None, READOUT)
    nearly = attnprobe.shapley_values(values, [[1e-200, 0.5, 0.5]], None, READOUT)
    np.testing.assert_allclose(shares, nearly, atol=1e-9)
    kept = attnprobe.soft_erasure(values, weights, [[1.0, 0.0, 0.0]], None, READOUT)
    if lightest > 1e-310:  # a subnormal number has hardly any digits
        np.testing.assert_allclose(kept[0], READOUT[0].numpy() @ values[0, 0], atol=1e-9)


def test_values_of_no_dimension_are_refused():
    empty = (torch.zeros(3, 0), torch.zeros(3))
    with pytest.raises(ValueError, match="the readout has a weight of shape"):
        attnprobe.shapley_values(torch.zeros(2, 4, 0), torch.ones(2, 4), None, empty)
