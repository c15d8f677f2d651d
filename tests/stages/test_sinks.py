"""A first item that holds much of the attention and decides nothing is no item where that is asked for."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

pytest.importorskip("transformers")

import attnprobe
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.base.errors import InputError
from attnprobe.cli import main
from attnprobe.engines.item_columns import ItemColumns
from attnprobe.engines.items import Items
from attnprobe.explanations.item_parts import ItemParts
from attnprobe.reports.answer import answer
from attnprobe.runs.sink_records import MeasuredSink
from tests.fixtures.checkpoints import bert, save, wordpiece
from tests.fixtures.commands import planted_folder
from tests.reference.answer import answer as recomputed
from tests.reference.answer_text import read


def with_a_sink():
    """A classifier whose last layer attends to the first token of each text, and is sure enough without it."""
    torch.manual_seed(0)
    model = bert(classifier=True, max_positions=200, initializer_range=0.5).eval()
    below, last = model.bert.encoder.layer
    size, width = last.attention.self.attention_head_size, model.config.hidden_size
    direction = torch.tensor([1.0, -1.0] * (width // 2)) / width**0.5
    with torch.no_grad():
        # Up to the last layer the first token stays what its position says, far from all others.
        model.bert.embeddings.position_embeddings.weight[0] = 100 * direction
        below.attention.output.dense.weight.mul_(0.05)
        below.output.dense.weight.mul_(0.05)
        last.attention.self.query.weight.zero_()
        last.attention.self.query.bias.fill_(1.0)
        last.attention.self.key.weight.copy_((2.0 / size**0.5 * direction).expand_as(last.attention.self.key.weight))
        last.attention.output.dense.weight.mul_(0.1)
        model.classifier.bias[0] += 12.0
    return model


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("sinks")
    planted_folder(base / "planted", train=4, test=12)
    save(base / "sink", with_a_sink, wordpiece)
    return base


def test_items_without_the_first_are_the_others_of_documents_that_have_some():
    items = Items.of(torch.tensor([[0, 0, 1, -1, 2, -1], [0, 0, -1, -1, -1, -1], [-1, 0, 1, 1, 2, 3]]))
    others = items.without_first()
    assert others.of_token.tolist() == [[-1, -1, 0, -1, 1, -1], [0, 0, -1, -1, -1, -1], [-1, -1, 0, 0, 1, 2]]
    assert others.sizes.tolist() == [2, 1, 3]
    assert others.sink.nonzero().tolist() == [[0, 0], [0, 1], [2, 1]]


def test_parts_and_texts_lose_the_same_items_and_no_text():
    sizes = np.array([3, 1, 2])
    tokens, before = ["a", "b", "c", "d", "[CLS]", "e"], ["", " ", "-", "", None, ">"]
    texts = ItemColumns.of_strings(tokens, before).without_first(sizes)
    assert texts.token.to_pylist() == ["b", "c", "d", "e"]
    assert texts.before.to_pylist() == ["a ", "-", "", ">"]
    starts = np.array([0, 2, 4, 0, -1, 1])
    parts = ItemParts.of_items(sizes, starts, starts + 1, ["a b-c", "d", ">e"]).without_first()
    assert parts.items.tolist() == [-1, 0, 1, 0, -1, 0]
    assert parts.sizes.tolist() == [2, 1, 1]
    assert parts.of_text_left_out.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("weight", "flips", "is_sink"), [(0.3, 0.05, True), (0.29, 0.0, False), (0.9, 0.06, False), (1.0, 0.0, True)]
)
def test_the_rule(weight, flips, is_sink):
    assert MeasuredSink(9, weight, flips).is_sink == is_sink


@pytest.fixture(scope="module")
def run(base):
    """Of the command, with its answer."""
    asked = ["--dataset", str(base / "planted"), "--model", f"hf:{base / 'sink'}", "--also", "none"]
    assert main(["run", *asked, "--head-map-documents", "2", "--sinks", "out", "--out", str(base / "runs")]) == 0
    return base / "runs" / "planted" / "hf-sink" / "seed-0"


def said_of(folder):
    return " ".join(answer(summarise(RunResults.load(folder))).split())


def test_a_sink_is_found_in_training_documents_and_left_out(run, base):
    measured = json.loads((run / "sinks.json").read_text())
    assert measured["weight"] >= 0.3
    assert measured["flips"] <= 0.05
    items, documents = (pd.read_parquet(run / f"{name}.parquet") for name in ("items", "documents"))
    assert "[CLS]" not in set(items["token"])
    assert "[SEP]" in set(items["token"])
    assert (documents["n"] == items.groupby("document").size()).all()
    assert documents["sink_share"].tolist() == pytest.approx(documents["left_out_share"].tolist(), abs=1e-6)
    text = said_of(run)
    assert "the first token, a sink of attention, is none and never erased" in text
    reading = read(text, recomputed(run))
    assert reading.faults() == []
    assert "sink that is left out" in {row.place for row in reading.rows}
    assert "a sink of attention, is none" in " ".join((run / "methods.txt").read_text().split())


def test_verify_finds_it_again_and_what_it_holds(run, capsys):
    assert main(["verify", str(run), "--documents", "3"]) == 0
    said = capsys.readouterr().out
    assert "the first item is a sink of attention and no item" in said
    assert "left_out_share and sink_share of 3 documents" in said
    kept = (run / "sinks.json").read_text()
    told = json.loads(kept)
    (run / "sinks.json").write_text(json.dumps(told | {"weight": told["weight"] - 0.01}))
    assert main(["verify", str(run), "--documents", "3"]) == 1
    assert "weight is" in capsys.readouterr().out
    (run / "sinks.json").write_text(kept)


@pytest.mark.slow
def test_shards_and_python_agree_with_the_run(run, base, capsys):
    """A run that is probed anew in shards has the same bytes; Python has the same numbers."""
    before = {name: (run / f"{name}.parquet").read_bytes() for name in ("documents", "erasures", "items")}
    documents = pd.read_parquet(run / "documents.parquet")
    assert main(["probe", str(run), "--sinks", "own"]) == 0
    assert main(["report", str(run)]) == 0
    text = said_of(run)
    assert "The first token is a sink of attention: it holds" in text
    assert read(text, recomputed(run)).faults() == []
    for share in ("1/2", "2/2"):
        assert main(["probe", str(run), "--sinks", "out", "--shard", share]) == 0
    assert main(["probe", str(run)]) == 0
    assert {name: (run / f"{name}.parquet").read_bytes() for name in before} == before
    texts = pd.read_csv(base / "planted" / "test.tsv", sep="\t", quoting=3)["tokens"].tolist()
    model, tokenizer = with_a_sink().eval(), wordpiece()
    found = attnprobe.probe(model, tokenizer, texts, sinks="out").documents
    for column in ("sink_share", "left_out_share", "p_decision", "js_top"):
        assert found[column].tolist() == pytest.approx(documents[column].tolist(), abs=1e-6)
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    as_batch = attnprobe.probe(model, dict(inputs), sinks="out")
    assert as_batch.documents["sink_share"].tolist() == pytest.approx(found["sink_share"].tolist(), abs=1e-6)
    assert len(as_batch.items) == documents["n"].sum()


def test_what_is_no_sink_stays_an_item_and_that_is_said():
    torch.manual_seed(0)
    model, tokenizer = bert(classifier=True, max_positions=200), wordpiece()
    texts = ["word0 is dull", "we loved word1 and word2"]
    plain, asked = (attnprobe.probe(model, tokenizer, texts, sinks=sinks) for sinks in ("own", "out"))
    pd.testing.assert_frame_equal(plain.items, asked.items)
    assert "sink_share" not in asked.documents
    with pytest.raises(InputError, match="sinks is 'first', but one of own, out is needed"):
        attnprobe.probe(model, tokenizer, texts, sinks="first")
    number = bert(classifier=True, max_positions=200, num_labels=1)
    with pytest.raises(InputError, match="told by the decisions that it does not change, and here none can"):
        attnprobe.probe(number, tokenizer, texts, sinks="out")


def test_models_whose_attention_pools_have_none(base, capsys):
    asked = ["--dataset", str(base / "planted"), "--model", "flan-none", "--out", str(base / "pooled")]
    assert main(["run", *asked, "--sinks", "out"]) == 2
    assert "--sinks out is for transformers" in capsys.readouterr().err
