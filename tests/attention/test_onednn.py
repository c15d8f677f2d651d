"""Products by oneDNN are the products, whatever the shape; where a gradient is wanted nothing changes."""

import pytest
import torch
from torch import nn

from attnprobe.attention import onednn
from attnprobe.attention.onednn import OneDnnProducts


@pytest.mark.parametrize("shape", [(7,), (1, 7), (50, 7), (3, 5, 7), (0, 7), (2, 1, 7)])
@pytest.mark.parametrize("bias", [True, False])
def test_products_are_the_same_but_for_rounding(shape, bias):
    torch.manual_seed(0)
    layer, values = nn.Linear(7, 4, bias=bias), torch.randn(shape)
    with torch.no_grad(), OneDnnProducts():
        by_onednn = layer(values)
    torch.testing.assert_close(by_onednn, layer(values).detach(), rtol=1e-5, atol=1e-6)


def test_values_need_not_be_contiguous():
    layer, values = nn.Linear(7, 4), torch.randn(7, 5, 3).transpose(0, 2)
    with torch.no_grad(), OneDnnProducts():
        by_onednn = layer(values)
    torch.testing.assert_close(by_onednn, layer(values).detach(), rtol=1e-5, atol=1e-6)


@pytest.fixture
def taken(monkeypatch):
    """What was computed by oneDNN."""
    calls, known = [], onednn._taken

    def noted(args):
        calls.append(known(args))
        return calls[-1]

    monkeypatch.setattr(onednn, "_taken", noted)
    return calls


def test_it_is_used_where_it_can_be(taken):
    with torch.no_grad(), OneDnnProducts():
        nn.Linear(7, 4)(torch.randn(3, 7))
        nn.Linear(7, 4).double()(torch.randn(3, 7).double())
    assert taken == [torch.backends.mkldnn.is_available(), False]


def test_gradients_are_those_of_the_model(taken):
    layer, values = nn.Linear(7, 4), torch.randn(3, 7, requires_grad=True)
    with OneDnnProducts():
        layer(values).sum().backward()
    assert torch.equal(values.grad, layer.weight.sum(0).expand(3, 7))
    assert not taken


def test_nothing_survives_the_context(taken):
    with torch.no_grad():
        with pytest.raises(ValueError), OneDnnProducts():
            raise ValueError
        nn.Linear(7, 4)(torch.randn(3, 7))
    assert not taken
