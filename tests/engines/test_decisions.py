"""Models without a decision about a text get no verdict: `doctor`, `run` and `probe` refuse them."""

import json
from typing import Any

import pytest
import torch
import transformers
from torch import nn
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertForTokenClassification,
    XLMConfig,
    XLMWithLMHeadModel,
)

import attnprobe
from attnprobe.attention.decisions import attach_to_decision
from attnprobe.attention.examples import example_inputs
from attnprobe.attention.model_call import ModelCall
from attnprobe.attention.refusals import RefusedError
from attnprobe.cli import main
from attnprobe.engines.examination import examine
from attnprobe.models.huggingface.loading import decides, load_checkpoint, load_classifier
from tests.fixtures.checkpoints import SIZES, TEXTS, gpt2, save, t5, wordpiece
from tests.fixtures.commands import planted_folder


def bert(name, **settings):
    torch.manual_seed(0)
    config = BertConfig(vocab_size=100, max_position_embeddings=40, initializer_range=0.3, **SIZES, **settings)
    return getattr(transformers, name)(config)


CLASSIFIER = "BertForSequenceClassification"
NO_DECISION: dict[str, Any] = {
    "tokens": ("BertForTokenClassification", {}, "is a token classifier"),
    "answers": ("BertForQuestionAnswering", {}, "is a question answerer"),
    "choices": ("BertForMultipleChoice", {}, "is a multiple-choice model"),
}
ONLY_PRETRAINED: dict[str, Any] = {
    "masked": ("BertForMaskedLM", {}, "is a masked language model"),
    "sentences": ("BertForNextSentencePrediction", {}, "is a next-sentence predictor"),
    "pretraining": ("BertForPreTraining", {}, "has the heads of its pretraining"),
}


class Tagger(BertForTokenClassification):
    """A user's own."""


class Scores(nn.Module):
    """A user's own module, with so many logits a document."""

    def __init__(self, classes):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(16, classes)

    def forward(self, vectors, mask):
        return 10 * self.head(self.encoder(vectors, src_key_padding_mask=~mask)[:, 0])


def one_sentence(text, words):
    assert words in text
    assert "no decision about a text" in text
    assert len(text.splitlines()) == 1
    assert "Traceback" not in text


@pytest.mark.parametrize("case", [*NO_DECISION, *ONLY_PRETRAINED])
def test_probe_refuses(case):
    name, settings, words = (NO_DECISION | ONLY_PRETRAINED)[case]
    with pytest.raises(RefusedError) as refusal:
        attnprobe.probe(bert(name, **settings), wordpiece(), TEXTS)
    one_sentence(str(refusal.value), words)
    assert name in str(refusal.value)


def test_probe_refuses_what_a_user_has_derived():
    config = BertConfig(vocab_size=100, max_position_embeddings=40, **SIZES)
    with pytest.raises(RefusedError, match="Tagger is a token classifier"):
        attnprobe.probe(Tagger(config), wordpiece(), TEXTS)


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_any_module_with_one_logit_is_refused_and_no_other(classes):
    torch.manual_seed(0)
    mask = torch.arange(7) < torch.tensor([[7], [5], [6]])
    batches = [{"vectors": torch.randn(3, 7, 16), "mask": mask}]
    if classes > 1:
        assert len(attnprobe.probe(Scores(classes), batches).documents) == 3
        return
    with pytest.raises(RefusedError, match=r"^Scores gives one logit, .* by the decision one_logit or regression.$"):
        attnprobe.probe(Scores(classes), batches)
    for decision in ("one_logit", "regression"):
        assert len(attnprobe.probe(Scores(classes), batches, decision=decision).documents) == 3


@pytest.fixture
def command(capfd, tmp_path, monkeypatch):
    """Run a command on a checkpoint: (exit status, standard output, standard error)."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def execute(name, make, *rest):
        save(tmp_path / "model", make, wordpiece)
        capfd.readouterr()
        try:
            status = main([name, *rest])
        except SystemExit as left:
            status = left.code
        return status, *capfd.readouterr()

    return execute


@pytest.mark.parametrize("case", NO_DECISION)
def test_doctor_and_run_refuse(command, case, tmp_path):
    name, settings, words = NO_DECISION[case]
    planted_folder(tmp_path / "planted")
    for asked in (("doctor", "model"), ("run", "--model", "hf:model", "--dataset", "planted")):
        status, out, errors = command(asked[0], lambda: bert(name, **settings), *asked[1:])
        assert (status, out) == (2, "")
        one_sentence(errors.strip(), words)
    assert not (tmp_path / "runs").exists()


def test_training_gives_a_head_that_decides(tmp_path):
    """As the refusal says; whatever the checkpoint was for is not handed on to the classifier."""
    settings = {"num_labels": 2, "problem_type": "regression"}
    folder = save(tmp_path / "model", lambda: bert(CLASSIFIER, **settings), wordpiece)
    classifier = load_classifier(load_checkpoint(str(folder)), ["a", "b", "c"], seed=0)
    classifier.save_pretrained(tmp_path / "trained")
    assert decides(str(tmp_path / "trained"))
    assert attach_to_decision(ModelCall(classifier), example_inputs(classifier)).classes == 3
    assert json.loads((tmp_path / "trained" / "config.json").read_text()).get("problem_type") is None


def test_a_checkpoint_with_no_head_but_its_pretrainings_is_examined_with_a_new_one(command):
    for name, settings, _ in ONLY_PRETRAINED.values():
        status, out, errors = command("doctor", lambda: bert(name, **settings), "model")  # noqa: B023 - made at once
        assert (status, errors) == (0, "")
        assert "none yet" in out


def bart():
    sizes = {"d_model": 16, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "init_std": 0.3}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_layers": 1, "decoder_layers": 1}
    return BartForConditionalGeneration(BartConfig(vocab_size=100, max_position_embeddings=40, **sizes, **heads))


def xlm(causal):
    return XLMWithLMHeadModel(XLMConfig(vocab_size=100, emb_dim=16, n_layers=1, n_heads=2, causal=causal))


@pytest.mark.parametrize("make", [lambda: bert(CLASSIFIER), gpt2, t5, bart, lambda: xlm(causal=True)])
@pytest.mark.samples(2)
def test_what_decides_is_not_refused(make):
    torch.manual_seed(0)
    seen = examine(make(), decision=True)
    assert seen.refusal is None


def test_what_two_lists_have_is_what_its_configuration_says():
    assert "masked language model" in examine(xlm(causal=False), decision=True).refusal


@pytest.mark.parametrize("name", ["BertForMaskedLM", "BertForTokenClassification"])
def test_attention_without_a_decision_can_still_be_seen_and_edited(name):
    model = bert(name)
    inputs = example_inputs(model)
    assert examine(model).refusal is None
    attached = attnprobe.AttachedModel(model, inputs)
    with torch.no_grad(), attached.capturing() as captured:
        model(**inputs)
    assert len(captured) == 2
    with pytest.raises(attnprobe.RefusedError, match="it has no decision about a text"):
        attached.first_flip(inputs, torch.zeros(1, 1, dtype=torch.long))


@pytest.mark.parametrize(
    "wrong", [{"id2label": 7}, {"problem_type": ["regression"]}, {"architectures": [{}]}, {"architectures": [None]}]
)
def test_a_configuration_may_say_anything(tmp_path, wrong):
    folder = save(tmp_path / "model", lambda: bert(CLASSIFIER), wordpiece)
    said = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(said | wrong))
    assert decides(str(folder)) == ("architectures" not in wrong)
