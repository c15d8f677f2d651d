import numpy as np
import pytest
import torch
from torch import nn

import attnprobe
from attnprobe.attention.hooks import EditError
from attnprobe.models.pooled.attention import AdditiveAttention, pool


class Pooled(nn.Module):
    """Uses the weights that its attention returns, and hands them out beside the logits."""

    def __init__(self):
        super().__init__()
        self.attention = AdditiveAttention(4)
        self.head = nn.Linear(4, 3)
        self.calls = 0

    def forward(self, values, mask=None):
        self.calls += 1
        mask = torch.ones(values.shape[:2], dtype=torch.bool) if mask is None else mask
        weights = self.attention(values, mask)
        return self.head(pool(weights, values)), weights


class Deaf(Pooled):
    """Looks at the weights and goes its own way."""

    def forward(self, values, mask=None):
        _, weights = super().forward(values, mask)
        return self.head(values.mean(1)), weights


@pytest.fixture
def values():
    return torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))


def hooks_left(model):
    left = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())
    everywhere = torch.nn.modules.module
    return left + len(everywhere._global_forward_hooks) + len(everywhere._global_forward_pre_hooks)


def test_erasing_equals_the_closed_form(values):
    model = Pooled()
    plain, weights = model(values)
    for item in range(5):
        erased = torch.zeros(5, dtype=torch.bool)
        erased[item] = True
        with attnprobe.erasing(model.attention, erased):
            logits, after = model(values)
        expected = attnprobe.single_erasures(values, weights, None, model.head)[:, item]
        torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)
        assert (after[:, item] == 0).all()
        torch.testing.assert_close(after.sum(-1), torch.ones(2))
    torch.testing.assert_close(model(values)[0], plain)


def test_everything_erased_leaves_the_bias(values):
    model = Pooled()
    with attnprobe.erasing(model.attention, lambda weights: torch.ones_like(weights, dtype=torch.bool)):
        torch.testing.assert_close(model(values)[0], model.head.bias.expand(2, -1))


def test_nested_erasures_compose_and_capturing_sees_them(values):
    model = Pooled()
    first, second = torch.zeros(2, 5, dtype=torch.bool)
    first[0] = second[3] = True
    with (
        attnprobe.erasing(model.attention, first),
        attnprobe.erasing(model.attention, second),
        attnprobe.capturing(model.attention) as captured,
    ):
        model(values)
        model(values)
    assert len(captured) == 2
    both = attnprobe.erase(model(values)[1], first | second)
    torch.testing.assert_close(captured[0], both)


def test_gradients_flow_through_an_erasure(values):
    model = Pooled().double()
    values = values.double()
    erased = torch.tensor([True, False, False, False, False])

    def logit(query):
        with attnprobe.erasing(model.attention, erased):
            return torch.func.functional_call(model, {"attention.query.weight": query}, (values,))[0]

    assert torch.autograd.gradcheck(logit, model.attention.query.weight.detach().clone().requires_grad_())
    with attnprobe.capturing(model.attention) as captured:
        logits, _ = model(values)
    (gradient,) = torch.autograd.grad(logits.softmax(-1).amax(-1).sum(), captured[0])
    weights = captured[0].detach()
    torch.testing.assert_close(gradient, attnprobe.decision_gradient(values, weights, None, model.head))


def test_nothing_survives_the_context_also_after_an_exception(values):
    model = Pooled()

    def fail_inside():
        with attnprobe.erasing(model.attention, torch.tensor([True, *[False] * 4])):
            model(values)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    with pytest.raises(RuntimeError), attnprobe.capturing(model.attention):
        model(values[..., :3])
    assert hooks_left(model) == 0
    model(values)


def test_an_exception_inside_the_context_does_not_confuse_the_proof(values):
    model = Deaf()
    with attnprobe.erasing(model.attention, torch.tensor([True, *[False] * 4])):
        with pytest.raises(RuntimeError):
            model(values[..., :3])
        with pytest.raises(EditError, match="does not use the weights"):
            model(values)


def test_a_model_that_ignores_the_weights_is_refused(values):
    model = Deaf()
    with (
        pytest.raises(EditError, match="Deaf does not use the weights that AdditiveAttention returns"),
        attnprobe.erasing(model.attention, torch.tensor([True, *[False] * 4])),
    ):
        model(values)
    assert hooks_left(model) == 0


def test_the_proof_runs_once_a_module_and_leaves_random_numbers_alone(values):
    model = Pooled()
    erased = torch.tensor([True, *[False] * 4])
    torch.manual_seed(3)
    with attnprobe.erasing(model.attention, erased):
        model(values, mask=torch.ones(2, 5, dtype=torch.bool))
        model(values)
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(1))
    assert model.calls == 3
    with attnprobe.erasing(model.attention, erased):
        model(values)
    assert model.calls == 4


def test_identical_values_and_single_items_are_no_false_alarm():
    model = Pooled()
    with attnprobe.erasing(model.attention, torch.zeros(1, dtype=torch.bool)):
        model(torch.ones(2, 1, 4))
    other = Pooled()
    with attnprobe.erasing(other.attention, torch.tensor([True, False, False])):
        other(torch.ones(2, 3, 4))


def test_multihead_attention_is_refused_by_name():
    attention = nn.MultiheadAttention(4, 2)
    with pytest.raises(EditError, match=r"nn\.MultiheadAttention"), attnprobe.erasing(attention, None):
        pass


def test_a_module_that_returns_no_weights_is_refused(values):
    model = nn.Sequential(nn.GRU(4, 4, batch_first=True))
    with (
        pytest.raises(EditError, match="GRU returns tuple"),
        attnprobe.erasing(model[0], torch.zeros(5, dtype=torch.bool)),
    ):
        model(values)


def test_training_mode_with_dropout_does_not_pass_for_proof(values):
    class Random(Deaf):
        def forward(self, values, mask=None):
            logits, weights = super().forward(values, mask)
            return nn.functional.dropout(logits, 0.5, training=True), weights

    model = Random()
    with pytest.raises(EditError), attnprobe.erasing(model.attention, torch.tensor([True, *[False] * 4])):
        model(values)


@pytest.mark.parametrize(
    "erased", [[1, 0, 0, 0, 1], np.array([True, False, False, False, True]), lambda weights: [1.0, 0.0, 0.0, 0.0, 1.0]]
)
def test_masks_of_any_kind_are_taken(values, erased):
    model = Pooled()
    with attnprobe.erasing(model.attention, erased):
        _, weights = model(values)
    assert (weights[:, [0, 4]] == 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(2))


def test_positions_and_masks_of_other_axes_are_refused(values):
    model = Pooled()
    with pytest.raises(ValueError, match=r"erased is a mask .* positions"), attnprobe.erasing(model.attention, [0, 4]):
        pass
    for misfit in (torch.tensor([1]), torch.ones(2, 4, dtype=torch.bool), torch.ones(1, 2, 5)):
        with pytest.raises(ValueError, match="erased has shape"), attnprobe.erasing(model.attention, misfit):
            model(values)
    assert hooks_left(model) == 0


def test_half_precision_comes_back_in_half_precision(values):
    model = Pooled().bfloat16()
    with attnprobe.erasing(model.attention, [1, 0, 0, 0, 0]):
        logits, weights = model(values.bfloat16())
    assert {logits.dtype, weights.dtype} == {torch.bfloat16}
