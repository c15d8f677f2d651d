"""What is seen and edited in transformers of eight families is what the slow reference computes by hand."""

from functools import cache

import pytest
import torch

from attnprobe.attention.calls import intercepting, observing
from attnprobe.attention.sites import recognise
from attnprobe.attention.taps import Capture, Erase, Tap, Use
from tests.reference.transformers import (
    TASKS,
    attention_keys,
    reference_attention,
    reference_logits,
    reference_logits_given,
    tiny_inputs,
    tiny_model,
)

LENGTHS = [11, 9, 11, 7, 10]
MODELS = [(family, task) for family, tasks in TASKS.items() for task in tasks]
RIGHT = [(family, task, "eager" if family == "deberta-v2" else "sdpa", "right") for family, task in MODELS]
LEFT = [(family, task, "eager", "left") for family, task in MODELS if family != "deberta-v2"]
CASES = RIGHT + LEFT


@cache
def sites_of(family, task, implementation, side):
    """The model, a batch, and its sites by the reference's keys."""
    model = tiny_model(family, task=task, implementation=implementation)
    inputs = tiny_inputs(family, LENGTHS, side, task=task)
    with torch.no_grad(), observing(model) as observed:
        model(**inputs)
    target = inputs["decoder_input_ids"].shape[1] if family == "t5" else None
    found = recognise(model, observed, len(LENGTHS), (inputs["input_ids"].shape[1], target))
    assert not found.foreign
    return model, inputs, {(site.stack, site.layer): site for site in found.attention}


@torch.no_grad()
def run(model, inputs, sites, taps, *, by_mask=True):
    with intercepting(model, dict(sites[key].tapped(tap, by_mask=by_mask) for key, tap in taps.items())):
        output = model(**inputs)
    return output if isinstance(output, torch.Tensor) else output.logits


def at_real_tokens(logits, inputs):
    if logits.dim() == 2:
        return logits
    return logits[inputs.get("decoder_attention_mask", inputs["attention_mask"]).bool()]


def real_queries(inputs, key):
    return inputs["decoder_attention_mask" if key[0] in ("decoder", "cross") else "attention_mask"].bool()


def assert_same(found, expected, inputs):
    torch.testing.assert_close(at_real_tokens(found, inputs), at_real_tokens(expected, inputs), rtol=0, atol=1e-5)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_as_many_attentions_are_found_as_there_are_layers(case):
    model, _, sites = sites_of(*case)
    assert set(sites) == set(attention_keys(model))
    assert {site.heads for site in sites.values()} == {4}
    assert {site.extra for site in sites.values()} == {0}
    assert {site.fused for site in sites.values()} == {case[0] == "torch" or case[2] == "sdpa"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_changes_nothing_leaves_the_logits(case):
    model, inputs, sites = sites_of(*case)
    untouched = run(model, inputs, sites, {})
    nothing = torch.zeros(1, 1, 1, 1, dtype=torch.bool)
    for make in (Tap, Capture, lambda: Erase(nothing)):
        for by_mask in (True, False):
            edited = run(model, inputs, sites, {key: make() for key in sites}, by_mask=by_mask)
            assert_same(edited, untouched, inputs)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_captures_are_the_weights_of_the_reference(case):
    model, inputs, sites = sites_of(*case)
    taps = {key: Capture() for key in sites}
    run(model, inputs, sites, taps)
    for key, expected in reference_attention(model, inputs).items():
        real = real_queries(inputs, key)
        found = taps[key].weights
        assert found.shape == expected.shape
        torch.testing.assert_close(found.transpose(1, 2)[real], expected.transpose(1, 2)[real], rtol=0, atol=1e-5)


def erasures(model, inputs):
    """Masks of the reference, by key: one head, one row, all rows, everything of a row, several layers at once."""
    generator = torch.Generator().manual_seed(5)
    shapes = {key: weights.shape for key, weights in reference_attention(model, inputs).items()}
    random = {key: torch.rand(shape, generator=generator) < 0.5 for key, shape in shapes.items()}
    for key, mask in random.items():
        head = torch.zeros_like(mask)
        head[:, 2] = mask[:, 2]
        first, last = torch.zeros_like(mask), torch.zeros_like(mask)
        rows = real_queries(inputs, key).nonzero()
        for document in range(len(mask)):
            mine = rows[rows[:, 0] == document, 1]
            first[document, :, mine[0]], last[document, :, mine[-1]] = mask[document, :, mine[0]], True
        yield from ({key: one} for one in (head, mask, first, last, torch.ones_like(mask)))
    yield random


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.samples(6)
def test_erasing_by_mask_and_by_hand_is_that_of_the_reference(case):
    model, inputs, sites = sites_of(*case)
    plain = at_real_tokens(run(model, inputs, sites, {}), inputs)
    for erased in erasures(model, inputs):
        expected = reference_logits(model, inputs, erased)
        for by_mask in (True, False):
            taps = {key: Erase(mask) for key, mask in erased.items()}
            found = run(model, inputs, sites, taps, by_mask=by_mask)
            assert_same(found, expected, inputs)
            assert torch.equal(at_real_tokens(found, inputs).argmax(-1), at_real_tokens(expected, inputs).argmax(-1))
    assert (at_real_tokens(found, inputs) - plain).abs().max() > 1e-3  # in all layers at once


@pytest.mark.parametrize("case", RIGHT, ids=str)
def test_given_weights_are_used(case):
    model, inputs, sites = sites_of(*case)
    weights = reference_attention(model, inputs)
    generator = torch.Generator().manual_seed(6)
    for key, own in weights.items():
        noise = own * torch.rand(own.shape, generator=generator)
        given = noise / noise.sum(-1, keepdim=True).clamp(min=1e-9)
        found = run(model, inputs, sites, {key: Use(given)})
        assert_same(found, reference_logits_given(model, inputs, {key: given}).detach(), inputs)
