"""Attaching verifies a model, or refuses it with one sentence that says why."""

import re
import warnings

import pytest
import torch
from torch import nn

from attnprobe.attention.attachment import attach
from attnprobe.attention.checks import NONE
from attnprobe.attention.examples import example_inputs
from attnprobe.attention.model_call import ModelCall
from attnprobe.attention.refusals import RefusedError
from attnprobe.attention.selection import select
from attnprobe.base.errors import InputError
from attnprobe.engines.choice import fastest_engine
from attnprobe.settings.attention import AttentionSettings
from tests.fixtures.attached_models import (
    MODELS,
    Case,
    attached,
    decision_logits,
    engines_of,
    erased_weights,
    inputs_of,
    key_mask,
    token_sets,
)
from tests.fixtures.hand_written import DIM, LABELS, Attention, Classifier, documents
from tests.reference.transformers import reference_logits, tiny_model


def refusal(model, inputs=None):
    """The sentence, after seeing that it is one."""
    with pytest.raises(RefusedError) as caught:
        attach(ModelCall(model), documents() if inputs is None else inputs)
    return one_sentence(caught.value)


def one_sentence(error):
    message = str(error)
    assert isinstance(error, InputError)
    assert "\n" not in message
    assert message.endswith(".")
    assert not re.search(r"\. [A-Z]", message)
    return message


@pytest.mark.parametrize(("family", "task"), MODELS)
@pytest.mark.samples(4)
def test_what_was_verified_is_said(family, task):
    case = attached(family, task, "eager" if family == "deberta-v2" else "sdpa")
    checks = dict(case.attachment.checks)
    assert {"an edit that changes nothing", "weights", "gradients", "a real edit"} <= set(checks)
    layers = len(case.attachment.sites.attention)
    assert ("the model's own attentions" in checks) == (family != "torch")
    if family != "torch":
        assert checks["the model's own attentions"] == f"are the weights seen, in {layers} of {layers} layers"
    assert len(case.attachment.reads) == layers
    assert case.attachment.blocks


@pytest.mark.parametrize("factor", [3, 30])
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("family", ["bert", "gpt2"])
@pytest.mark.samples(4)
def test_peaked_attention_is_erased_exactly(family, implementation, factor):
    """Where float32 holds no digit of what an erasure leaves of a row, as in many a trained model."""
    case, exact = (peaked(family, implementation, factor), peaked(family, "sdpa", factor, torch.float64))
    selected = case.select()
    for tokens in token_sets(key_mask(case, selected)):
        logits = reference_logits(exact.model, case.inputs, erased_weights(case, selected, tokens))
        expected = decision_logits(logits, case.inputs)
        for kind in engines_of(case, selected):
            ((_, found),) = case.engine(kind, selected).evaluate(torch.arange(5), tokens)
            torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-3)


def peaked(family, implementation, factor, dtype=torch.float32):
    """The queries of the last layer, and with them the differences of its scores, are so many times larger."""
    model = tiny_model(family, implementation=implementation, dtype=dtype)
    with torch.no_grad():
        if family == "gpt2":
            last = model.transformer.h[-1].attn.c_attn
            last.weight[:, :32] *= factor
            last.bias[:32] *= factor
        else:
            last = model.bert.encoder.layer[-1].attention.self.query
            last.weight *= factor
            last.bias *= factor
    inputs = inputs_of(family, "classification")
    return Case(attach(ModelCall(model), inputs), inputs)


def test_half_precision_is_verified():
    for dtype in (torch.bfloat16, torch.float16):
        model = tiny_model("bert", implementation="sdpa").to(dtype)
        attach(ModelCall(model), inputs_of("bert", "classification"))


def test_attaching_leaves_the_model_as_it_was():
    model, inputs = tiny_model("llama", implementation="sdpa"), inputs_of("llama", "classification")
    parameters = [parameter.clone() for parameter in model.parameters()]
    attach(ModelCall(model), inputs)
    assert model.config._attn_implementation == "sdpa"
    for before, after in zip(parameters, model.parameters(), strict=True):
        assert torch.equal(before, after)
        assert after.requires_grad
        assert after.grad is None


def test_a_layer_that_nobody_reads_is_no_obstacle():
    class Unread(Classifier):
        def forward(self, x, mask):
            read = self.blocks[0](x, mask)
            self.blocks[1](x, mask)
            return self.head(read.mean(1))

    attachment = attach(ModelCall(Unread()), documents())
    assert attachment.reads[1] == NONE
    with pytest.raises(RefusedError) as caught:
        fastest_engine(attachment, select(attachment.sites, AttentionSettings(layers="1")), documents())
    assert "self layer 1 changes nothing" in one_sentence(caught.value)


class Lying(Attention):
    """Shows weights, and goes on without them."""

    def softmax(self, queries, keys, values, mask):
        scores = self.scores(queries, keys, mask)
        torch.softmax(scores, dim=-1)
        shifted = torch.pow(torch.e, scores - scores.amax(-1, keepdim=True))
        return shifted / shifted.sum(-1, keepdim=True) @ values


def test_weights_that_are_shown_and_not_used():
    model = Classifier(("softmax",))
    model.blocks[0].__class__ = Lying
    assert "radient" in refusal(model)


