"""What vouches for the slow reference: with nothing erased it is the untouched model, and it erases what it is told."""

import pytest
import torch
from torch import nn

from tests.reference.attention_forwards import erase_rows
from tests.reference.transformers import (
    TASKS,
    attention_keys,
    reference_attention,
    reference_logits,
    reference_logits_given,
    tiny_inputs,
    tiny_model,
    visible_keys,
)

MODELS = [(family, task) for family, tasks in TASKS.items() for task in tasks]
PADDED = [
    (*model, side) for model in MODELS for side in ("right", "left") if (model[0], side) != ("deberta-v2", "left")
]
LENGTHS = [9, 4, 6, 2]


def untouched_logits(model, inputs):
    with torch.no_grad():
        output = model(**inputs)
    return output if isinstance(output, torch.Tensor) else output.logits


def at_real_tokens(logits, inputs):
    """Logits (B, classes) as they are; of those at every position (B, Q, vocabulary) only the ones of real tokens."""
    if logits.dim() == 2:
        return logits
    return logits[inputs.get("decoder_attention_mask", inputs["attention_mask"]).bool()]


def queries_of(inputs, stack):
    """True at the rows of real tokens (B, Q)."""
    name = "decoder_attention_mask" if stack in ("decoder", "cross") else "attention_mask"
    return inputs[name].bool()


def erasures(model, inputs, share=0.5, seed=0):
    """A random share of all weights of all layers."""
    generator = torch.Generator().manual_seed(seed)
    weights = reference_attention(model, inputs)
    return {key: torch.rand(own.shape, generator=generator) < share for key, own in weights.items()}


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize(("family", "task", "side"), PADDED)
def test_with_nothing_erased_it_is_the_untouched_model(family, task, side, implementation):
    inputs = tiny_inputs(family, LENGTHS, side, task=task)
    model = tiny_model(family, task=task, implementation=implementation)
    expected = at_real_tokens(untouched_logits(model, inputs), inputs)
    found = at_real_tokens(reference_logits(model, inputs, {}), inputs)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert (expected.std(0) > 0.02).all()  # documents differ, so that agreeing means something


@pytest.mark.parametrize(("family", "task", "side"), PADDED)
def test_with_nothing_erased_it_is_the_untouched_model_in_float64(family, task, side):
    inputs = tiny_inputs(family, LENGTHS, side, task=task)
    model = tiny_model(family, task=task, dtype=torch.float64, implementation="sdpa")
    expected = at_real_tokens(untouched_logits(model, inputs), inputs)
    found = at_real_tokens(reference_logits(model, inputs, {}), inputs)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def attention_of_the_model_itself(model, inputs):
    """What the model hands out, by key."""
    if not hasattr(model, "config"):
        return weights_of_multihead_attention(model, inputs)
    with torch.no_grad():
        output = model(**inputs, output_attentions=True)
    names = {"self": "attentions", "encoder": "encoder_attentions", "decoder": "decoder_attentions"}
    names["cross"] = "cross_attentions"
    found = {}
    for stack in {stack for stack, _ in attention_keys(model)}:
        for layer, weights in enumerate(getattr(output, names[stack])):
            found[stack, layer] = weights
    return found


def weights_of_multihead_attention(model, inputs):
    found, hooks = {}, []
    wanted = {"need_weights": True, "average_attn_weights": False}
    for number, layer in enumerate(model.encoder.layers):
        ask = layer.self_attn.register_forward_pre_hook(lambda _, args, kw: (args, kw | wanted), with_kwargs=True)
        keep = layer.self_attn.register_forward_hook(lambda _, args, out, n=number: found.update({("self", n): out[1]}))
        hooks += [ask, keep]
    model(**inputs)
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize(("family", "task", "side"), PADDED)
def test_attention_is_what_the_model_itself_hands_out(family, task, side):
    inputs = tiny_inputs(family, LENGTHS, side, task=task)
    model = tiny_model(family, task=task)
    expected = attention_of_the_model_itself(model, inputs)
    found = reference_attention(model, inputs)
    assert list(found) == attention_keys(model)
    assert set(found) == set(expected)
    for key, weights in found.items():
        real = queries_of(inputs, key[0])
        rows = weights.transpose(1, 2)[real]
        torch.testing.assert_close(rows, expected[key].transpose(1, 2)[real], rtol=0, atol=1e-5)
        assert rows.amax(-1).mean() > 1.2 * (1 / visible_keys(model, inputs, key[0])[real].sum(-1)).mean()


