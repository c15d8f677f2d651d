import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy

import attnprobe

logits = st.lists(st.floats(-30, 30), min_size=2, max_size=6)


def log_p(numbers):
    return torch.log_softmax(torch.tensor(numbers, dtype=torch.float64), -1)


@given(st.integers(2, 6), st.data())
def test_against_scipy(classes, data):
    same_length = st.lists(st.floats(-30, 30), min_size=classes, max_size=classes)
    p, q = log_p(data.draw(same_length)), log_p(data.draw(same_length))
    js = attnprobe.js_divergence(p, q)
    assert js.item() == pytest.approx(jensenshannon(p.exp(), q.exp()) ** 2, abs=1e-9)
    assert js.item() == pytest.approx(attnprobe.js_divergence(q, p).item(), rel=1e-12)
    assert 0 <= js <= math.log(2) + 1e-12
    assert attnprobe.kl_divergence(p, q).item() == pytest.approx(scipy_entropy(p.exp(), q.exp()), rel=1e-6, abs=1e-9)
    assert attnprobe.total_variation(p, q).item() == pytest.approx(float((p.exp() - q.exp()).abs().sum()) / 2)
    assert attnprobe.entropy(p).item() == pytest.approx(scipy_entropy(p.exp()), abs=1e-9)


@given(logits)
def test_equal_distributions(numbers):
    p = log_p(numbers)
    assert attnprobe.js_divergence(p, p) == 0
    assert attnprobe.kl_divergence(p, p) == 0


@pytest.mark.parametrize("shift", [1e-3, 1e-6, 1e-9])
def test_js_keeps_its_digits_when_distributions_are_almost_equal(shift):
    # Two classes at p = 1/2 ± δ/4: JS = δ²/32 to leading order; the textbook form loses every digit at δ = 1e-9.
    p, q = log_p([0.0, 0.0]), log_p([shift, 0.0])
    assert attnprobe.js_divergence(p, q).item() == pytest.approx(shift**2 / 32, rel=1e-5)


def test_zero_probabilities():
    one, other, both = (torch.tensor(x).log() for x in ([1.0, 0.0], [0.0, 1.0], [0.5, 0.5]))
    assert attnprobe.js_divergence(one, other).item() == pytest.approx(math.log(2), rel=3e-6)
    assert attnprobe.js_divergence(one.double(), other.double()).item() == pytest.approx(math.log(2), rel=1e-14)
    assert attnprobe.js_divergence(one, both).item() == pytest.approx(jensenshannon([1, 0], [0.5, 0.5]) ** 2, rel=3e-6)
    assert attnprobe.kl_divergence(one, both).item() == pytest.approx(math.log(2))
    assert attnprobe.kl_divergence(both, one).item() == math.inf
    assert attnprobe.entropy(one) == 0
    assert attnprobe.total_variation(one, other) == 1


def test_axis_and_numpy():
    rng = np.random.default_rng(0)
    p, q = (np.log(rng.dirichlet(np.ones(4), size=5)) for _ in range(2))
    along_last = attnprobe.js_divergence(p, q)
    assert isinstance(along_last, np.ndarray)
    np.testing.assert_allclose(attnprobe.js_divergence(p.T.copy(), q.T.copy(), dim=0), along_last)
    np.testing.assert_allclose(attnprobe.js_divergence(p[:, None], q[None])[2, 3], attnprobe.js_divergence(p[2], q[3]))


def test_float32_is_as_good_as_float32_can_be():
    p = torch.log_softmax(torch.tensor([[60.0, 0.0, -60.0]]), -1)
    q = torch.log_softmax(torch.tensor([[-60.0, 0.0, 60.0]]), -1)
    assert attnprobe.js_divergence(p, q).item() == pytest.approx(math.log(2), rel=3e-6)
