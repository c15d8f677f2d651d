import pytest
import torch

import attnprobe
from attnprobe.base.errors import InputError


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    return torch.nn.TransformerEncoder(layer, 3, enable_nested_tensor=False).eval()


INPUTS = {"src": torch.randn(4, 6, 8, generator=torch.Generator().manual_seed(1))}


def test_captured_weights_are_distributions_of_every_layer_and_run(encoder):
    attached = attnprobe.AttachedModel(encoder, INPUTS)
    with attached.capturing() as captured:
        encoder(**INPUTS)
        encoder(**INPUTS)
    assert list(captured) == [("self", 0), ("self", 1), ("self", 2)]
    for weights in captured.values():
        assert len(weights) == 2
        assert weights[0].shape == (4, 2, 6, 6)
        torch.testing.assert_close(weights[0].sum(-1), torch.ones(4, 2, 6))


def test_erased_weights_are_zero_where_and_only_where_they_were_erased(encoder):
    attached = attnprobe.AttachedModel(encoder, INPUTS)
    erased = torch.zeros(4, 6, dtype=torch.bool)
    erased[:, 2] = True
    with torch.no_grad(), attached.capturing("1") as plain:
        encoder(**INPUTS)
    with torch.no_grad(), attached.capturing("1") as captured:
        before = encoder(**INPUTS)
        with attached.erasing(erased, layers="1", heads="1", query="first") as report:
            after = encoder(**INPUTS)
    assert not torch.equal(before, after)
    assert report.emptied_rows[0].tolist() == [0, 0, 0, 0]
    whole = plain["self", 1][0]
    assert torch.equal(captured["self", 1][0], whole)


def test_rows_that_lose_everything_are_zero_and_reported(encoder):
    attached = attnprobe.AttachedModel(encoder, INPUTS)
    with torch.no_grad(), attached.erasing(torch.ones(4, 6, dtype=torch.bool), layers="all") as report:
        output = encoder(**INPUTS)
    assert torch.isfinite(output).all()
    assert [rows.tolist() for rows in report.emptied_rows] == [[12] * 4] * 3


def test_nothing_of_it_is_left(encoder):
    attached = attnprobe.AttachedModel(encoder, INPUTS)
    with torch.no_grad():
        before = encoder(**INPUTS)
        with pytest.raises(RuntimeError, match="stop"), attached.erasing(torch.ones(4, 6, dtype=torch.bool)):
            raise RuntimeError("stop")
        assert torch.equal(encoder(**INPUTS), before)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in encoder.modules())


def test_gradients_flow_through_an_erasure(encoder):
    attached = attnprobe.AttachedModel(encoder, INPUTS)
    source = INPUTS["src"].clone().requires_grad_()
    erased = torch.zeros(4, 6, dtype=torch.bool)
    erased[:, 0] = True
    with attached.erasing(erased, layers="0"):
        encoder(source).sum().backward()
    assert torch.isfinite(source.grad).all()
    assert source.grad.any()


def test_a_layer_that_there_is_not_is_an_error(encoder):
    attached = attnprobe.AttachedModel(encoder, INPUTS)
    with pytest.raises(InputError, match="there is no 7"), attached.capturing("7"):
        pass
    with pytest.raises(InputError, match="no 'cross' attention"), attached.capturing("cross:0"):
        pass


@pytest.mark.parametrize("of", [torch.Tensor.int, torch.Tensor.numpy, torch.Tensor.tolist, torch.Tensor.float])
def test_masks_of_any_kind_erase_the_same(encoder, of):
    attached = attnprobe.AttachedModel(encoder, INPUTS)
    erased = torch.arange(6).expand(4, 6) % 3 == 0
    mask = torch.arange(6) < torch.tensor([[6], [4], [5], [2]])
    outputs = []
    for kind in (lambda tensor: tensor, of):
        with torch.no_grad(), attached.erasing(kind(erased), query="last", mask=kind(mask)):
            outputs.append(encoder(**INPUTS))
    assert torch.equal(*outputs)


def test_positions_and_masks_of_other_tokens_are_refused(encoder):
    attached = attnprobe.AttachedModel(encoder, INPUTS)
    with pytest.raises(ValueError, match=r"erased is a mask .* positions"), attached.erasing([0, 5]):
        pass
    everything = torch.ones(4, 6, dtype=torch.bool)
    for arguments, sentence in (
        ({"erased": everything[:, :5]}, r"erased has shape \(4, 5\), but \(4, 6\)"),
        ({"erased": everything[:3]}, r"erased has shape \(3, 6\), but \(4, 6\)"),
        ({"erased": everything, "query": "last", "mask": everything[:3]}, r"mask has shape \(3, 6\), but \(4, 6\)"),
    ):
        with torch.no_grad(), pytest.raises(ValueError, match=sentence), attached.erasing(**arguments):
            encoder(**INPUTS)


@pytest.mark.parametrize("layers", ["last", "0,2"])
def test_own_orders_flip_where_erasing_prefix_by_prefix_does(layers):
    torch.manual_seed(5)
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    encoder = torch.nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
    head = torch.nn.Linear(8, 3)
    with torch.no_grad():  # so that attention decides
        for each in encoder.layers:
            each.self_attn.out_proj.weight.mul_(20)
            each.self_attn.in_proj_weight.mul_(2)

    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.head = encoder, head

        def forward(self, src, mask):
            return self.head(self.encoder(src, src_key_padding_mask=~mask.bool())[:, 0])

    model = Classifier().eval()
    src = 3 * torch.randn(6, 5, 8)
    mask = torch.tensor(
        [[1, 1, 1, 1, 1], [1, 0, 1, 1, 0], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [1, 0, 1, 1, 1], [1, 1, 1, 1, 0]]
    )
    inputs = {"src": src, "mask": mask.bool()}
    attached = attnprobe.AttachedModel(model, inputs)
    orders = attnprobe.rank_at_random(mask.bool(), 4, 0)
    found = attached.first_flip(inputs, orders.view(2, 2, 6, 5).numpy(), layers=layers)
    places = orders.argsort(-1)
    with torch.no_grad():
        decision = model(**inputs).argmax(-1)
        for draw in range(4):
            flips = []
            for count in range(1, 6):
                with attached.erasing(places[draw] < count, layers=layers):
                    flips.append(model(**inputs).argmax(-1) != decision)
            for row, n in enumerate(mask.sum(-1).tolist()):
                first = next((k for k in range(1, n + 1) if flips[k - 1][row]), -1)
                assert found.count[draw // 2, draw % 2, row] == first
                fraction = found.fraction[draw // 2, draw % 2, row].item()
                assert fraction == pytest.approx(first / n if first > 0 else float("nan"), nan_ok=True)
                assert bool(found.emptied[draw // 2, draw % 2, row]) == (first == n)
    assert (found.count > 0).any()
    assert (found.count != found.count[0, 0]).any()
    with pytest.raises(ValueError, match="order of document 1 puts padding, item 1, before a real item"):
        attached.first_flip(inputs, torch.arange(5).expand(6, 5))
