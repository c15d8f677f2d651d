"""All attention of a run of the model, as it is kept to be looked at."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("transformers")

from attnprobe.engines.attention_maps import read_maps
from attnprobe.runs.attention_codes import STEPS, as_codes, as_text, from_text, weights_of
from tests.fixtures.attached_models import attached

OUTPUTS = {
    "self": "attentions",
    "encoder": "encoder_attentions",
    "decoder": "decoder_attentions",
    "cross": "cross_attentions",
}


@pytest.mark.parametrize(
    ("family", "task", "implementation"),
    [("bert", "classification", "sdpa"), ("gpt2", "language-modelling", "eager"), ("t5", "language-modelling", "sdpa")],
)
def test_maps_are_what_the_model_itself_says_that_it_attends_to(family, task, implementation):
    case = attached(family, task, implementation)
    model = attached(family, task, "eager").model
    with torch.no_grad():
        told = model(**case.inputs, output_attentions=True)
    seen: dict[str, list[Any]] = {}
    for each in read_maps(case.attachment, case.inputs):
        seen.setdefault(each.stack, []).append(each.weights)
    assert len([layer for layers in seen.values() for layer in layers]) == len(case.attachment.sites.attention)
    for stack, layers in seen.items():
        expected = told[OUTPUTS[stack]]
        assert len(layers) == len(expected)
        for found, of_model in zip(layers, expected, strict=True):
            queries = case.real(stack, "queries")[:, None, :, None].expand_as(found)
            torch.testing.assert_close(found[queries], of_model[queries], rtol=0, atol=1e-6)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_a_weight_is_off_by_no_more_than_its_square_root_over_the_number_of_steps(weights):
    exact = np.array(weights)
    kept = weights_of(as_codes(exact))
    # Half a step of the root r, up or down, moves its square by r/255 and the square of half a step.
    assert (np.abs(kept - exact) <= np.sqrt(exact) / STEPS + (0.5 / STEPS) ** 2 + 1e-12).all()
    assert ((exact[:, None] <= exact) <= (kept[:, None] <= kept)).all(), "the order of weights is kept"


@given(st.integers(1, 7), st.integers(1, 7))
def test_codes_survive_being_written_as_text(queries, keys):
    codes = np.random.default_rng(queries * keys).integers(0, 256, (queries, keys)).astype(np.uint8)
    assert (from_text(as_text(codes), queries, keys) == codes).all()
    assert from_text(as_text(codes), queries + 1, keys) is None
    assert from_text(as_text(codes) + "!", queries, keys) is None
