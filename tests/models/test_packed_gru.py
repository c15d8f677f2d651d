import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from attnprobe.models.pooled.packed_gru import packed_gru

lengths_of_some = st.lists(st.integers(1, 9), min_size=1, max_size=6)


def outputs_and_gradients(lengths, seed, dtype):
    """Of ours and of PyTorch's packed bidirectional GRU with the same weights: hidden states, then gradients."""
    torch.manual_seed(seed)
    theirs = nn.GRU(4, 3, bidirectional=True, dtype=dtype)
    layers = nn.GRU(4, 3, dtype=dtype), nn.GRU(4, 3, dtype=dtype)
    own = [parameter for layer in layers for parameter in layer.parameters()]
    with torch.no_grad():
        for mine, given_ in zip(own, theirs.parameters(), strict=True):
            given_.normal_()
            mine.copy_(given_)
    values = torch.randn(sum(lengths), 4, dtype=dtype, requires_grad=True)
    wanted = torch.randn(sum(lengths), 6, dtype=dtype)
    packed = nn.utils.rnn.pack_sequence(values.split(lengths), enforce_sorted=False)
    padded, _ = nn.utils.rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True)
    expected = torch.cat([row[:length] for row, length in zip(padded, lengths, strict=True)])
    found = packed_gru(values, torch.tensor(lengths), *layers)
    return (
        [found, *torch.autograd.grad((found * wanted).sum(), [values, *own])],
        [expected, *torch.autograd.grad((expected * wanted).sum(), [values, *theirs.parameters()])],
    )


@given(lengths=lengths_of_some, seed=st.integers(0, 9))
def test_states_and_gradients_are_those_of_a_packed_bidirectional_gru(lengths, seed):
    for found, expected in zip(*outputs_and_gradients(lengths, seed, torch.float64), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("lengths", [[1], [1, 1, 1], [7, 1, 30, 30, 2], [60] * 5])
def test_in_single_precision_they_agree_to_rounding(lengths):
    for found, expected in zip(*outputs_and_gradients(lengths, 0, torch.float32), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-4)


def test_where_only_weights_are_trained_values_get_no_gradient():
    layers = nn.GRU(4, 3), nn.GRU(4, 3)
    packed_gru(torch.randn(5, 4), torch.tensor([2, 3]), *layers).sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for layer in layers for parameter in layer.parameters())
