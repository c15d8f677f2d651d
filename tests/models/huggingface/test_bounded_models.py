"""A checkpoint's model is no larger than its weights allow, whatever its configuration asks for."""

import json
import os
import re

import pytest
import torch
from transformers import AlbertConfig, AlbertModel, DistilBertConfig, DistilBertModel, GPT2Config, GPT2LMHeadModel

from attnprobe.base.errors import InputError
from attnprobe.models.huggingface.loading import load_checkpoint
from tests.fuzzing.checkpoints import copy_of_valid, read
from tests.fuzzing.measuring import refusal


def changed(folder, name="config.json", **entries):
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))
    return folder


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"num_hidden_layers": 10**7}, "the entry 'num_hidden_layers' is 10,000,000, and may be 1,000 at most"),
        ({"num_hidden_layers": 1000}, "asks for a model of more than 2,"),
        ({"vocab_size": 10**9}, "asks for a model of more than 536,"),
        ({"max_position_embeddings": 10**10}, "asks for a model of more than 536,"),
        ({"intermediate_size": 10**8}, "asks for a model of more than 536,"),
        ({"hidden_size": 10**5}, "asks for a model of more than 536,"),
        ({"type_vocab_size": 10**10}, "asks for a model of more than 536,"),
        ({"id2label": None, "label2id": None, "num_labels": 10**9}, "the entry 'num_labels' is 1,000,000,000"),
        ({"num_attention_heads": 10**9}, "cannot be loaded|cannot be used"),
        ({"num_hidden_layers": -1}, "model"),
        ({"hidden_size": -4}, "model"),
        ({"vocab_size": -1}, "model"),
        ({"max_position_embeddings": -1}, "model"),
        ({"num_attention_heads": 0}, "model"),
    ],
)
@pytest.mark.samples(4)
def test_what_a_configuration_asks_for(tmp_path, entries, expected):
    folder = changed(copy_of_valid(tmp_path), **entries)
    assert re.search(expected, refusal(read, folder, tmp_path))


def test_a_model_of_one_layer_that_is_gone_through_for_ever(tmp_path):
    config = AlbertConfig(
        vocab_size=10, embedding_size=4, hidden_size=4, num_attention_heads=1, intermediate_size=4, num_hidden_layers=2
    )
    AlbertModel(config).save_pretrained(tmp_path)
    changed(tmp_path, num_hidden_layers=10**7)
    with pytest.raises(InputError, match="'num_hidden_layers' is 10,000,000"):
        load_checkpoint(str(tmp_path), tokenizer_needed=False)


@pytest.mark.parametrize(
    ("model", "entries"),
    [
        (
            lambda: DistilBertModel(DistilBertConfig(vocab_size=9, dim=4, n_heads=1, n_layers=1, hidden_dim=4)),
            {"max_position_embeddings": 10**9, "sinusoidal_pos_embds": True},
        ),
        (
            lambda: GPT2LMHeadModel(GPT2Config(vocab_size=9, n_embd=4, n_head=1, n_layer=1, n_positions=8)),
            {"n_positions": 10**9},
        ),
        (
            lambda: GPT2LMHeadModel(GPT2Config(vocab_size=9, n_embd=4, n_head=1, n_layer=1, n_positions=8)),
            {"n_inner": 10**9},
        ),
    ],
)
def test_other_models(tmp_path, model, entries):
    model().save_pretrained(tmp_path)
    changed(tmp_path, **entries)
    with pytest.raises(InputError, match="asks for a model of more than"):
        load_checkpoint(str(tmp_path), tokenizer_needed=False)


def test_tied_weights_and_large_positions_are_no_bomb(tmp_path):
    GPT2LMHeadModel(GPT2Config(vocab_size=90_000, n_embd=8, n_head=1, n_layer=1, n_positions=4096)).save_pretrained(
        tmp_path
    )
    assert load_checkpoint(str(tmp_path), tokenizer_needed=False).task == "causal"


def test_what_is_made_afterwards_is_not_counted(tmp_path):
    with pytest.raises(InputError):
        load_checkpoint(str(changed(copy_of_valid(tmp_path), vocab_size=10**9)))
    with torch.device("meta"):
        assert torch.nn.Linear(10**6, 10**6).weight.is_meta


@pytest.mark.parametrize(
    ("name", "size"), [("tokenizer.json", 129 << 20), ("vocab.txt", 129 << 20), ("generation_config.json", 33 << 20)]
)
def test_files_that_are_far_too_large(tmp_path, name, size):
    folder = copy_of_valid(tmp_path)
    (folder / name).touch()
    os.truncate(folder / name, size)
    assert f"{name} is too large for what it should be" in refusal(read, folder, tmp_path)


def test_a_tokenizer_that_asks_for_a_billion_tokens(tmp_path):
    folder = changed(copy_of_valid(tmp_path), "tokenizer_config.json", extra_ids=10**9)
    assert "the entry 'extra_ids' is 1,000,000,000" in refusal(read, folder, tmp_path)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"])
def test_pipes(tmp_path, name):
    folder = copy_of_valid(tmp_path)
    (folder / name).unlink()
    os.mkfifo(folder / name)
    refusal(read, folder, tmp_path)
