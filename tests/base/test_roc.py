"""The area under the ROC curve, against every pair."""

import numpy as np
import pytest

from attnprobe.base.roc import roc_auc


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_share_of_pairs_in_order_ties_by_half(seed):
    generator = np.random.default_rng(seed)
    scores, positive = generator.integers(0, 6, 40) / 5, generator.random(40) < 0.3
    pairs = [(one > other) + (one == other) / 2 for one in scores[positive] for other in scores[~positive]]
    assert roc_auc(scores, positive) == pytest.approx(np.mean(pairs), abs=1e-15)


def test_of_one_class_there_is_none():
    assert np.isnan(roc_auc(np.array([0.1, 0.2]), np.array([True, True])))
