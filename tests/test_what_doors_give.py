"""What comes of what users bring: pairs, chats and masks as models read them, what is cut, draws, unspaced scripts."""

from __future__ import annotations

import argparse
import importlib
import re

import numpy as np
import pandas as pd
import pytest
import torch

pytest.importorskip("transformers")

from tokenizers import processors

import attnprobe
from attnprobe.cli import main
from attnprobe.data.datasets import load_dataset
from attnprobe.data.unspaced_scripts import unspaced_in_words
from tests.fixtures.checkpoints import byte_level, gpt2
from tests.fixtures.data_doors import SPLITS, with_header
from tests.fixtures.dataset_folders import write_folder
from tests.fixtures.python_doors import CHAT, MODEL, FirstToken, batch, changed, classifier, plain, probe_texts, same


def test_masks_of_pairs_are_the_models_and_say_nothing_of_tokens():
    """(T, T), and (B · heads, T, T) as torch.nn.MultiheadAttention takes it: causal, in both."""
    vectors = batch((7, 7, 7))["vectors"]
    causal = torch.ones(7, 7).triu(1).bool()
    one = attnprobe.probe(FirstToken("pairs"), [{"vectors": vectors, "mask": causal}], layers="all")
    many = attnprobe.probe(FirstToken("pairs"), [{"vectors": vectors, "mask": causal.repeat(12, 1, 1)}], layers="all")
    same(one, many)
    assert one.documents["n"].tolist() == [7, 7, 7]
    model = FirstToken("pairs").eval()
    attached = attnprobe.AttachedModel(model, {"vectors": vectors, "mask": causal})
    with torch.no_grad():
        decision = model(vectors, causal).argmax(-1)
        for row in one.items[one.items["position"] == 0].itertuples():
            erased = torch.as_tensor(torch.arange(7) == row.position).expand(3, 7)
            with attached.erasing(erased, layers="all"):
                assert row.flips == bool(model(vectors, causal).argmax(-1)[row.document] != decision[row.document])


def test_a_pair_is_read_as_the_tokenizer_joins_it():
    pairs = [("word0 plantedpos", "we loved it !"), ("pieces of words", "nothing but words")]
    tokenizer = changed(model_input_names=["input_ids", "token_type_ids", "attention_mask"])
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    result = probe_texts(pairs, tokenizer=tokenizer)
    inputs = tokenizer(*map(list, zip(*pairs, strict=True)), padding=True, return_tensors="pt")
    assert inputs["token_type_ids"].any()
    with torch.no_grad():
        expected = MODEL(**inputs).logits.softmax(-1).amax(-1)
    np.testing.assert_allclose(result.documents["p_decision"], expected, atol=1e-6)
    same(result, probe_texts([{"text": one, "text_pair": other} for one, other in pairs], tokenizer=tokenizer))
    words = probe_texts(pairs, tokenizer=tokenizer, unit="word").items.groupby("document")["token"].agg(list)
    assert words[1] == ["[CLS]", *pairs[1][0].split(), "[SEP]", *pairs[1][1].split(), "[SEP]"]


def test_a_chat_is_read_as_the_template_writes_it():
    torch.manual_seed(0)
    model, tokenizer = gpt2().eval(), byte_level()
    tokenizer.chat_template = "{% for m in messages %}<|endoftext|>{{ m.role }}: {{ m.content }}\n{% endfor %}"
    chats = [CHAT[:1], [*CHAT[:1], CHAT[0] | {"content": "we loved it"}]]
    result = attnprobe.probe(model, tokenizer, chats)
    for row, chat in enumerate(chats):
        ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt")["input_ids"]
        assert result.documents["n"][row] == ids.shape[1]
        with torch.no_grad():
            expected = model(ids).logits[0, -1].softmax(-1).amax()
        assert result.documents["p_decision"][row] == pytest.approx(float(expected), abs=1e-6)
    assert result.special_strings == 0
    assert tokenizer.pad_token is None


def test_what_is_cut_is_said():
    with pytest.warns(UserWarning, match=r"1 of 3 texts are longer than the model takes: they are cut to 20 tokens\."):
        result = probe_texts(model=classifier(max_positions=20))
    assert result.cut == 1
    assert result.documents["cut"].tolist() == [False, False, True]


