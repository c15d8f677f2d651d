"""Decisions at one token: what fills in a mask, and a token's label, erased in as a hand-written attention says it."""

import json
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from transformers import BertConfig, GPT2Config, LlamaConfig

import attnprobe
from attnprobe.base.errors import InputError
from attnprobe.base.exit_status import DOCUMENTS_LEFT_OUT
from attnprobe.cli import main
from tests.fixtures.attention_by_hand import outputs_by_hand, whole_words
from tests.fixtures.checkpoints import SIZES
from tests.fixtures.dataset_folders import write_folder

FILLED = ["word0 [MASK] plantedpos .", "[MASK] naïve words", "pieces of words [MASK] café", "naïve . café [MASK] word1"]
LABELLED = ["word0 café plantedpos .", "naïve words café", "pieces café of words", "word1 naïve words . café of"]


def made(kind: str, attention: str) -> tuple[Any, Any]:
    """(model, tokenizer): padded right, padded left, and with grouped queries."""
    torch.manual_seed(4 if kind == "bert" else 1)
    settings: dict[str, Any] = {"initializer_range": 0.5 if kind == "masked" else 0.9, "attn_implementation": attention}
    bert: dict[str, Any] = {"vocab_size": 16, "max_position_embeddings": 40, **SIZES, **settings}
    if kind == "masked":
        return transformers.BertForMaskedLM(BertConfig(**bert)).eval(), whole_words("[MASK]")
    if kind == "bert":
        return transformers.BertForTokenClassification(BertConfig(num_labels=3, **bert)).eval(), whole_words()
    sizes: dict[str, Any]
    if kind == "causal":
        sizes = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 40, "pad_token_id": 0}
        return transformers.GPT2LMHeadModel(GPT2Config(vocab_size=13, **sizes, **settings)).eval(), whole_words(
            ends=False
        )
    if kind == "gpt2":
        sizes = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 40, "pad_token_id": 0, "num_labels": 3}
        model = transformers.GPT2ForTokenClassification(GPT2Config(vocab_size=40, **sizes, **settings))
        return model.eval(), whole_words(ends=False)
    sizes = SIZES | {"num_attention_heads": 4, "num_key_value_heads": 2, "pad_token_id": 0, "num_labels": 3}
    config = LlamaConfig(vocab_size=40, max_position_embeddings=40, **sizes, **settings)
    return transformers.LlamaForTokenClassification(config).eval(), whole_words(ends=False)


@pytest.mark.parametrize("layers", ["last", "all"])
@pytest.mark.parametrize(
    ("kind", "attention", "at"),
    [
        ("masked", "sdpa", "[MASK]"),
        ("masked", "eager", "[MASK]"),
        ("bert", "sdpa", "café"),
        ("gpt2", "eager", "café"),
        ("llama", "sdpa", "-2"),
        ("causal", "sdpa", "café"),
        pytest.param("bert", "eager", "café", marks=pytest.mark.slow),
        pytest.param("gpt2", "sdpa", "café", marks=pytest.mark.slow),
        pytest.param("llama", "eager", "-2", marks=pytest.mark.slow),
        pytest.param("causal", "eager", "café", marks=pytest.mark.slow),
    ],
)
@pytest.mark.samples(4)
def test_engines_decide_at_a_token_as_attention_written_out(kind, attention, at, layers):
    """Every prefix by attention: probability and logit within 1e-5, the first flip the same; all rows or the read one.

    In the last layer the rows by hand are all: those that are not read have no influence.
    """
    model, tokenizer = made(kind, attention)
    texts = FILLED if kind == "masked" else LABELLED
    result = attnprobe.probe(model, tokenizer, texts, layers=layers, curves=True, at=at, head_map_documents=0)
    assert result.engine == ("single row" if layers == "last" else "replay")
    flipped = 0
    for document, text in enumerate(texts):
        ids = tokenizer(text)["input_ids"]
        row = len(ids) - 2 if at == "-2" else tokenizer.convert_ids_to_tokens(ids).index(at)
        items = result.items[result.items["document"] == document]
        order = items["position"].to_numpy()[items["rank_attention"].to_numpy().argsort()].tolist()
        prefixes = [
            outputs_by_hand(model, {"input_ids": torch.tensor([ids])}, layers, order[:k])[row].double()
            for k in range(len(order) + 1)
        ]
        decided = int(prefixes[0].argmax())
        assert result.documents["decision"][document] == decided
        rows = result.curves
        rows = rows[(rows["document"] == document) & (rows["ordering"] == "attention")]
        for column, expected in (
            ("probability", [float(logits.softmax(-1)[decided]) for logits in prefixes]),
            ("logit", [float(logits[decided]) for logits in prefixes]),
        ):
            assert rows[column].tolist() == pytest.approx(expected, abs=1e-5)
        removed = next((k for k, logits in enumerate(prefixes) if int(logits.argmax()) != decided), -1)
        erasures = result.erasures
        of = erasures[(erasures["document"] == document) & (erasures["ordering"] == "attention")]
        assert of["removed"].item() == removed
        flipped += removed > 0
    assert flipped


