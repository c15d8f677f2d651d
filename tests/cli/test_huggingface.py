"""Hugging Face models at the command line, up to the trained model."""

import json

import pytest
import safetensors.torch

pytest.importorskip("transformers")

from attnprobe.cli import main
from attnprobe.training import Trainer
from tests.fixtures.checkpoints import bert, byte_level, exchange_two_tensors, gpt2, roberta, save, wordpiece
from tests.fixtures.commands import attnprobe


@pytest.fixture(autouse=True)
def _here(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def command(capfd, tmp_path):
    """Run a command in this process: its exit status, what it says, what it says on standard error."""

    def run(*arguments):
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        assert not [path for path in tmp_path.rglob(".*") if path.is_file()]
        return status, *capfd.readouterr()

    return run


@pytest.fixture
def refused(command):
    """The one sentence with which a command is refused."""

    def run(*arguments):
        status, _, errors = command(*arguments)
        assert status == 2, errors
        assert errors.startswith("attnprobe: ")
        assert errors.count("\n") == 1, errors
        return errors

    return run


@pytest.fixture
def train(command, planted):
    """Train on planted documents: what is said, and the run's folder."""

    def run(model, *arguments):
        status, out, errors = command("train", "--dataset", planted, "--model", f"hf:{model}", *arguments)
        assert status == 0, errors
        assert errors == ""
        return out, planted.parent / "runs" / "planted" / f"hf-{model.name}" / "seed-0"

    return run


@pytest.fixture
def run_on(refused, planted):
    """The sentence with which a run on planted documents is refused."""

    def run(model, *arguments, command="run"):
        return refused(command, "--dataset", planted, "--model", f"hf:{model}", *arguments)

    return run


@pytest.fixture
def tiny(tmp_path):
    return save(tmp_path / "tiny", lambda: bert(max_positions=200), wordpiece)


def test_fine_tuning_writes_a_checkpoint_that_transformers_loads(train, tiny):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    out, folder = train(tiny, "--epochs", "2", "--unit", "word", "--layers", "all")
    assert "best dev accuracy" in out
    config = json.loads((folder / "config.json").read_text())
    assert config["unit"] == "word"
    assert config["settings"]["model"] == f"hf:{tiny}"
    assert config["settings"]["attention"]["layers"] == "all"
    assert config["settings"]["training"] | {"epochs": 3} == {
        "epochs": 3,
        "patience": 2,
        "learning_rate": 1e-4,
        "batch_documents": 32,
        "batch_tokens": 16384,
        "gradient_norm": 1.0,
        "gradient_value": None,
    }
    assert config["checkpoint"]["name"] == "tiny"
    assert config["versions"]["transformers"]
    assert len((folder / "training.csv").read_text().splitlines()) == 3
    assert not (folder / "training-state.safetensors").exists()
    model = AutoModelForSequenceClassification.from_pretrained(folder / "model")
    assert model.config.id2label == {0: "neg", 1: "pos"}
    assert AutoTokenizer.from_pretrained(folder / "model")("word1")["input_ids"][0] == model.config.pad_token_id + 2


def test_training_again_reuses_and_force_starts_over(train, tiny):
    _, folder = train(tiny, "--epochs", "1")
    before = {path.name: path.read_bytes() for path in (folder / "model").iterdir()}
    again, _ = train(tiny, "--epochs", "1")
    assert "finished before, reusing" in again
    forced, _ = train(tiny, "--epochs", "1", "--force")
    assert "finished before" not in forced
    assert {path.name: path.read_bytes() for path in (folder / "model").iterdir()} == before


def test_the_run_is_the_same_wherever_its_checkpoint_lies(train, planted, tiny):
    train(tiny, "--epochs", "1")
    moved = tiny.rename(planted.parent / "elsewhere")
    (planted.parent / "tiny").symlink_to(moved)
    again, _ = train(tiny, "--epochs", "1")
    assert "finished before, reusing" in again


def test_an_interrupted_fine_tuning_goes_on(train, command, planted, tiny, monkeypatch):
    run_epoch = Trainer.run_epoch

    def stopped_in_the_third(trainer, *arguments):
        if len(trainer.progress.epochs) == 2:
            raise KeyboardInterrupt
        return run_epoch(trainer, *arguments)

    train(tiny, "--epochs", "4", "--out", "whole")
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "run_epoch", stopped_in_the_third)
        status, _, _ = command("train", "--dataset", planted, "--model", f"hf:{tiny}", "--epochs", "4")
    assert status == 130
    folder = planted.parent / "runs" / "planted" / "hf-tiny" / "seed-0"
    assert (folder / "training-state.safetensors").exists()
    assert not (folder / "model").exists()
    again, _ = train(tiny, "--epochs", "4")
    assert "resuming after epoch 2 of 4" in again
    resumed, uninterrupted = (
        safetensors.torch.load_file(planted.parent / out / "planted" / "hf-tiny" / "seed-0/model/model.safetensors")
        for out in ("runs", "whole")
    )
    assert all((resumed[name] == uninterrupted[name]).all() for name in uninterrupted)