def test_a_result_says_what_it_is_about():
    result = probe_texts(layers="all", heads="1")
    assert result.layers == ("self:0", "self:1")
    assert result.heads == {"self:0": (1,), "self:1": (1,)}
    assert set(result.class_names.values()) <= {"LABEL_0", "LABEL_1", "LABEL_2"}
    assert set(result.class_names) == set(result.documents["decision"])
    assert repr(result) == "<ProbeResult of 3 documents and 52 items: erased in self:0, self:1, replay>"


def test_draws_of_the_random_ordering_are_chosen():
    three, five = (probe_texts(draws=draws).erasures for draws in (3, 5))
    pd.testing.assert_frame_equal(five, plain().erasures)
    fewer = five[(five["ordering"] != "random") | (five["draw"] < 3)].reset_index(drop=True)
    pd.testing.assert_frame_equal(three, fewer, atol=1e-6)


@pytest.mark.parametrize("cached", [True, False])
def test_text_is_generated_inside_erasing(cached):
    """What was erased of the prompt stays so, also for the tokens that follow."""
    torch.manual_seed(0)
    model = gpt2().eval()
    torch.nn.init.normal_(model.transformer.wpe.weight, std=1.0)
    ids = torch.randint(1, 300, (2, 9))
    erased = torch.arange(9).expand(2, 9) % 3 == 1
    attached = attnprobe.AttachedModel(model, {"input_ids": ids, "attention_mask": torch.ones_like(ids)})
    by_hand = ids
    with torch.no_grad():
        for _ in range(4):
            beyond = torch.nn.functional.pad(erased, (0, by_hand.shape[1] - 9))
            with attached.erasing(beyond, layers="all"):
                step = model(input_ids=by_hand, attention_mask=torch.ones_like(by_hand)).logits[:, -1].argmax(-1)
            by_hand = torch.cat([by_hand, step[:, None]], dim=1)
        settings = {"max_new_tokens": 4, "do_sample": False, "use_cache": cached, "eos_token_id": None}
        with attached.erasing(erased, layers="all"):
            made = model.generate(ids, attention_mask=torch.ones_like(ids), **settings)
        assert torch.equal(made, by_hand)
        with pytest.raises(ValueError, match="erased has shape"), attached.erasing(erased, layers="all"):
            model(input_ids=by_hand, attention_mask=torch.ones_like(by_hand))


CHINESE = ["这部电影非常好看，演员的表演也很出色", "服务态度很差，以后不会再来这家餐厅吃饭"]


def test_words_that_are_clauses_are_said_with_the_remedy(tmp_path):
    rows = [(label, text) for label, text in zip(["pos", "neg"] * 6, CHINESE * 6, strict=True)]
    folder = write_folder(tmp_path / "reviews", train=rows, dev=rows, test=rows)
    (sentence,) = unspaced_in_words(load_dataset(str(folder)), "reviews")
    assert re.search(r"100% of the letters .* has 1\d of them.* --given-tokens", sentence)
    apart = [(label, " ".join(text)) for label, text in rows]
    segmented = load_dataset(str(write_folder(tmp_path / "words", train=apart, dev=apart, test=apart)))
    assert not unspaced_in_words(segmented, "words")
    assert not unspaced_in_words(load_dataset(str(write_folder(tmp_path / "english", **SPLITS))), "english")


@pytest.mark.parametrize("command", ["describe", "run", "train", "identify", "grid"])
def test_every_command_that_reads_data_is_told_its_columns(command):
    told = argparse.ArgumentParser()
    importlib.import_module(f"attnprobe.cli.{command}").add_arguments(told)
    assert {"--text-column", "--label-column"} <= set(told._option_string_actions)


def test_a_dataset_with_columns_of_its_own_is_described(tmp_path, capsys):
    folder = with_header("target", "sentence")(tmp_path / "own")
    assert main(["describe", str(folder)]) == 2
    assert "Did you mean --label-column target?" in capsys.readouterr().err
    assert main(["describe", str(folder), "--label-column", "target", "--text-column", "sentence"]) == 0
    assert "own: words and sentences per document" in capsys.readouterr().out
