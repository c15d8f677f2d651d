import pytest
import torch

pytest.importorskip("transformers")

from transformers import (
    BertModel,
    FNetConfig,
    FNetForSequenceClassification,
    LongformerConfig,
    LongformerForSequenceClassification,
    MambaConfig,
    MambaForCausalLM,
)

from attnprobe.cli import main
from tests.fixtures.checkpoints import SIZES, bert, gpt2, save, t5
from tests.fixtures.commands import attnprobe


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def doctor(capsys):
    """(exit status, standard output, standard error)."""

    def run(model):
        capsys.readouterr()  # saving draws a progress bar
        try:
            status = main(["doctor", str(model)])
        except SystemExit as exit:
            status = exit.code
        return status, *capsys.readouterr()

    return run


def classifier():
    return bert(classifier=True, initializer_range=0.3)


def longformer():
    return LongformerForSequenceClassification(LongformerConfig(vocab_size=100, attention_window=4, **SIZES))


def fnet():
    config = FNetConfig(vocab_size=100, hidden_size=16, num_hidden_layers=2, intermediate_size=16)
    return FNetForSequenceClassification(config)


def mamba():
    return MambaForCausalLM(MambaConfig(vocab_size=100, hidden_size=16, num_hidden_layers=2, state_size=4))


@pytest.mark.slow
def test_as_a_command_without_a_tokenizer(tmp_path):
    save(tmp_path / "bert", classifier)
    status, output, errors = attnprobe("doctor", "bert", cwd=tmp_path)
    assert status == 0, errors
    assert output.splitlines()[-1] == "verified"
    assert errors == ""


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (classifier, ["BertForSequenceClassification", "sequence classification", "single row", "replay"]),
        (gpt2, ["GPT2LMHeadModel", "causal language model", "last"]),
        (t5, ["T5ForConditionalGeneration", "sequence-to-sequence", "encoder", "decoder", "cross"]),
    ],
)
@pytest.mark.samples(1)
def test_verified(doctor, tmp_path, model, named):
    status, output, errors = doctor(f"hf:{save(tmp_path / 'model', model)}")
    assert (status, errors) == (0, "")
    assert output.splitlines()[-1] == "verified"
    for words in named:
        assert words in output


def test_a_model_without_a_head_is_examined_with_a_new_one(doctor, tmp_path):
    status, output, _ = doctor(save(tmp_path / "base", lambda: BertModel(classifier().config)))
    assert status == 0
    assert "BertForSequenceClassification" in output
    assert "none yet" in output


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (longformer, "LongformerSelfAttention"),
        (fnet, "no softmax attention over tokens"),
        (mamba, "no softmax attention over tokens"),
    ],
)
def test_refused(doctor, tmp_path, model, reason):
    status, output, errors = doctor(save(tmp_path / "model", model))
    assert (status, errors) == (2, "")
    last = output.splitlines()[-1]
    assert last.startswith("refused: ")
    assert reason in last


def test_a_missing_folder(doctor, tmp_path):
    status, output, errors = doctor(tmp_path / "nowhere")
    assert (status, output) == (2, "")
    assert len(errors.splitlines()) == 1
    assert "nowhere" in errors


def test_the_model_is_not_changed(doctor, tmp_path):
    folder = save(tmp_path / "bert", classifier)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    torch.manual_seed(1)
    doctor(folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
