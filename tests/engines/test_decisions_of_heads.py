"""What heads decide that choose no class: recognised, and erased in as a hand-written attention says it."""

import math
from typing import Any

import pandas as pd
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, GPT2Config, LlamaConfig
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

import attnprobe
from attnprobe.attention.decisions import own_decision
from attnprobe.base.errors import InputError
from tests.fixtures.checkpoints import SIZES, TEXTS, byte_level, wordpiece

SHORT = ["word0 word1 plantedpos .", "café naïve words", "pieces of words", "naïve words . café of word1"]
LABELS = {0: "toxic", 1: "threat", 2: "insult"}


class ByHand:
    """Attention of one document without padding, written out: zero what is erased, renormalise what remains."""

    def __init__(self, layers: int, chosen: str, erased: list[int]) -> None:
        self.layers, self.chosen, self.erased, self.calls = layers, chosen, erased, 0

    def __call__(
        self, module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float | None = None, **_: Any
    ) -> Any:
        layer, self.calls = self.calls % self.layers, self.calls + 1
        groups = query.shape[1] // key.shape[1]
        key, value = (each.repeat_interleave(groups, 1) for each in (key, value))
        scores = query @ key.mT * (scaling or query.shape[-1] ** -0.5)
        if module.is_causal:
            scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1) > 0, -torch.inf)
        weights = scores.softmax(-1)
        if self.chosen == "all" or layer == self.layers - 1:
            kept = weights.clone()
            kept[..., self.erased] = 0
            total = kept.sum(-1, keepdim=True)
            weights = kept / torch.where(total == 0, 1.0, total)
        return (weights @ value).transpose(1, 2), weights


