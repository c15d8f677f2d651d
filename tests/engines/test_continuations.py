"""A continuation that is given to a language model, scored in one run as token by token, by attention written out."""

import json
from typing import Any

import pytest
import torch
import transformers
from transformers import GPT2Config, LlamaConfig, T5Config

import attnprobe
from attnprobe.base.errors import InputError
from attnprobe.cli import main
from attnprobe.settings.run_settings import RunSettings
from tests.fixtures.attention_by_hand import SHORT, outputs_by_hand, whole_words
from tests.fixtures.checkpoints import SIZES
from tests.fixtures.dataset_folders import write_folder


def made(kind: str, attention: str = "sdpa") -> Any:
    """A language model of few words."""
    torch.manual_seed(1)
    settings: dict[str, Any] = {"initializer_range": 0.5, "attn_implementation": attention}
    if kind == "gpt2":
        sizes: dict[str, Any] = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 40}
        return transformers.GPT2LMHeadModel(GPT2Config(vocab_size=13, **sizes, **settings)).eval()
    sizes = SIZES | {"num_attention_heads": 4, "num_key_value_heads": 2, "pad_token_id": 0}
    config = LlamaConfig(vocab_size=13, max_position_embeddings=40, **sizes, **settings)
    return transformers.LlamaForCausalLM(config).eval()


def greedy(model: Any, ids: list[int], length: int) -> list[int]:
    """What the model says behind a text, token by token."""
    said: list[int] = []
    with torch.no_grad():
        for _ in range(length):
            said.append(int(model(input_ids=torch.tensor([ids + said])).logits[0, -1].argmax()))
    return said


@pytest.mark.parametrize(
    ("kind", "attention", "layers", "length"),
    [
        ("gpt2", "sdpa", "last", 3),
        ("gpt2", "eager", "all", 2),
        ("llama", "sdpa", "all", 3),
        ("llama", "eager", "last", 1),
        pytest.param("gpt2", "sdpa", "all", 1, marks=pytest.mark.slow),
        pytest.param("gpt2", "eager", "last", 3, marks=pytest.mark.slow),
        pytest.param("llama", "sdpa", "last", 2, marks=pytest.mark.slow),
        pytest.param("llama", "eager", "all", 3, marks=pytest.mark.slow),
    ],
)
@pytest.mark.samples(2)
def test_a_continuation_is_scored_as_attention_written_out(kind, attention, layers, length):
    """Every prefix: its log-probability and that of each token within 1e-5, and the first flip the same."""
    model, tokenizer = made(kind, attention), whole_words(ends=False)
    tokens = greedy(model, tokenizer(SHORT[0])["input_ids"], length)
    text = " ".join(tokenizer.convert_ids_to_tokens(tokens))
    result = attnprobe.probe(model, tokenizer, SHORT, layers=layers, continuation=text)
    assert result.engine == ("single row" if length == 1 and layers == "last" else "replay")
    assert result.documents["decision"][0] == 1  # it is what the model says behind the first text
    flipped = 0
    for document, given in enumerate(SHORT):
        ids = tokenizer(given)["input_ids"]
        items = result.items[result.items["document"] == document]
        assert len(items) == len(ids)  # the continuation is no item
        order = items["position"].to_numpy()[items["rank_gradient"].to_numpy().argsort()].tolist()
        inputs = {"input_ids": torch.tensor([ids + tokens[:-1]])}
        leads, scores = [], []
        for k in range(len(order) + 1):
            rows = outputs_by_hand(model, inputs, layers, order[:k])[len(ids) - 1 :].double()
            scores.append([float(row.log_softmax(-1)[token]) for row, token in zip(rows, tokens, strict=True)])
            leads.append([int(row.argmax()) == token for row, token in zip(rows, tokens, strict=True)])
        curve = result.curves[(result.curves["document"] == document) & (result.curves["ordering"] == "gradient")]
        assert curve["logit"].tolist() == pytest.approx([sum(of) for of in scores], abs=1e-5 * length)
        for place in range(length):
            of = result.target_curves
            of = of[(of["document"] == document) & (of["ordering"] == "gradient") & (of["target"] == place)]
            assert of["log_probability"].tolist() == pytest.approx([score[place] for score in scores], abs=1e-5)
        said = [all(lead) for lead in leads]
        assert result.documents["decision"][document] == int(said[0])
        rows = result.erasures
        rows = rows[(rows["document"] == document) & (rows["ordering"] == "gradient")]
        assert rows["removed"].item() == next((k for k, each in enumerate(said) if each != said[0]), -1)
        flipped += rows["removed"].item() > 0
    assert flipped


