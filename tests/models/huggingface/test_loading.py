import json
import logging
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers

from attnprobe.base.errors import InputError
from attnprobe.models.huggingface.checkpoint_content import content_hash, locate
from attnprobe.models.huggingface.loading import decides, load_checkpoint, load_classifier
from attnprobe.models.huggingface.pieces import encode_documents
from attnprobe.models.huggingface.sequences import UNLIMITED, longest_sequence, model_inputs, settle_padding
from attnprobe.settings.checkpoint_names import canonical, short_name
from tests.fixtures.checkpoints import MODELS, TEXTS, bert, byte_level, gpt2, roberta, save, t5, unigram, wordpiece
from tests.fixtures.commands import TIMEOUT, environment
from tests.fixtures.plain_texts import documents_of


def refusal(reference, **keywords):
    """The one sentence with which a checkpoint is refused."""
    with pytest.raises(InputError) as raised:
        load_checkpoint(str(reference), **keywords)
    sentence = str(raised.value)
    assert "\n" not in sentence
    assert sentence.endswith((".", "[hf]'."))
    return sentence


@pytest.fixture
def folder(tmp_path):
    return save(tmp_path / "tiny", bert, wordpiece)


def change_config(folder, **entries):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


TASKS = {"bert": "base", "roberta": "masked", "gpt2": "causal", "t5": "seq2seq"}


@pytest.mark.parametrize("name", list(MODELS))
def test_a_checkpoint_is_loaded_as_what_it_was_trained_for(tmp_path, name):
    model, tokenizer = MODELS[name]
    folder = save(tmp_path / name, model, tokenizer)
    checkpoint = load_checkpoint(str(folder))
    assert checkpoint.task == TASKS[name]
    assert decides(str(folder)) == (TASKS[name] in ("classification", "causal", "seq2seq"))
    assert checkpoint.name == name
    assert not checkpoint.model.training
    torch.manual_seed(0)
    expected = model().state_dict()
    for key, tensor in checkpoint.model.state_dict().items():
        assert torch.equal(tensor, expected[key]), key
    assert checkpoint.tokenizer.pad_token_id == checkpoint.model.config.pad_token_id is not None


def test_the_padding_is_the_models_unless_that_is_text(tmp_path):
    special = load_checkpoint(str(save(tmp_path / "special", lambda: roberta(padding=1), wordpiece)))
    assert special.tokenizer.pad_token_id == special.model.config.pad_token_id == 1
    text = load_checkpoint(str(save(tmp_path / "text", lambda: roberta(padding=60), wordpiece)))
    assert (text.tokenizer.pad_token_id, text.model.config.pad_token_id) == (0, 60)
    assert len(text.tokenizer.all_special_ids) == len(wordpiece().all_special_ids)


def test_a_classifier_keeps_its_head_and_its_labels(tmp_path):
    folder = save(tmp_path / "c", lambda: bert(classifier=True, id2label={0: "neg", 1: "pos", 2: "mixed"}), wordpiece)
    checkpoint = load_checkpoint(str(folder))
    assert checkpoint.task == "classification"
    assert checkpoint.model.config.id2label == {0: "neg", 1: "pos", 2: "mixed"}
    same = load_classifier(checkpoint, ["neg", "pos", "mixed"], seed=3)
    assert torch.equal(same.classifier.weight, checkpoint.model.classifier.weight)
    other = load_classifier(checkpoint, ["a", "b"], seed=3)
    assert other.classifier.weight.shape == (2, 16)


def test_half_precision_is_loaded_in_single(tmp_path):
    folder = save(tmp_path / "half", lambda: bert().half(), wordpiece)
    assert load_checkpoint(str(folder)).model.dtype == torch.float32


@pytest.mark.parametrize("name", list(MODELS))
def test_a_new_head_is_drawn_by_the_seed_alone(tmp_path, name):
    checkpoint = load_checkpoint(str(save(tmp_path / name, *MODELS[name])))
    drawn = torch.random.get_rng_state()
    first, again, other = (load_classifier(checkpoint, ["a", "b", "c"], seed) for seed in (5, 5, 6))
    assert torch.equal(drawn, torch.random.get_rng_state())
    assert first.config.id2label == {0: "a", 1: "b", 2: "c"}
    states = [model.state_dict() for model in (first, again, other)]
    assert all(torch.equal(tensor, states[1][key]) for key, tensor in states[0].items())
    assert any(not torch.equal(tensor, states[2][key]) for key, tensor in states[0].items())
    inputs = encode_documents(documents_of(*TEXTS), checkpoint.tokenizer, 40).batch(np.arange(3))
    assert first(**model_inputs(first, inputs)).logits.shape == (3, 3)