def whole_words() -> Any:
    """Words between [CLS] and [SEP], the same in each process, which pieces that a tokenizer is trained to are not."""
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    words = [*names.values(), *sorted({word for text in SHORT for word in text.split()})]
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    ends = [(name, words.index(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


def made(kind: str, attention: str, **settings: Any) -> Any:
    """(model, tokenizer): padded right, padded left, and with grouped queries."""
    torch.manual_seed(1)
    settings |= {"initializer_range": 0.4, "attn_implementation": attention}
    if kind == "bert":
        config = BertConfig(vocab_size=100, max_position_embeddings=40, **SIZES, **settings)
        return transformers.BertForSequenceClassification(config).eval(), whole_words()
    tokenizer = byte_level()
    tokenizer.pad_token, tokenizer.padding_side = tokenizer.eos_token, "left"
    if kind == "gpt2":
        sizes: dict[str, Any] = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 128, "pad_token_id": 0}
        return transformers.GPT2ForSequenceClassification(GPT2Config(vocab_size=300, **sizes, **settings)).eval(), (
            tokenizer
        )
    sizes = SIZES | {"num_attention_heads": 4, "num_key_value_heads": 2, "pad_token_id": 0}
    config = LlamaConfig(vocab_size=300, max_position_embeddings=128, **sizes, **settings)
    return transformers.LlamaForSequenceClassification(config).eval(), tokenizer


@torch.no_grad()
def logits_by_hand(model: Any, tokenizer: Any, text: str, chosen: str, erased: list[int]) -> list[float]:
    """Of one text whose tokens of these places are erased."""
    attention = ByHand(model.config.num_hidden_layers, chosen, erased)
    ALL_ATTENTION_FUNCTIONS.register("by_hand", attention)
    before = model.config._attn_implementation
    try:
        model.config._attn_implementation = "by_hand"
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        logits: list[float] = model(input_ids=ids).logits[0].tolist()
        return logits
    finally:
        model.config._attn_implementation = before
        assert attention.calls == attention.layers


def sigmoid(number: float) -> float:
    return 1 / (1 + math.exp(-number))


DECISIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "class": ({"num_labels": 3}, {}),
    "one_logit": ({"num_labels": 1}, {"decision": "one_logit", "threshold": 0.1}),
    "multi_label": ({"num_labels": 3, "problem_type": "multi_label_classification"}, {"threshold": 0.05}),
    "regression": ({"num_labels": 1}, {"tolerance": 0.05}),
}


def decided_by_hand(decision: str, logits: list[float], whole: list[float]) -> tuple[int, float, float]:
    """The number of what is decided, its probability and its logit; of a regression whether it has left."""
    if decision == "class":
        first = max(range(3), key=lambda place: whole[place])
        now = max(range(3), key=lambda place: logits[place])
        return now, math.exp(logits[first]) / sum(map(math.exp, logits)), logits[first]
    if decision == "one_logit":
        sign = 1 if whole[0] > 0.1 else -1
        return int(logits[0] > 0.1), sigmoid(sign * logits[0]), sign * logits[0]
    if decision == "regression":
        return int(abs(logits[0] - whole[0]) > 0.05), math.nan, logits[0]
    p = 1.0
    for now, first in zip(logits, whole, strict=True):
        p *= sigmoid(now if first > 0.05 else -now)
    return sum(2**place for place, logit in enumerate(logits) if logit > 0.05), p, math.nan


def columns_of_curve(result: Any, document: int, ordering: str) -> pd.DataFrame:
    rows = result.curves
    return rows[(rows["document"] == document) & (rows["ordering"] == ordering) & (rows["draw"] == 0)]


@pytest.mark.parametrize(
    ("kind", "attention"), [("bert", "sdpa"), ("bert", "eager"), ("gpt2", "sdpa"), ("llama", "eager")]
)
@pytest.mark.parametrize("decision", DECISIONS)
def test_engines_decide_as_attention_written_out(kind, attention, decision):
    """Every prefix of two orderings: probability and logit within 1e-5, and the first flip the same."""
    settings, asked = DECISIONS[decision]
    chosen = "all" if decision in ("one_logit", "multi_label") else "last"
    model, tokenizer = made(kind, attention, **settings)
    result = attnprobe.probe(model, tokenizer, SHORT, layers=chosen, curves=True, **asked)
    assert result.meaning.decision == decision
    flipped = 0
    for document, text in enumerate(SHORT):
        items = result.items[result.items["document"] == document]
        whole = logits_by_hand(model, tokenizer, text, chosen, [])
        first = decided_by_hand(decision, whole, whole)[0]
        for ordering in ("attention", "gradient"):
            places = items["position"].to_numpy()[items[f"rank_{ordering}"].to_numpy().argsort()].tolist()
            prefixes = [logits_by_hand(model, tokenizer, text, chosen, places[:k]) for k in range(len(places) + 1)]
            found = [decided_by_hand(decision, logits, whole) for logits in prefixes]
            curve = columns_of_curve(result, document, ordering)
            expected = pd.DataFrame(found, columns=["number", "probability", "logit"])
            for column in ("probability", "logit"):
                assert curve[column].tolist() == pytest.approx(expected[column].tolist(), abs=1e-5, nan_ok=True)
            rows = result.erasures[
                (result.erasures["document"] == document) & (result.erasures["ordering"] == ordering)
            ]
            removed = next((k for k, each in enumerate(found) if each[0] != first), -1)
            assert rows["removed"].item() == removed
            flipped += removed > 0
            if decision == "multi_label":  # and each label by itself, but for what changes with nothing left
                for label in range(3):
                    signs = [logits[label] > 0.05 for logits in prefixes[:-1]]
                    alone = next((k for k, sign in enumerate(signs) if sign != signs[0]), -1)
                    assert rows[f"removed_label_{label}"].item() == alone
    assert flipped


def classifier(**settings):
    return made("bert", "sdpa", **settings)[0]


@pytest.mark.parametrize(
    ("settings", "decision"),
    [
        ({"num_labels": 1}, "regression"),
        ({"num_labels": 1, "problem_type": "multi_label_classification"}, "one_logit"),
        ({"num_labels": 3, "problem_type": "multi_label_classification"}, "multi_label"),
        ({"num_labels": 2}, "class"),
        ({"num_labels": 2, "problem_type": "single_label_classification"}, "class"),
    ],
)
def test_a_head_says_what_it_decides(settings, decision):
    assert own_decision(classifier(**settings)) == decision


def test_nothing_flips_of_a_number_but_it_moves():
    result = attnprobe.probe(classifier(num_labels=1), wordpiece(), TEXTS)
    assert (result.erasures["removed"] == -1).all()
    assert not result.erasures["emptied"].any()
    assert result.documents["p_decision"].isna().all()
    assert result.items["js"].isna().all()
    curve = columns_of_curve(result, 0, "attention")["logit"]
    assert curve.nunique() > 5
    assert "there is no decision that could flip" in result._repr_html_()


def test_one_logit_is_two_logits_of_which_one_is_zero():
    """A sigmoid's decision is that of a softmax over (0, z): same flips, probabilities and divergences."""
    one = classifier(num_labels=1)
    two = classifier(num_labels=2)
    state = {name: value for name, value in one.state_dict().items() if not name.startswith("classifier.")}
    weight, bias = one.classifier.weight.detach(), one.classifier.bias.detach()
    state |= {"classifier.weight": torch.cat([0 * weight, weight]), "classifier.bias": torch.cat([0 * bias, bias])}
    two.load_state_dict(state)
    a = attnprobe.probe(one, wordpiece(), TEXTS, decision="one_logit")
    b = attnprobe.probe(two, wordpiece(), TEXTS)
    for table, columns in (
        ("documents", ["decision", "p_decision", "output_entropy"]),
        ("items", ["js", "flips", "gradient"]),
    ):
        for column in columns:
            assert getattr(a, table)[column].tolist() == pytest.approx(getattr(b, table)[column].tolist(), abs=1e-6)
    assert a.erasures["removed"].tolist() == b.erasures["removed"].tolist()


@pytest.mark.parametrize(
    ("settings", "asked", "words"),
    [
        ({"num_labels": 1}, {"decision": "class"}, "its decision is regression, and not class"),
        ({"num_labels": 2}, {"decision": "one_logit"}, "gives 2 logits, and the decision one_logit is for 1"),
        (
            {"num_labels": 2},
            {"threshold": 1},
            "threshold is for the decision one_logit or multi_label, and not for class",
        ),
        ({"num_labels": 1}, {"tolerance": -1}, "tolerance is -1.0, but a finite number above 0 is needed"),
        ({"num_labels": 1}, {"threshold": math.nan, "decision": "one_logit"}, "but a finite number is needed"),
        ({"num_labels": 32, "problem_type": "multi_label_classification"}, {}, "is for 1 to 31"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(settings, asked, words):
    with pytest.raises(InputError) as refusal:
        attnprobe.probe(classifier(**settings), wordpiece(), TEXTS, **asked)
    assert words in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1