@pytest.mark.parametrize("layers", ["cross:all", "encoder:last"])
@pytest.mark.samples(1)
def test_what_an_encoder_and_a_decoder_are_given_is_scored_in_one_run(layers):
    """Of each document alone, as the model itself scores it token by token, whole and with each item erased in runs."""
    torch.manual_seed(1)
    sizes: dict[str, Any] = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 2, "num_heads": 2}
    config = T5Config(vocab_size=13, decoder_start_token_id=0, **sizes)
    model, tokenizer = transformers.T5ForConditionalGeneration(config).eval(), whole_words(ends=True)
    tokens = tokenizer("naïve words café", add_special_tokens=False)["input_ids"]
    result = attnprobe.probe(model, tokenizer, SHORT, layers=layers, continuation="naïve words café")
    assert all(of.startswith(layers.partition(":")[0]) for of in result.layers)
    starts = result.curves[(result.curves["removed"] == 0) & (result.curves["ordering"] == "attention")]
    for document, text in enumerate(SHORT[:2]):
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        inputs = {"input_ids": ids, "decoder_input_ids": torch.tensor([[0, *tokens[:-1]]])}
        attached = attnprobe.AttachedModel(model, inputs)

        def score(erased: list[int], of: Any = attached, given: Any = inputs) -> float:
            mask = torch.zeros(given["input_ids"].shape, dtype=torch.bool)
            mask[:, erased] = True
            with torch.no_grad(), of.erasing(mask, layers=layers):
                logits = of.model(**given).logits[0].double().log_softmax(-1)
            return sum(float(row[token]) for row, token in zip(logits, tokens, strict=True))

        assert starts["logit"].iloc[document] == pytest.approx(score([]), abs=1e-5 * len(tokens))
        items = result.items[result.items["document"] == document]
        alone = [score([place]) for place in range(ids.shape[1])]
        assert items["logit"].tolist() == pytest.approx(alone, abs=1e-5 * len(tokens))
        assert max(alone) - min(alone) > 1e-3


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"continuation": "unheard"}, "does not know all of it"),
        ({"continuation": "words\ud800"}, "makes nothing of it"),
        (
            {"continuation": "words " * 31},
            "continuation has 31 tokens, of 40 that the model reads: fewer than 11 are left",
        ),
        ({"given_class": "words\ud800"}, "is not one token of"),
        ({"targets": ["words", "\ud800"]}, "is not one token of"),
        ({"continuation": "words", "targets": [1]}, "targets are of models that decide between classes"),
        ({"decision": "continuation"}, "The decision continuation needs a continuation"),
        ({"continuation": "words", "decision": "class"}, "The continuation is for the decision continuation"),
    ],
)
def test_what_cannot_follow_is_refused(asked, words):
    with pytest.raises(InputError) as refusal:
        attnprobe.probe(made("gpt2"), whole_words(ends=False), SHORT, **asked)
    assert words in str(refusal.value)


@pytest.mark.slow
def test_a_run_tells_how_far_a_continuation_moves_and_is_verified(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    made("gpt2").save_pretrained("causal")
    whole_words(ends=False).save_pretrained("causal")
    rows = [("ab"[place % 2], text) for place, text in enumerate(SHORT)]
    write_folder(tmp_path / "data", "jsonl", train=rows, test=rows)
    options = ("--dataset", "data", "--model", "hf:causal", "--also", "none")
    assert main(["run", *options, "--continuation", "naïve words"]) == 0
    told = " ".join(capfd.readouterr().out.split())
    assert "the rows that the continuation is read from" in told
    assert "The output that moves is its log-probability, in nats. The model would say it behind" in told
    folder = tmp_path / "runs" / "data" / "hf-causal" / "seed-0"
    summary = json.loads((folder / "summary.json").read_text())
    assert [each["name"] for each in summary["targets"]] == ["naïve", "words"]
    assert summary["output_moves"]["documents"] == len(SHORT)
    assert main(["verify", str(folder)]) == 0


def test_a_continuation_may_be_longer_than_what_is_run_at_once(monkeypatch):
    """Then the few documents that a model is tried on are not one micro-batch, and all else is as it was."""
    once = attnprobe.probe(made("gpt2"), whole_words(ends=False), SHORT, continuation="naïve words")
    monkeypatch.setattr("attnprobe.engines.micro_batches._TOKENS", 30)
    again = attnprobe.probe(made("gpt2"), whole_words(ends=False), SHORT, continuation="naïve words")
    assert again.engine == once.engine
    assert again.erasures["removed"].tolist() == once.erasures["removed"].tolist()


def test_certifying_a_continuation_is_refused_without_naming_what_it_does_not_take():
    asked = {"dataset": "data", "model": "hf:causal", "decision": "continuation", "continuation": " it", "certify": 1}
    with pytest.raises(InputError, match=r"^certify is not for the decision continuation"):
        RunSettings.of_tables(asked)
