"""A model as a function: the logits of one row a document."""

import pytest
import torch

from attnprobe.attention.model_call import ModelCall
from tests.fixtures.attached_models import inputs_of
from tests.reference.transformers import tiny_inputs, tiny_model

LENGTHS = [9, 5, 7]


def whole(model, inputs):
    with torch.no_grad():
        return model(**inputs).logits


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_language_model_decides_after_the_last_real_token(family, side):
    model = tiny_model(family, task="language-modelling")
    inputs = tiny_inputs(family, LENGTHS, side, task="language-modelling")
    everything = whole(model, inputs)
    ends = [9, 9, 9] if side == "left" else LENGTHS
    expected = torch.stack([everything[document, end - 1] for document, end in enumerate(ends)])
    with torch.no_grad():
        torch.testing.assert_close(ModelCall(model)(inputs), expected, rtol=0, atol=1e-5)
        words = torch.tensor([7, 3, 50])
        torch.testing.assert_close(ModelCall(model, words)(inputs), expected[:, words], rtol=0, atol=1e-5)


@pytest.mark.parametrize("side", ["right", "left"])
def test_so_does_a_decoder_that_reads_tokens_of_its_own(side):
    model = tiny_model("t5", task="language-modelling")
    inputs = tiny_inputs("t5", LENGTHS, side, task="language-modelling")
    everything = whole(model, inputs)
    expected = torch.stack(
        [row[int(mask.nonzero().max())] for row, mask in zip(everything, inputs["decoder_attention_mask"], strict=True)]
    )
    with torch.no_grad():
        torch.testing.assert_close(ModelCall(model)(inputs), expected, rtol=0, atol=1e-5)


def test_models_are_put_into_evaluation_mode():
    assert not ModelCall(tiny_model("bert").train()).model.training


def test_classifiers_logits_are_their_own():
    model, inputs = tiny_model("roberta"), inputs_of("roberta", "classification")
    with torch.no_grad():
        assert torch.equal(ModelCall(model)(inputs), model(**inputs).logits)
        model.config.return_dict = False
        assert torch.equal(ModelCall(model)(inputs), model(**inputs)[0])