def test_names_say_where_and_what(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    assert canonical("hf:tiny") == f"hf:{folder}"
    assert canonical("hf:org/name") == "hf:org/name"
    assert short_name("tiny") == short_name(str(folder)) == "tiny"
    assert short_name("org/na me") == "org-na_me"
    assert short_name("/runs/seed-0/model") == "seed-0-model"


def test_a_content_hash_tells_weights_and_configurations_apart(tmp_path, folder):
    same = save(tmp_path / "same", bert, wordpiece)
    other = save(tmp_path / "other", bert, wordpiece, seed=1)
    assert content_hash(folder) == content_hash(same) != content_hash(other)
    change_config(same, hidden_act="relu")
    assert content_hash(folder) != content_hash(same)


def test_a_model_that_is_not_there(tmp_path):
    assert "hub cannot be reached" in refusal("nobody/nothing")
    assert "cannot be an id" in refusal("no id at all!")
    assert "no config.json" in refusal(tmp_path)


def test_transformers_is_missing_or_old(monkeypatch, folder):
    monkeypatch.setattr("transformers.__version__", "4.57.1")
    assert "transformers 5 or newer, and 4.57.1" in refusal(folder)
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert "pip install 'attnprobe[hf]'" in refusal(folder)
    assert "pip install 'attnprobe[hf]'" in refusal("nobody/nothing")


def test_pickled_weights_are_left_alone(folder):
    (folder / "model.safetensors").unlink()
    assert "holds no weights" in refusal(folder)
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    assert "only pickled weights" in refusal(folder)


def test_an_unknown_architecture(folder):
    change_config(folder, model_type="nonesuch")
    assert "does not know, nonesuch." in refusal(folder)
    change_config(folder, auto_map={"AutoModel": "code.Model"})
    (folder / "code.py").write_text("raise SystemExit('foreign code has been run')")
    assert "never run" in refusal(folder)
    (folder / "config.json").write_text("{half a config")
    assert "config.json is not a model's configuration" in refusal(folder)


def test_weights_that_are_corrupt_incomplete_or_of_another_shape(folder):
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    tensors = safetensors.torch.load_file(weights)
    change_config(folder, intermediate_size=17)
    assert "not of the shapes" in refusal(folder)
    change_config(folder, intermediate_size=16)
    weights.write_bytes(whole[:-50])
    assert "not whole safetensors files" in refusal(folder)
    del tensors["encoder.layer.1.attention.self.key.weight"]
    safetensors.torch.save_file(tensors, weights, {"format": "pt"})
    assert "lacks 1 weights, such as encoder.layer.1" in refusal(folder)


def test_a_pooler_that_was_never_trained_may_be_missing(folder):
    weights = folder / "model.safetensors"
    tensors = safetensors.torch.load_file(weights)
    kept = {name: tensor for name, tensor in tensors.items() if "pooler" not in name}
    assert len(kept) < len(tensors)
    safetensors.torch.save_file(kept, weights, {"format": "pt"})
    assert load_checkpoint(str(folder)).task == "base"


@pytest.mark.parametrize("model", [bert, roberta, gpt2, t5])
def test_a_tokenizer_is_missing(tmp_path, model):
    folder = save(tmp_path / "bare", model)
    assert "has no tokenizer" in refusal(folder)
    assert load_checkpoint(str(folder), tokenizer_needed=False).tokenizer is None


def test_a_tokenizer_of_another_model(folder):
    byte_level().save_pretrained(folder)
    assert "is not the model's: it makes tokens up to number" in refusal(folder)


def test_a_corrupt_tokenizer(folder):
    (folder / "tokenizer.json").write_text("{")
    assert "tokenizer of" in refusal(folder)


def test_an_architecture_without_classifier_cannot_be_fine_tuned(tmp_path):
    folder = save(tmp_path / "x", lambda: transformers.ViTModel(tiny_vision()), wordpiece)
    checkpoint = load_checkpoint(str(folder))
    with pytest.raises(InputError, match="no sequence classifier of its architecture, vit"):
        load_classifier(checkpoint, ["a", "b"], 0)


def tiny_vision():
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    return transformers.ViTConfig(image_size=8, patch_size=4, **sizes)


def test_how_long_a_sequence_may_be(tmp_path):
    limits = {"bert": 40, "roberta": 40, "gpt2": 40, "t5": UNLIMITED}
    for name, limit in limits.items():
        checkpoint = load_checkpoint(str(save(tmp_path / name, *MODELS[name])))
        assert longest_sequence(checkpoint.model, checkpoint.tokenizer) == limit, name
        checkpoint.tokenizer.model_max_length = 7
        assert longest_sequence(checkpoint.model, checkpoint.tokenizer) == 7


@pytest.mark.parametrize("name", ["bert", "roberta", "gpt2"])
def test_the_longest_sequence_can_be_read_and_no_longer_one(tmp_path, name):
    checkpoint = load_checkpoint(str(save(tmp_path / name, *MODELS[name])))
    longest = longest_sequence(checkpoint.model, checkpoint.tokenizer)
    documents = documents_of(" ".join(["word1"] * 100))
    fits = encode_documents(documents, checkpoint.tokenizer, longest).batch(np.array([0]))
    checkpoint.model(**model_inputs(checkpoint.model, fits))
    beyond = encode_documents(documents, checkpoint.tokenizer, longest + 1).batch(np.array([0]))
    with pytest.raises((IndexError, RuntimeError)):
        checkpoint.model(**model_inputs(checkpoint.model, beyond))


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", list(MODELS))
def test_padding_changes_no_logits(tmp_path, name, side):
    checkpoint = load_checkpoint(str(save(tmp_path / name, *MODELS[name])))
    checkpoint.tokenizer.padding_side = side
    model = load_classifier(checkpoint, ["a", "b", "c"], seed=0)
    assert checkpoint.tokenizer.padding_side == ("left" if (name, side) == ("gpt2", "left") else "right")
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    encoded = encode_documents(documents_of(*TEXTS, "word1"), checkpoint.tokenizer, 40)
    with torch.no_grad():
        together = model(**model_inputs(model, encoded.batch(np.arange(4)))).logits
        for row in range(4):
            alone = model(**model_inputs(model, encoded.batch(np.array([row])))).logits
            torch.testing.assert_close(together[row], alone[0], rtol=1e-5, atol=1e-5)


def test_a_side_is_found_where_padding_changes_nothing(tmp_path):
    sizes = {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 16}
    last = transformers.XLNetConfig(vocab_size=100, **sizes)
    checkpoint = load_checkpoint(
        str(save(tmp_path / "x", lambda: transformers.XLNetForSequenceClassification(last), unigram))
    )
    assert checkpoint.tokenizer.padding_side == "left"
    assert longest_sequence(checkpoint.model, checkpoint.tokenizer) == UNLIMITED
    takes_padding_for_text = transformers.GPT2Config(
        vocab_size=300, n_embd=16, n_layer=1, n_head=2, pad_token_id=7, bos_token_id=0, eos_token_id=0
    )
    classifier = save(
        tmp_path / "y", lambda: transformers.GPT2ForSequenceClassification(takes_padding_for_text), byte_level
    )
    assert load_checkpoint(str(classifier)).tokenizer.padding_side == "left"


class CountsPadding(torch.nn.Module):
    """A classifier whose logits tell how wide a batch is."""

    config = transformers.BertConfig(max_position_embeddings=40)
    device = torch.device("cpu")

    def forward(self, input_ids, attention_mask):
        width = torch.full((len(input_ids),), float(input_ids.shape[1]))
        return SimpleNamespace(logits=torch.stack([width, -width], dim=1))


def test_a_model_that_padding_changes_on_either_side_is_refused():
    with pytest.raises(InputError, match="CountsPadding cannot be tested: padding changes its logits"):
        settle_padding(CountsPadding(), wordpiece())


def test_a_refusal_of_padding_names_the_checkpoint(tmp_path, monkeypatch):
    folder = save(tmp_path / "classifier", lambda: bert(classifier=True), wordpiece)

    def refuse(model, tokenizer):
        settle_padding(CountsPadding(), tokenizer)

    monkeypatch.setattr("attnprobe.models.huggingface.loading.settle_padding", refuse)
    with pytest.raises(InputError, match="padding changes its logits") as refused:
        load_checkpoint(str(folder))
    assert str(refused.value).startswith(f"{folder}: ")


def test_loading_is_quiet_and_leaves_the_volume_as_it_was(tmp_path, capfd, folder):
    transformers.logging.set_verbosity_info()
    capfd.readouterr()
    load_classifier(load_checkpoint(str(folder)), ["a", "b"], 0)
    assert capfd.readouterr() == ("", "")
    assert transformers.logging.get_verbosity() == logging.INFO
    transformers.logging.set_verbosity_warning()


def test_importing_attnprobe_imports_no_transformers():
    code = (
        "import sys, attnprobe.models.huggingface.loading, attnprobe.models.huggingface.pieces; "
        "import attnprobe.models.huggingface.sequences; "
        "import attnprobe.cli, attnprobe.stages.training; sys.exit('transformers' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True, timeout=TIMEOUT)


def test_a_hub_id_is_never_looked_for_where_a_folder_is(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    assert locate("tiny").resolve() == folder.resolve()
