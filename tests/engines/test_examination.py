import pytest
import torch
from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    FNetConfig,
    FNetForSequenceClassification,
    GptOssConfig,
    GptOssForCausalLM,
    LongformerConfig,
    LongformerForSequenceClassification,
)

from attnprobe.attention.examples import example_inputs
from attnprobe.engines.choice import REPLAY, SINGLE_ROW
from attnprobe.engines.examination import BEHIND_SOFTMAX, BY_MASK, UNFUSED, examine
from attnprobe.reports.examination import examination_text
from tests.reference.transformers import tiny_model

SIZES = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 50}


def bert(layers=3, **settings):
    torch.manual_seed(0)
    config = BertConfig(num_hidden_layers=layers, initializer_range=0.3, **SIZES, **settings)
    return BertForSequenceClassification(config)


def test_an_encoder_reads_all_rows_but_in_the_last_layer_the_first_alone():
    seen = examine(bert())
    assert seen.refusal is None
    assert [layer.reads for layer in seen.layers] == ["all", "all", "first"]
    assert [layer.erasure.engine for layer in seen.layers] == [REPLAY, REPLAY, SINGLE_ROW]
    assert [layer.site.heads for layer in seen.layers] == [2, 2, 2]
    assert all(layer.shape == (seen.documents, 2, seen.lengths[0], seen.lengths[0]) for layer in seen.layers)


def test_an_erasure_costs_the_blocks_above_it_or_one_token_of_the_last():
    seen = examine(bert())
    tokens = seen.lengths[0]
    assert seen.block_calls == 3
    shares = [layer.erasure.share for layer in seen.layers]
    assert shares == pytest.approx([1, 2 / 3, 1 / (3 * tokens)])


@pytest.mark.parametrize(
    ("family", "task", "implementation", "way"),
    [
        ("bert", "classification", "eager", BEHIND_SOFTMAX),
        ("bert", "classification", "sdpa", BY_MASK),
        ("deberta-v2", "classification", "eager", BEHIND_SOFTMAX),
        ("t5", "language-modelling", "sdpa", UNFUSED),  # its mask is taken by a bias
    ],
)
@pytest.mark.samples(2)
def test_the_way_in_is_that_of_the_implementation(family, task, implementation, way):
    seen = examine(tiny_model(family, 0, task, implementation=implementation))
    assert seen.refusal is None
    assert {layer.way_in for layer in seen.layers if layer.site.stack != "cross"} == {way}


def test_stacks_are_told_apart():
    seen = examine(tiny_model("t5", 0, "language-modelling"))
    stacks = [(layer.site.stack, layer.site.layer) for layer in seen.layers]
    assert stacks == [("encoder", 0), ("encoder", 1), *[(s, n) for n in (0, 1) for s in ("decoder", "cross")]]
    assert seen.lengths[1] is not None


def test_sinks_are_columns_beside_the_tokens():
    torch.manual_seed(0)
    config = GptOssConfig(
        num_hidden_layers=2, head_dim=8, num_local_experts=2, num_experts_per_tok=1, num_key_value_heads=2, **SIZES
    )
    seen = examine(GptOssForCausalLM(config))
    assert seen.refusal is None
    assert [layer.site.extra for layer in seen.layers] == [1, 1]
    assert "sinks" in examination_text(seen, "causal language model")


def test_nothing_of_it_remains():
    model = bert().eval()
    model(**example_inputs(model), output_attentions=True)  # transformers installs hooks of its own for good at this
    implementation, parameters = model.config._attn_implementation, [p.clone() for p in model.parameters()]
    hooks = [(list(m._forward_hooks), list(m._forward_pre_hooks)) for m in model.modules()]
    examine(model)
    assert model.config._attn_implementation == implementation
    assert all(p.requires_grad and torch.equal(p, q) for p, q in zip(model.parameters(), parameters, strict=True))
    assert all(p.grad is None for p in model.parameters())
    assert [(list(m._forward_hooks), list(m._forward_pre_hooks)) for m in model.modules()] == hooks
    assert not any("forward" in vars(module) for module in model.modules())


def fnet():
    sizes = {name: size for name, size in SIZES.items() if name != "num_attention_heads"}
    return FNetForSequenceClassification(FNetConfig(num_hidden_layers=2, **sizes))


def longformer():
    return LongformerForSequenceClassification(LongformerConfig(num_hidden_layers=2, attention_window=4, **SIZES))


def flash_only():
    model = bert()
    model.config._attn_implementation = "flash_attention_2"
    return model


def broken():
    model = bert()
    model.bert.encoder.layer[1].forward = None
    return model


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (fnet, "no softmax attention over tokens"),
        (longformer, "LongformerSelfAttention at longformer.encoder.layer.0.attention.self"),
        (flash_only, "'flash_attention_2'"),
        (lambda: torch.compile(bert(), backend="eager"), "is compiled"),
        (broken, "cannot be run on tokens alone: TypeError"),
    ],
)
def test_a_refusal_is_one_sentence_that_says_why(make, sentence):
    seen = examine(make())
    assert sentence in seen.refusal
    assert seen.refusal.endswith(".")
    assert "\n" not in seen.refusal
    assert examination_text(seen, "").splitlines()[-1] == f"refused: {seen.refusal}"
    assert not any(layer.erasure for layer in seen.layers)


def test_a_windowed_model_is_described_as_far_as_it_was_seen():
    seen = examine(longformer())
    assert {found.module for found in seen.foreign} == {"LongformerSelfAttention"}
    assert "LongformerSelfAttention" in examination_text(seen, "").partition("refused")[0]


class Copying(nn.Module):
    """Around a model: what attention it shows is computed for show, beside what it says."""

    def __init__(self, model):
        super().__init__()
        self.model, self.show, self.config = model, bert(), model.config

    def forward(self, input_ids, attention_mask):
        self.show(input_ids, attention_mask)
        return self.model(input_ids, attention_mask)


def test_attention_without_influence_is_refused():
    seen = examine(Copying(fnet_on_masks()))
    assert seen.refusal == "No gradient flows from the output to the attention weights."
    assert len(seen.layers) == 3


def fnet_on_masks():
    class Ignoring(nn.Module):
        def __init__(self):
            super().__init__()
            self.fnet = fnet()
            self.config = self.fnet.config

        def forward(self, input_ids, attention_mask):
            return self.fnet(input_ids)

    return Ignoring()


def test_the_text_names_every_layer_check_and_engine():
    seen = examine(bert())
    text = examination_text(seen, "sequence classification")
    assert text.splitlines()[-1] == "verified"
    for layer in seen.layers:
        assert str(layer.site.place) in text
        assert f"{layer.erasure.share:.3f}" in text
    for check in seen.checks:
        assert check.name in text
        assert check.seen in text
    assert f"{seen.parameters:,}" in text
    assert "sequence classification" in text