def test_what_is_decided_at_a_mask_has_the_names_of_tokens_and_of_words_those_of_label_words():
    model, tokenizer = made("masked", "sdpa")
    result = attnprobe.probe(model, tokenizer, FILLED, at="[MASK]")
    assert set(result.class_names.values()) <= set(tokenizer.get_vocab())
    words = attnprobe.probe(model, tokenizer, FILLED, at="[MASK]", label_words=("café", "words"))
    assert set(words.class_names.values()) <= {"café", "words"}


def test_batches_decide_at_a_position_as_texts_do():
    model, tokenizer = made("bert", "sdpa")
    of_texts = attnprobe.probe(model, tokenizer, LABELLED, at=2)
    of_batches = attnprobe.probe(model, tokenizer(LABELLED, padding=True, return_tensors="pt"), at=2)
    for column in ("decision", "p_decision"):
        np.testing.assert_allclose(of_texts.documents[column], of_batches.documents[column], atol=1e-6)
    np.testing.assert_allclose(of_texts.items["weight"], of_batches.items["weight"], atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "at", "texts", "words"),
    [
        ("masked", "[MASK]", ["no mask here"], "There is no token [MASK] among what the model reads of the document"),
        ("masked", "<mask>", FILLED, "<mask> is no special token of"),
        ("bert", "plantedpos", LABELLED, "There is no word 'plantedpos' among what the model reads of document 1 of 4"),
        ("bert", "9", LABELLED, "There is no token 9 among what the model reads of document 0"),
        ("bert", None, LABELLED, "say at which token it decides (at:"),
    ],
)
def test_where_there_is_no_such_token_one_sentence_says_so(kind, at, texts, words):
    model, tokenizer = made(kind, "sdpa")
    with pytest.raises(InputError) as refusal:
        attnprobe.probe(model, tokenizer, texts, at=at)
    assert words in str(refusal.value)


def test_a_classifier_of_texts_decides_at_no_token():
    config = BertConfig(vocab_size=40, max_position_embeddings=40, num_labels=3, **SIZES)
    with pytest.raises(InputError, match="none of single tokens: at which of them it decides cannot be said"):
        attnprobe.probe(transformers.BertForSequenceClassification(config), whole_words(), LABELLED, at="café")


@pytest.mark.slow
def test_a_run_at_a_mask_says_where_it_decides_and_is_verified(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    model, tokenizer = made("masked", "sdpa")
    model.save_pretrained("masked")
    tokenizer.save_pretrained("masked")
    rows = [("ab"[place % 2], text) for place, text in enumerate([*FILLED, "no mask here"])]
    write_folder(tmp_path / "data", "jsonl", train=rows, test=rows)
    options = ("--dataset", "data", "--model", "hf:masked", "--head-map-documents", "0", "--also", "none")
    assert main(["run", *options, "--at", "[MASK]"]) == DOCUMENTS_LEFT_OUT
    told = " ".join(capfd.readouterr().out.split())
    assert "the last of 2 layers, the row that is decided at, all 2 heads" in told
    assert "The model decides at “[MASK]” of each text." in told
    folder = tmp_path / "runs" / "data" / "hf-masked" / "seed-0"
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["decided_at"] == "[MASK]"
    assert summary["quarantined"]["documents"] == 1  # in which there is none
    assert main(["verify", str(folder)]) == 0
    assert main(["train", *options, "--at", "[MASK]", "--out", "other"]) == 2
    assert "at is for checkpoints that are tested as they are" in capfd.readouterr().err
