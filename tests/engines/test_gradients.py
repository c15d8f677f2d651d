"""The gradients that engines see are finite differences of the slow reference, in float64."""

import pytest
import torch

from tests.fixtures.attached_models import (
    MODELS,
    attached,
    decision_logits,
    engines_of,
    erased_weights,
    key_mask,
    token_sets,
)
from tests.reference.transformers import reference_attention, reference_logits_given

STEP = 1e-6
"""So small that no unit of ``nn.TransformerEncoder`` crosses the kink of its ReLU on the way."""


def case_in_float64(family, task):
    return attached(family, task, "eager" if family == "deberta-v2" else "sdpa", "right", torch.float64)


def probabilities(case, weights, decided):
    """Of the decisions, where these layers use these weights (batch,)."""
    logits = decision_logits(reference_logits_given(case.model, case.inputs, weights), case.inputs)
    return logits.softmax(-1).gather(1, decided[:, None])[:, 0]


def directions(weights, rows, count=3):
    """Random ways to change weights (B, H, Q, K) that are positive, in the rows (B, Q) that are selected."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(count):
        noise = torch.randn(weights.shape, generator=generator, dtype=weights.dtype)
        yield noise * (weights > 0) * rows[:, None, :, None]


@torch.no_grad()
def assert_are_finite_differences(case, layer, own, decided, others=None):
    """One layer's gradients against differences of the reference, in which ``own`` (B, H, Q, K) are its weights."""
    key = (layer.selected.site.stack, layer.selected.site.layer)
    rows = layer.rows
    if layer.gradients.shape[2] != own.shape[2]:  # one row, the one that is read
        read = case.attachment.reads[-1]
        numbers = case.real(key[0], "queries").cumsum(-1)
        rows = (numbers == (1 if read == "first" else numbers[:, -1:])) & case.real(key[0], "queries")
    for direction in directions(own, rows):
        up, down = (
            probabilities(case, (others or {}) | {key: own + sign * STEP * direction}, decided) for sign in (1, -1)
        )
        along = direction if layer.gradients.shape[2] == own.shape[2] else direction.sum(2, keepdim=True)
        found = (layer.gradients * along).sum((1, 2, 3))
        torch.testing.assert_close(found, (up - down) / (2 * STEP), rtol=1e-5, atol=1e-8)
    assert layer.gradients.abs().amax() > 1e-4


@pytest.mark.parametrize(("family", "task"), MODELS)
@pytest.mark.samples(4)
def test_gradients_of_one_layer(family, task):
    case = case_in_float64(family, task)
    own = reference_attention(case.model, case.inputs)
    for stack in case.attachment.sites.stacks():
        for layers, query in (("0", "all"), ("last", "auto"), ("last", "all")):
            selected = case.select(f"{stack}:{layers}", query=query)
            for kind in engines_of(case, selected):
                engine = case.engine(kind, selected)
                (layer,) = engine.attended
                assert_are_finite_differences(case, layer, own[stack, layer.selected.site.layer], engine.decision())


@pytest.mark.parametrize(("family", "task"), MODELS)
@pytest.mark.samples(4)
def test_gradients_of_several_layers(family, task):
    """A lower layer's gradient counts what the layers above make of it: they compute their weights anew."""
    case = case_in_float64(family, task)
    own = reference_attention(case.model, case.inputs)
    for stack in case.attachment.sites.stacks():
        selected = case.select(f"{stack}:all", query="all")
        for kind in engines_of(case, selected):
            engine = case.engine(kind, selected)
            assert len(engine.attended) == len(selected)
            for layer in engine.attended:
                assert_are_finite_differences(case, layer, own[stack, layer.selected.site.layer], engine.decision())


@pytest.mark.parametrize(("family", "task"), MODELS)
@pytest.mark.samples(4)
def test_gradients_after_an_erasure(family, task):
    """They are of the first decision's probability, at the weights that are left."""
    case = case_in_float64(family, task)
    for query in ("auto", "all"):
        selected = case.select(query=query)
        some, *_ = token_sets(key_mask(case, selected))
        erased = erased_weights(case, selected, some)
        ((key, _),) = erased.items()
        own = reference_attention(case.model, case.inputs, erased)[key]
        for kind in engines_of(case, selected):
            engine = case.engine(kind, selected)
            (layer,) = engine.attended_after(torch.arange(len(some)), some)
            assert_are_finite_differences(case, layer, own, engine.decision())


@pytest.mark.parametrize(("family", "task"), MODELS)
@pytest.mark.samples(4)
def test_weights_are_those_of_the_reference(family, task):
    case = case_in_float64(family, task)
    for stack in case.attachment.sites.stacks():
        selected = case.select(f"{stack}:all", query="all")
        some, *_ = token_sets(key_mask(case, selected))
        erased = erased_weights(case, selected, some)
        before = reference_attention(case.model, case.inputs)
        after = reference_attention(case.model, case.inputs, erased)
        for kind in engines_of(case, selected):
            engine = case.engine(kind, selected)
            pairs = [(engine.attended, before), (engine.attended_after(torch.arange(len(some)), some), after)]
            for attended, expected in pairs:
                for layer in attended:
                    real = case.real(stack, "queries")
                    own = expected[stack, layer.selected.site.layer]
                    found = layer.weights.transpose(1, 2)[real]
                    torch.testing.assert_close(found, own.transpose(1, 2)[real], rtol=0, atol=1e-9)