@pytest.mark.parametrize(("family", "task", "side"), PADDED)
def test_erased_weights_are_zero_and_rows_keep_their_sums(family, task, side):
    inputs = tiny_inputs(family, LENGTHS, side, task=task)
    model = tiny_model(family, task=task)
    erased = erasures(model, inputs)
    for mask in erased.values():
        mask[:, 0, 0] = True  # a whole row
    for key, weights in reference_attention(model, inputs, erased).items():
        visible = visible_keys(model, inputs, key[0])[:, None].expand_as(weights)
        assert (weights[erased[key]] == 0).all()
        assert (weights[~visible] == 0).all()
        left = visible & ~erased[key]
        assert (weights[left] > 0).all()
        torch.testing.assert_close(weights.sum(-1), left.any(-1).float(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("family", "task"), MODELS)
@pytest.mark.samples(4)
def test_every_layer_and_head_matters_and_nothing_below_is_touched(family, task):
    inputs = tiny_inputs(family, LENGTHS, task=task)
    model = tiny_model(family, task=task)
    plain, attention = reference_logits(model, inputs, {}), reference_attention(model, inputs)
    everything = erasures(model, inputs)
    for key in attention_keys(model):
        for head in range(4):
            only = torch.zeros_like(everything[key])
            only[:, head] = everything[key][:, head]
            difference = at_real_tokens(reference_logits(model, inputs, {key: only}) - plain, inputs)
            assert difference.abs().max() > 1e-3
        changed = reference_attention(model, inputs, {key: only})
        others = [h for h in range(4) if h != head]
        assert torch.equal(changed[key][:, others], attention[key][:, others])
        for lower in range(key[1]):
            assert torch.equal(changed[key[0], lower], attention[key[0], lower])


@pytest.mark.parametrize(("family", "task"), MODELS)
@pytest.mark.samples(4)
def test_erasures_flip_decisions(family, task):
    inputs = tiny_inputs(family, [7] * 40, task=task)
    model = tiny_model(family, task=task)
    before = at_real_tokens(reference_logits(model, inputs, {}), inputs).argmax(-1)
    after = at_real_tokens(reference_logits(model, inputs, erasures(model, inputs)), inputs).argmax(-1)
    assert 0.1 < (before != after).float().mean() < 0.9


def erase_second_token(model, inputs, heads):
    """The second real token of every document among the keys, in some heads of every layer."""
    masks = {}
    for key, weights in reference_attention(model, inputs).items():
        name = "decoder_attention_mask" if key[0] == "decoder" else "attention_mask"
        second = (inputs[name].cumsum(-1) == 2) & (inputs[name] == 1)
        masks[key] = torch.zeros_like(weights, dtype=torch.bool)
        masks[key][:, heads] = second[:, None, None, :]
    return masks


# Elsewhere absolute positions move with left padding, or the head reads the first position.
@pytest.mark.parametrize(
    ("family", "task", "side"), [case for case in PADDED if case[2] == "right" or case[0] in ("gpt2", "llama", "t5")]
)
def test_padding_and_batching_change_nothing(family, task, side):
    inputs = tiny_inputs(family, LENGTHS, side, task=task)
    model = tiny_model(family, task=task, dtype=torch.float64, implementation="sdpa")
    together = reference_logits(model, inputs, erase_second_token(model, inputs, [0, 2]))
    for row in range(len(LENGTHS)):
        alone = {}
        for name, tensor in inputs.items():
            real = inputs["decoder_attention_mask" if name.startswith("decoder") else "attention_mask"][row].bool()
            alone[name] = tensor[row, real][None]
        logits = reference_logits(model, alone, erase_second_token(model, alone, [0, 2]))
        expected = at_real_tokens(together[row : row + 1], {name: t[row : row + 1] for name, t in inputs.items()})
        torch.testing.assert_close(at_real_tokens(logits, alone), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("family", "task"), [model for model in MODELS if model[0] != "t5" and not model[1].startswith("mean")]
)
def test_rows_that_see_only_themselves_make_the_other_tokens_irrelevant(family, task):
    inputs = tiny_inputs(family, [6, 6], task=task)
    other = dict(inputs, input_ids=inputs["input_ids"].roll(1, 0))
    place = -1 if family in ("gpt2", "llama") else 0  # what the head reads stays
    other["input_ids"][:, place] = inputs["input_ids"][:, place]
    model = tiny_model(family, task=task, dtype=torch.float64, implementation="sdpa")
    erased = {key: ~torch.eye(6, dtype=torch.bool).expand(2, 4, 6, 6) for key in attention_keys(model)}

    def read(batch, masks):
        logits = reference_logits(model, batch, masks)
        return logits if logits.dim() == 2 else logits[:, place]

    torch.testing.assert_close(read(inputs, erased), read(other, erased), rtol=0, atol=1e-10)
    assert (read(inputs, {}) - read(other, {})).abs().max() > 0.1


def test_without_cross_attention_the_decoder_of_t5_does_not_know_the_document():
    inputs = tiny_inputs("t5", [6, 6], task="language-modelling")
    other = dict(inputs, input_ids=inputs["input_ids"].roll(1, 0))
    model = tiny_model("t5", task="language-modelling")
    cross = {key: torch.ones(2, 4, 4, 6, dtype=torch.bool) for key in attention_keys(model) if key[0] == "cross"}
    assert torch.equal(reference_logits(model, inputs, cross), reference_logits(model, other, cross))
    assert not torch.equal(reference_logits(model, inputs, {}), reference_logits(model, other, {}))


@pytest.mark.parametrize(("family", "task"), MODELS)
def test_given_weights_are_used_and_gradients_are_finite_differences(family, task):
    inputs = tiny_inputs(family, [5, 3], task=task)
    model = tiny_model(family, task=task, dtype=torch.float64, implementation="sdpa")
    erased = erasures(model, inputs)
    weights = reference_attention(model, inputs, erased)
    given = reference_logits_given(model, inputs, weights)
    torch.testing.assert_close(given, reference_logits(model, inputs, erased), rtol=0, atol=1e-12)
    for key in attention_keys(model):
        free = weights[key].clone().requires_grad_()
        logit = reference_logits_given(model, inputs, {key: free})[0].flatten()[0]
        (gradient,) = torch.autograd.grad(logit, free)
        place = torch.unravel_index(gradient.abs().argmax(), gradient.shape)
        assert gradient[place].abs() > 1e-3
        step = torch.zeros_like(free)
        step[place] = 1e-5
        with torch.no_grad():
            up, down = (
                reference_logits_given(model, inputs, {key: weights[key] + sign * step})[0].flatten()[0]
                for sign in (1, -1)
            )
        torch.testing.assert_close(gradient[place], (up - down) / 2e-5, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("family", list(TASKS))
def test_the_model_is_as_before_also_after_an_exception(family):
    model, inputs = tiny_model(family), tiny_inputs(family, LENGTHS)
    before = untouched_logits(model, inputs)
    own = [set(vars(module)) for module in model.modules()]
    reference_logits(model, inputs, erasures(model, inputs))
    top = attention_keys(model)[-1]
    with pytest.raises(ValueError, match="shape"):  # raised in the middle of the forward
        reference_logits(model, inputs, {top: torch.zeros(1, 1, 1, 1, dtype=torch.bool)})
    assert [set(vars(module)) for module in model.modules()] == own
    assert torch.equal(untouched_logits(model, inputs), before)


def test_a_forward_that_a_module_already_had_comes_back():
    model, inputs = tiny_model("torch"), tiny_inputs("torch", LENGTHS)
    model.encoder.forward = own = nn.TransformerEncoder.forward.__get__(model.encoder)
    reference_logits(model, inputs, {})
    assert model.encoder.forward is own


def test_a_layer_that_is_not_there_is_refused():
    model, inputs = tiny_model("torch"), tiny_inputs("torch", LENGTHS)
    with pytest.raises(ValueError, match="no attention layer"):
        reference_logits(model, inputs, {("self", 3): torch.zeros(4, 4, 9, 9, dtype=torch.bool)})


def test_rescaling_keeps_the_sum_that_the_row_had():
    weights = torch.tensor([[[[0.5, 0.25, 0.25], [0.5, 0.1, 0.2], [0.2, 0.3, 0.5], [0.0, 0.0, 0.0]]]])
    erased = torch.tensor([[[[True, False, False], [True, False, False], [True, True, True], [True, False, False]]]])
    expected = torch.tensor([[[[0, 0.5, 0.5], [0, 0.8 / 3, 1.6 / 3], [0, 0, 0], [0, 0, 0]]]])
    torch.testing.assert_close(erase_rows(weights, erased), expected)


def test_seeds_make_the_model_and_the_documents():
    first, same, other = tiny_model("torch", 1), tiny_model("torch", 1), tiny_model("torch", 2)
    pairs = zip(first.parameters(), same.parameters(), other.parameters(), strict=True)
    assert all(torch.equal(a, b) and not torch.equal(a, c) for a, b, c in pairs)
    short, long = tiny_inputs("torch", [3, 3], seed=5), tiny_inputs("torch", [3, 8], seed=5)
    assert torch.equal(short["input_ids"][0], long["input_ids"][0, :3])
    assert not torch.equal(short["input_ids"], tiny_inputs("torch", [3, 3], seed=6)["input_ids"])