class HalfLying(Attention):
    """Uses the weights in a way that a gradient sees, and an erasure does not."""

    def softmax(self, queries, keys, values, mask):
        scores = self.scores(queries, keys, mask)
        weights = torch.softmax(scores, dim=-1)
        shown = weights - weights.detach()
        shifted = torch.pow(torch.e, scores - scores.amax(-1, keepdim=True))
        return (shifted / shifted.sum(-1, keepdim=True) + shown) @ values


def test_weights_that_only_gradients_go_through():
    model = Classifier(("softmax", "softmax"))
    model.blocks[1].__class__ = HalfLying
    assert refusal(model) == "Erasing attention at blocks.1 does not change the output."


def test_a_model_without_attention():
    class Bag(Classifier):
        def forward(self, x, mask):
            return self.head(x.mean(1))

    assert "no softmax at all" in refusal(Bag())

    class Routed(Classifier):
        def forward(self, x, mask):
            return self.head(x.mean(1)).softmax(-1)

    assert "1 softmaxes, none of which weighs tokens" in refusal(Routed())


COMPILERS = [lambda model: torch.compile(model, backend="eager"), lambda model: model.compile(backend="eager") or model]


@pytest.mark.parametrize("compiled", COMPILERS, ids=["torch.compile", "Module.compile"])
def test_a_compiled_model(compiled):
    assert "without torch.compile" in refusal(compiled(Classifier()))


@pytest.mark.parametrize("compiled", COMPILERS, ids=["torch.compile", "Module.compile"])
def test_a_compiled_part_of_a_model(compiled):
    model = Classifier()
    model.blocks[1] = compiled(model.blocks[1])
    assert "without torch.compile" in refusal(model)


def test_a_scripted_model():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = Classifier()
        inputs = documents()
        traced = torch.jit.trace(model, (inputs["x"], inputs["mask"]), check_trace=False)
        assert "scripted" in refusal(traced)
        model.add_module("head", torch.jit.script(nn.Linear(DIM, LABELS)))
        assert "scripted" in refusal(model)


@pytest.mark.parametrize("name", ["flash_attention_2", "flex_attention", "paged|sdpa", "kernels-community/flash-attn"])
def test_attention_in_which_no_weight_can_be_seen(name):
    model = tiny_model("bert")
    model.config._attn_implementation = name
    assert repr(name) in refusal(model, inputs_of("bert", "classification"))


def test_windowed_attention():
    library = pytest.importorskip("transformers")
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = library.LongformerConfig(vocab_size=100, attention_window=[4, 4], pad_token_id=0, num_labels=3, **sizes)
    model = library.LongformerForSequenceClassification(config).eval()
    assert "of a window around each token" in refusal(model, example_inputs(model))


def test_block_sparse_attention():
    library = pytest.importorskip("transformers")
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = library.BigBirdConfig(vocab_size=100, attention_type="block_sparse", pad_token_id=0, **sizes)
    model = library.BigBirdForSequenceClassification(config).eval()
    assert "block-sparse" in refusal(model, example_inputs(model))


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_logits_that_are_no_numbers(value):
    model = Classifier()
    with torch.no_grad():
        model.head.bias[1] = value
    assert refusal(model) == "Classifier gives NaN or infinite logits."


def test_a_model_that_is_different_each_time():
    class Random(Classifier):
        def forward(self, x, mask):
            return super().forward(x + 0.1 * torch.randn_like(x), mask)

    assert refusal(Random()).startswith("An edit that changes nothing changes the output by")


def test_a_document_that_changes_another():
    class Mixing(Classifier):
        def forward(self, x, mask):
            logits = super().forward(x, mask)
            return logits + logits.mean(0)

    assert "changes the output of another" in refusal(Mixing())


def test_weights_that_are_not_the_models_own():
    model = tiny_model("bert", implementation="sdpa")
    forward = model.forward

    def scaled(*args, **keywords):
        output = forward(*args, **keywords)
        if output.attentions:
            output.attentions = tuple(weights.flip(-1) for weights in output.attentions)
        return output

    model.forward = scaled
    assert "not those that the model itself gives" in refusal(model, inputs_of("bert", "classification"))


@pytest.mark.parametrize(("given", "told"), [(lambda own: own[1:], 2), (lambda own: [own[0].flip(-1)], None)])
def test_a_model_may_give_the_weights_of_some_of_its_layers(given, told):
    """Two of three, as they are; another one that is none of them is refused."""
    model = tiny_model("bert", implementation="sdpa")
    forward = model.forward

    def some(*args, **keywords):
        output = forward(*args, **keywords)
        if output.attentions:
            output.attentions = tuple(given(list(output.attentions)))
        return output

    model.forward = some
    if told is None:
        assert "which are not among them" in refusal(model, inputs_of("bert", "classification"))
    else:
        checks = dict(attach(ModelCall(model), inputs_of("bert", "classification")).checks)
        assert checks["the model's own attentions"] == f"are the weights seen, in {told} of 3 layers"


def test_no_gradient():
    class Hard(Classifier):
        def forward(self, x, mask):
            return super().forward(x, mask).detach()

    assert "radient" in refusal(Hard())


def test_an_output_without_a_decision():
    class Deep(Classifier):
        def forward(self, x, mask):
            return super().forward(x, mask)[:, None, None]

    with pytest.raises(InputError, match="no decision can"):
        attach(ModelCall(Deep()), documents())

    class Named(Classifier):
        def forward(self, x, mask):
            return {"scores": super().forward(x, mask)}

    with pytest.raises(InputError, match="no logits"):
        attach(ModelCall(Named()), documents())