def test_the_command_itself(planted, tiny):
    arguments = ("--dataset", planted, "--model", f"hf:{tiny}", "--epochs", "1")
    status, out, errors = attnprobe("train", *arguments, cwd=planted.parent)
    assert (status, errors) == (0, "")
    assert "best dev accuracy" in out


def test_documents_that_do_not_fit_are_counted(train, tmp_path):
    short = save(tmp_path / "short", lambda: bert(max_positions=12), wordpiece)
    out, _ = train(short, "--epochs", "1")
    assert "train documents are longer than the model takes: they are cut to 12 tokens" in out


def test_a_model_that_decides_is_not_trained_by_a_run(train, run_on, tmp_path):
    causal = save(tmp_path / "causal", gpt2, byte_level)
    assert "is tested as it is, and not trained" in run_on(causal, "--epochs", "2")
    classifier = save(tmp_path / "classifier", lambda: bert(classifier=True), wordpiece)
    train(classifier, "--epochs", "1")
    assert "with the model fine-tuned, not as it is" in run_on(classifier)


@pytest.mark.parametrize("given", ["--layers all", "--greedy", "--label-words good,bad", "--head-map-documents 5"])
def test_attention_arguments_for_another_model(refused, planted, given):
    sentence = refused("run", "--dataset", planted, "--model", "flan-rnn", *given.split())
    assert f"{given.split()[0]} is not for the model flan-rnn" in sentence


def test_word2vec_is_not_for_pretrained_models(run_on, tiny):
    assert "--word2vec is not for the model hf:" in run_on(tiny, "--word2vec")


def test_checkpoints_that_cannot_be_used(run_on, planted, tmp_path):
    assert "hub cannot be reached" in run_on("nobody/nothing")
    assert "no config.json" in run_on(planted)
    bare = save(tmp_path / "bare", roberta)
    assert "has no tokenizer" in run_on(bare, command="train")
    (bare / "model.safetensors").rename(bare / "pytorch_model.bin")
    assert "only pickled weights" in run_on(bare)


def test_a_checkpoint_that_has_changed(train, run_on, tiny):
    train(tiny, "--epochs", "1")
    save(tiny, lambda: bert(max_positions=200), seed=1)
    assert "made with another checkpoint" in run_on(tiny, "--epochs", "1", command="train")


def test_an_index_that_leads_to_other_weights_is_another_checkpoint(train, run_on, tmp_path):
    sharded = tmp_path / "sharded"
    bert(max_positions=200).save_pretrained(sharded, max_shard_size="8KB")
    wordpiece().save_pretrained(sharded)
    train(sharded, "--epochs", "1")
    exchange_two_tensors(sharded)
    assert "made with another checkpoint" in run_on(sharded, "--epochs", "1", command="train")


def test_a_trained_model_that_has_changed(train, run_on, tiny):
    _, folder = train(tiny, "--epochs", "1")
    with (folder / "model" / "model.safetensors").open("ab") as file:
        file.write(b"more")
    assert "files have changed" in run_on(tiny, "--epochs", "1", command="train")
