"""After a context a model is as it was: no hook, no mode, no patched forward, no switch, no gradient flag; always."""

import contextlib
import threading

import pytest
import torch
from torch import nn
from torch.overrides import _get_current_function_mode_stack

from attnprobe.attention.blocks import Needed, recording, replaying
from attnprobe.attention.calls import Place, Tapped, intercepting, observing
from attnprobe.attention.edited_runs import frozen
from attnprobe.attention.layouts import Layout
from attnprobe.attention.taps import Capture, CaptureValues, Erase, StopModel, Tap
from tests.fixtures.hand_written import Classifier, documents
from tests.reference.transformers import tiny_inputs, tiny_model

LAYOUT = Layout(softmax=3, query=2, batch=0, heads=2)
BLOCKS = {"blocks.0", "blocks.1"}


@pytest.fixture
def model():
    model = Classifier()
    model.head.weight.requires_grad_(False)
    return model


def state(model):
    """All that a context could leave behind."""
    everywhere = nn.modules.module
    return {
        "hooks": [
            (
                len(m._forward_hooks),
                len(m._forward_pre_hooks),
                len(m._forward_hooks_always_called),
                len(m._backward_hooks),
            )
            for m in model.modules()
        ],
        "all hooks": [len(everywhere._global_forward_hooks), len(everywhere._global_forward_pre_hooks)],
        "attributes": [set(vars(module)) for module in model.modules()],
        "forwards": [module.forward for module in model.modules()],
        "modes": list(_get_current_function_mode_stack()),
        "fast path": torch.backends.mha.get_fastpath_enabled(),
        "free": [parameter.requires_grad for parameter in model.parameters()],
        "gradients": torch.is_grad_enabled(),
        "softmax": (
            torch.softmax,
            nn.functional.softmax,
            torch.Tensor.softmax,
            nn.functional.scaled_dot_product_attention,
        ),
    }


class FailingError(Exception):
    pass


class Fail(Tap):
    ignores_projections = True

    def edit(self, weights, scores):
        raise FailingError


def tapped(tap):
    return {Place("blocks.1", 0): Tapped(tap, LAYOUT)}


@contextlib.contextmanager
def replay(model, inputs, fail):
    with recording(model, BLOCKS, Needed(frozenset({1}), frozenset({0}))) as record:
        model(**inputs)
    with replaying(model, record, 1, torch.arange(5), 5), intercepting(model, tapped(Fail() if fail else Tap())):
        yield


@contextlib.contextmanager
def record(model, inputs, fail):
    with recording(model, BLOCKS), intercepting(model, tapped(Fail() if fail else Tap())):
        yield


@contextlib.contextmanager
def intercept(model, inputs, fail):
    with intercepting(model, tapped(Fail() if fail else Tap())):
        yield


@contextlib.contextmanager
def freeze(model, inputs, fail):
    with frozen(model), intercepting(model, tapped(Fail() if fail else Tap())):
        assert not any(parameter.requires_grad for parameter in model.parameters())
        yield


@pytest.mark.parametrize("fail", [False, True])
@pytest.mark.parametrize("context", [intercept, record, replay, freeze])
def test_nothing_survives_a_context(model, context, fail):
    inputs = documents()
    before, logits = state(model), model(**inputs)
    if fail:
        with pytest.raises(FailingError), context(model, inputs, fail):
            model(**inputs)
    else:
        with context(model, inputs, fail):
            assert state(model) != before
            model(**inputs)
    assert state(model) == before
    assert torch.equal(model(**inputs), logits)


def test_a_stopped_model_is_as_before(model):
    inputs, tap = documents(), CaptureValues()
    before = state(model)
    with intercepting(model, tapped(tap)), contextlib.suppress(StopModel):
        model(**inputs)
    assert tap.weights is not None
    assert tap.values is not None
    assert state(model) == before


def test_an_exception_inside_does_not_confuse_the_next_run(model):
    inputs, tap = documents(), Capture()
    broken = dict(inputs, x=inputs["x"][..., :5])
    with observing(model) as observed, intercepting(model, tapped(tap)):
        with pytest.raises(RuntimeError):
            model(**broken)
        observed.clear()
        model(**inputs)
    assert tap.weights is not None
    assert [one.place for one in observed] == [Place("blocks.0", 0), Place("blocks.1", 0)]


def test_runs_in_one_context_are_counted_alike(model):
    inputs = documents()
    with observing(model) as observed:
        model(**inputs)
        model(**inputs)
    assert [one.place for one in observed] == [Place("blocks.0", 0), Place("blocks.1", 0)] * 2


def test_a_forward_that_a_block_already_had_comes_back(model):
    inputs = documents()
    own = model.blocks[1].forward
    model.blocks[1].forward = own
    with recording(model, BLOCKS):
        model(**inputs)
    assert vars(model.blocks[1])["forward"] is own
    assert "forward" not in vars(model.blocks[0])


@pytest.mark.parametrize("enabled", [True, False])
def test_the_fast_path_is_off_inside_and_as_before_after(enabled):
    model, inputs = tiny_model("torch"), tiny_inputs("torch", [6, 6])
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(enabled)
    try:
        with torch.no_grad(), observing(model) as observed:
            assert not torch.backends.mha.get_fastpath_enabled()
            model(**inputs)
        assert len(observed) == 3
        assert torch.backends.mha.get_fastpath_enabled() == enabled
        with pytest.raises(FailingError), observing(model):
            raise FailingError
        assert torch.backends.mha.get_fastpath_enabled() == enabled
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def in_another_thread(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def test_another_threads_run_is_not_intercepted(model):
    inputs = documents()
    plain = model(**inputs)
    everything = Erase(torch.ones(1, 1, 1, 1, dtype=torch.bool))
    with observing(model) as observed, intercepting(model, tapped(everything)):
        other = in_another_thread(lambda: model(**inputs))
        assert observed == []
        mine = model(**inputs)
    assert torch.equal(other, plain)
    assert not torch.equal(mine, plain)


def test_another_threads_run_does_not_disturb_ours(model):
    """It stands in the middle of the model while we run it, twice, and goes on afterwards."""
    inputs = documents()
    inside, go_on = threading.Event(), threading.Event()
    ours = threading.get_ident()

    def wait(_module, _inputs):
        if threading.get_ident() != ours:
            inside.set()
            go_on.wait(120)

    hook = model.blocks[1].project.register_forward_pre_hook(wait)
    tap = Capture()
    with observing(model) as observed, intercepting(model, tapped(tap)):
        thread = threading.Thread(target=lambda: model(**inputs))
        thread.start()
        inside.wait(120)
        try:
            model(**inputs)
            tap.weights = None
            model(**inputs)
        finally:
            go_on.set()
            thread.join()
        model(**inputs)
    hook.remove()
    assert tap.weights is not None
    assert [one.place for one in observed] == [Place("blocks.0", 0), Place("blocks.1", 0)] * 3
