import pytest
import torch

from attnprobe.identifiability import dk_star, logit_rank, realisable_alternatives
from tests.identifiability.test_tangent_ranks import draw, free_logits


def test_alternatives_of_the_same_logit_rank_exist_above_the_critical_width():
    n, d = 12, 4
    assert d > dk_star(n, d)
    queries, keys, values = draw(0, (n, d), (n, d), (n, d))
    observed = torch.softmax(free_logits(queries, keys), -1)
    found = realisable_alternatives(free_logits, (queries, keys), values, starts=2)
    assert len(found) == 2
    for one in found:
        assert one.residual <= 1e-9
        torch.testing.assert_close(one.weights @ values, observed @ values, atol=1e-8, rtol=0)
        torch.testing.assert_close(one.weights, torch.softmax(free_logits(*one.parameters), -1))
        assert logit_rank(torch.log(one.weights)).rank == d
        assert one.total_variation.mean() > 0.1
    distances = [float(one.total_variation.mean()) for one in found]
    assert distances == sorted(distances, reverse=True)


def test_none_are_found_below_it():
    n, d_k, d_v = 12, 2, 4
    assert d_k <= dk_star(n, d_v)
    queries, keys, values = draw(1, (n, d_k), (n, d_k), (n, d_v))
    found = realisable_alternatives(free_logits, (queries, keys), values, starts=3, seed=1)
    # A search may come back to where it started, but to no other attention.
    assert all(float(one.total_variation.max()) < 1e-6 for one in found)


def test_a_free_query_with_keys_given():
    query, keys, values = draw(2, (1, 5), (8, 5), (8, 2))
    found = realisable_alternatives(lambda q: free_logits(q, keys), (query,), values, starts=3)
    assert found
    assert found[0].total_variation.shape == (1,)
    assert float(found[0].total_variation) > 0.01
    assert torch.isfinite(found[0].parameters[0]).all()


def test_bad_input_is_named():
    query, keys, values = draw(3, (1, 2), (4, 2), (4, 2))
    with pytest.raises(ValueError, match="values hold NaN"):
        realisable_alternatives(lambda q: free_logits(q, keys), (query,), values * torch.nan)
