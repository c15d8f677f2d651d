import pytest
import torch

from attnprobe.models.bit_dropout import BitDropout


@pytest.mark.parametrize("rate", [0.001, 0.1, 0.5, 0.44446746096594764, 0.99])
def test_entries_are_dropped_at_the_rate_and_the_mean_is_kept(rate):
    torch.manual_seed(0)
    entries = 400_001
    dropped = BitDropout(rate)(torch.ones(entries))
    kept = dropped[dropped != 0]
    expected = round(rate * 2**16) / 2**16
    assert abs(expected - rate) <= 2**-17
    assert abs(1 - len(kept) / entries - expected) < 5 * (rate * (1 - rate) / entries) ** 0.5
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - expected)))


def test_a_rate_that_is_nearly_one_drops_nearly_all():
    dropout = BitDropout(1 - 1e-7).train()
    torch.manual_seed(0)
    kept = dropout(torch.ones(1 << 20))
    assert torch.isfinite(kept).all()
    assert 0 < (kept != 0).sum() < 64


def test_neighbours_are_dropped_independently():
    torch.manual_seed(0)
    kept = (BitDropout(0.5)(torch.ones(400_000)) != 0).double() * 2 - 1
    for distance in range(1, 9):  # eight are made of two draws
        assert (kept[distance:] * kept[:-distance]).mean().abs() < 5 * 400_000**-0.5


def test_draws_are_those_of_the_seed_and_gradients_of_the_mask():
    dropout, values = BitDropout(0.3), torch.randn(3, 5, 7, requires_grad=True)
    torch.manual_seed(4)
    first, other = dropout(values), dropout(values)
    torch.manual_seed(4)
    assert torch.equal(dropout(values), first)
    assert not torch.equal(first, other)
    (gradient,) = torch.autograd.grad(first.sum(), values)
    torch.testing.assert_close(gradient * values, first)


def test_nothing_is_dropped_or_drawn_outside_training_or_at_a_rate_of_zero():
    values, before = torch.randn(100), torch.random.get_rng_state()
    assert BitDropout(0.5).eval()(values) is values
    assert BitDropout(0.0)(values) is values
    assert torch.equal(torch.random.get_rng_state(), before)
