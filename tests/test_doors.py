"""Every door by which users bring texts, models and data: taken rightly, or refused in one sentence that says why."""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

import attnprobe
from attnprobe.base.errors import InputError
from attnprobe.cli import main
from attnprobe.data.datasets import load_dataset
from attnprobe.data.unspaced_scripts import unspaced_in_words

transformers = pytest.importorskip("transformers")

from tokenizers import processors  # noqa: E402

from tests.fixtures.checkpoints import bert, byte_level, gpt2, wordpiece  # noqa: E402
from tests.fixtures.dataset_folders import write_folder, write_parquet, write_tsv  # noqa: E402

TEXTS = ["word0 unbelievably plantedpos .", "we loved word11 !", "pieces of words cross nothing but words"]


def classifier(seed=0, **settings):
    torch.manual_seed(seed)
    return bert(classifier=True, num_labels=3, initializer_range=0.5, **settings).eval()


MODEL, TOKENIZER = classifier(), wordpiece()


class FirstToken(torch.nn.Module):
    """A user's own classifier, read from the first token; how its mask is to be given is said by ``how``."""

    def __init__(self, how="real"):
        super().__init__()
        torch.manual_seed(2)
        layer = torch.nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.encoder = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = torch.nn.Linear(16, 3)
        self.how = how

    def forward(self, vectors, mask):
        if self.how == "pairs":
            return 10 * self.head(self.encoder(vectors, mask=mask)[:, 0])
        padding = {"real": lambda: ~mask, "padding": lambda: mask, "additive": lambda: mask}[self.how]()
        return 10 * self.head(self.encoder(vectors, src_key_padding_mask=padding)[:, 0])


LENGTHS = (7, 5, 7, 4)


def batch(lengths=LENGTHS):
    generator = torch.Generator().manual_seed(0)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return {"vectors": torch.randn(len(lengths), max(lengths), 16, generator=generator), "mask": mask}


def encoding(texts=TEXTS, kind="pt", **settings):
    settings = {"padding": True, "return_token_type_ids": False} | settings
    return TOKENIZER(texts, return_tensors=kind, **settings)


def probe_texts(texts=None, model=None, tokenizer=None, **settings):
    return attnprobe.probe(model or MODEL, tokenizer or TOKENIZER, TEXTS if texts is None else texts, **settings)


def changed(**attributes):
    tokenizer = wordpiece()
    for name, value in attributes.items():
        setattr(tokenizer, name, value)
    return tokenizer


def a_dataset():
    datasets = pytest.importorskip("datasets")
    return datasets.Dataset.from_dict({"text": TEXTS})


def a_pipeline():
    return transformers.pipeline("text-classification", model=classifier(), tokenizer=TOKENIZER, device="cpu")


def compiled_forward():
    model = classifier()
    model.forward = torch.compile(model.forward, backend="eager")
    return model


def on_meta():
    with torch.device("meta"):
        return bert(classifier=True, num_labels=3)


def offloaded():
    """As accelerate leaves a layer whose weights are on the disk."""
    model = classifier()
    layer = model.bert.encoder.layer[1].to("meta")
    layer._hf_hook, layer._old_forward = object(), layer.forward
    model.hf_device_map = {"bert.encoder.layer.1": "disk"}
    return model


def within(*contexts):
    model = classifier()
    with contextlib.ExitStack() as stack:
        for context in contexts:
            stack.enter_context(context())
        return probe_texts(model=model)


def made_within_inference_mode():
    with torch.inference_mode():
        return classifier()


PLAIN = {
    "a generator of texts": lambda: probe_texts(text for text in TEXTS),
    "an array of texts": lambda: probe_texts(np.array(TEXTS)),
    "an array of objects": lambda: probe_texts(np.array(TEXTS, dtype=object)),
    "a series": lambda: probe_texts(pd.Series(TEXTS, index=[7, 3, 5])),
    "an arrow column": lambda: probe_texts(pa.chunked_array([TEXTS[:1], TEXTS[1:]])),
    "a column of a datasets.Dataset": lambda: probe_texts(a_dataset()["text"]),
    "a pipeline": lambda: attnprobe.probe(a_pipeline(), TEXTS),
    "a pipeline, and texts by name": lambda: attnprobe.probe(a_pipeline(), texts=TEXTS),
    "DataParallel": lambda: probe_texts(model=torch.nn.DataParallel(classifier())),
    "inference_mode": lambda: within(torch.inference_mode),
    "autocast": lambda: within(lambda: torch.autocast("cpu", torch.bfloat16)),
    "padding on the left": lambda: probe_texts(tokenizer=changed(padding_side="left"), layers="all"),
    "no padding token": lambda: probe_texts(tokenizer=changed(pad_token=None)),
}
"""What gives the very numbers of a list of texts with model and tokenizer."""


def same(one, other, names=("documents", "erasures", "items")):
    for name in names:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), atol=1e-5, rtol=1e-5)


@functools.cache
def plain(layers="last"):
    return probe_texts(layers=layers)


@pytest.mark.parametrize("door", PLAIN)
def test_a_door_gives_the_numbers_of_the_plain_one(door):
    same(PLAIN[door](), plain("all" if "left" in door else "last"))


ENCODED = {
    "one encoding": lambda: encoding(),
    "encodings one after another": lambda: (part for part in [encoding()]),
    "encodings in arrays": lambda: [encoding(kind="np")],
    "encodings in lists": lambda: [dict(encoding(kind=None))],
    "tuples in the order of the arguments": lambda: [tuple(encoding().values())],
    "the first of one document": lambda: [encoding([text]) for text in TEXTS],
    "a mask that is added, (B, T)": lambda: [with_mask(lambda real: (1.0 - real.float()) * -1e9, two=True)],
    "a mask that is added, (B, 1, 1, T)": lambda: [with_mask(lambda real: (1.0 - real.float()) * -1e9)],
    "labels beside": lambda: [{**encoding(), "labels": torch.tensor([0, 1, 2])}],
}
"""Batches, of the same texts."""


def with_mask(made, two=False):
    given = dict(encoding())
    mask = made(given["attention_mask"])
    return given | {"attention_mask": mask if two else mask[:, None, None]}


@pytest.mark.parametrize("door", ENCODED)
def test_a_form_of_batches_gives_the_numbers_of_texts(door):
    model = AddsItsMask(MODEL) if "(B, T)" in door else MODEL
    result = attnprobe.probe(model, ENCODED[door]())
    for name in ("documents", "items"):
        columns = ["n", "decision", "p_decision", "js_top"] if name == "documents" else ["document", "weight", "js"]
        one, other = getattr(result, name)[columns], getattr(plain(), name)[columns]
        pd.testing.assert_frame_equal(one, other, atol=1e-5, rtol=1e-4)


class AddsItsMask(torch.nn.Module):
    """A model of one's own whose mask of (B, T) is what is added to scores."""

    def __init__(self, model):
        super().__init__()
        self.inner = model

    def forward(self, input_ids, attention_mask):
        return self.inner(input_ids=input_ids, attention_mask=attention_mask[:, None, None]).logits


CHAT = [{"role": "user", "content": "word0 plantedpos"}, {"role": "assistant", "content": "word1"}]


def of_fewer_tokens():
    model = classifier()
    model.resize_token_embeddings(50)
    return model


REFUSED = {
    "a text that is None": (lambda: probe_texts(["word0", None]), "Text 1 is missing: it is None."),
    "a text that is NaN": (lambda: probe_texts(pd.Series(["word0", np.nan])), "Text 1 is missing: it is nan."),
    "one string": (lambda: probe_texts("word0"), "The texts are one string"),
    "no texts": (lambda: probe_texts([]), "There are no texts."),
    "bytes": (lambda: probe_texts([b"word0"]), "Text 0 is no string, but bytes."),
    "a frame": (lambda: probe_texts(pd.DataFrame({"text": TEXTS})), "a DataFrame of 'text': give one of these"),
    "a whole dataset": (lambda: probe_texts(a_dataset()), "a Dataset of 'text': give one of these"),
    "rows of a dataset": (lambda: probe_texts(list(a_dataset())), "Text 0 is no string, but dict of 'text'"),
    "lists of words": (lambda: probe_texts([["word0", "word1"]]), "a pair is a tuple of two"),
    "lists of token numbers": (lambda: probe_texts([[1, 2]]), "encodings are batches"),
    "texts and pairs": (lambda: probe_texts(["word0", ("word1", "word2")]), "Text 1 is a pair, but text 0 a text"),
    "half a pair": (lambda: probe_texts([("word0", None)]), "Text 0, part 1, is missing: it is None."),
    "one chat": (lambda: probe_texts(CHAT), "the messages of one chat"),
    "a chat without template": (lambda: probe_texts([CHAT]), "has no chat_template"),
    "a foreign tokenizer": (
        lambda: probe_texts(model=of_fewer_tokens()),
        "The tokenizer of BertForSequenceClassification is not the model's",
    ),
    "a module of one's own with texts": (
        lambda: attnprobe.probe(FirstToken(), TOKENIZER, TEXTS),
        "FirstToken is no model of transformers",
    ),
    "a compiled forward": (lambda: probe_texts(model=compiled_forward()), "is compiled"),
    "weights that are not loaded": (lambda: probe_texts(model=on_meta()), "is on the device meta"),
    "weights on the disk": (lambda: probe_texts(model=offloaded()), "is offloaded"),
    "weights made in inference mode": (
        lambda: probe_texts(model=made_within_inference_mode()),
        "was made inside torch.inference_mode",
    ),
    "encodings of several lengths": (
        lambda: attnprobe.probe(MODEL, [TOKENIZER(TEXTS)]),
        r"The input_ids of batch 0 are rows of different lengths",
    ),
    "labels in a tuple": (
        lambda: attnprobe.probe(FirstToken(), [(batch()["vectors"], torch.arange(4))]),
        "Batch 0 has 2 tensors, of which number 1 is no argument",
    ),
    "an argument too many": (
        lambda: attnprobe.probe(FirstToken(), [batch() | {"labels": torch.arange(4)}]),
        "Batch 0 holds 'labels', which FirstToken does not take",
    ),
    "an inverted mask": (
        lambda: attnprobe.probe(FirstToken("padding"), [batch() | {"mask": ~batch()["mask"]}]),
        "says of no token of document 0 that it is real",
    ),
    "an inverted mask of padded documents": (
        lambda: attnprobe.probe(FirstToken("padding"), [padded({**batch(), "mask": ~batch()["mask"]}, True)]),
        "read the other way round by the model",
    ),
    "numbers beyond the vocabulary": (
        lambda: attnprobe.probe(MODEL, [{"input_ids": torch.full((3, 5), 100)}]),
        "cannot be run on what it is given: IndexError",
    ),
    "too many draws": (lambda: probe_texts(draws=129), "The draws are 129, but 128"),
}
"""What is refused, and the sentence."""


def padded(given, value):
    """With two more tokens of padding behind every document."""
    mask = torch.nn.functional.pad(given["mask"], (0, 2), value=value)
    return {"vectors": torch.nn.functional.pad(given["vectors"], (0, 0, 0, 2)), "mask": mask}


@pytest.mark.parametrize("door", REFUSED)
def test_what_cannot_be_taken_is_refused_in_one_sentence_that_says_why(door):
    call, sentence = REFUSED[door]
    with pytest.raises((InputError, TypeError), match=sentence) as refused:
        call()
    assert len(str(refused.value).splitlines()) == 1
    assert str(refused.value).endswith(".")


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


ROWS = [("neg", "word0 is dull"), ("pos", "we loved word1"), ("neg", "pieces of nothing"), ("pos", "a fine word2")] * 3
SPLITS = {"train": ROWS * 4, "dev": ROWS, "test": ROWS[:5]}


def in_parts(folder, parts=(0, 1)):
    """As repositories of the hub have it."""
    (folder / "data").mkdir(parents=True)
    for split, rows in SPLITS.items():
        name = {"dev": "validation"}.get(split, split)
        for part in parts:
            write_parquet(folder / "data" / f"{name}-{part:05}-of-00002.parquet", rows[part::2])
    return folder


def saved(folder, **changed):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    columns = {
        {"dev": "validation"}.get(split, split): {
            "text": [text for _, text in rows],
            "label": [["neg", "pos"].index(label) for label, _ in rows],
        }
        for split, rows in SPLITS.items()
    }
    columns["test"] |= changed
    made = datasets.DatasetDict({name: datasets.Dataset.from_dict(each, features) for name, each in columns.items()})
    made.save_to_disk(folder, num_shards={"train": 2, "validation": 1, "test": 1})
    return folder


def of_classes(folder):
    """Parquet with numbers for labels, and their names beside the columns."""
    datasets = pytest.importorskip("datasets")
    folder.mkdir()
    for split in SPLITS:
        rows = SPLITS[split]
        features = datasets.Features(
            {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["pos", "neg"])}
        )
        columns = {"text": [text for _, text in rows], "label": [["pos", "neg"].index(label) for label, _ in rows]}
        datasets.Dataset.from_dict(columns, features).to_parquet(folder / f"{split}.parquet")
    return folder


def called(name):
    def make(folder):
        write_folder(folder, train=SPLITS["train"], test=SPLITS["test"])
        write_tsv(folder / f"{name}.tsv", SPLITS["dev"])
        return folder

    return make


def truths_as_labels(suffix):
    def make(folder):
        return write_folder(
            folder, suffix, **{name: [(label == "pos", text) for label, text in rows] for name, rows in SPLITS.items()}
        )

    return make


FOLDERS = {
    "validation.tsv": called("validation"),
    "valid.tsv": called("valid"),
    "val.tsv": called("val"),
    "arrays of JSON": lambda folder: write_folder(folder, "json", **SPLITS),
    "Parquet in parts": in_parts,
    "a saved dataset": saved,
    "Parquet with names of classes": of_classes,
}
"""Folders that hold the same documents as three plain files."""


def documents_of(folder, **columns):
    dataset = load_dataset(str(folder), **columns)
    return dataset.labels, {
        name: sorted(zip([dataset.labels[code] for code in split.labels], split.documents().texts, strict=True))
        for name, split in dataset.splits.items()
    }


@pytest.mark.parametrize("door", FOLDERS)
def test_a_folder_of_another_form_holds_the_same_documents(door, tmp_path):
    labels, found = documents_of(FOLDERS[door](tmp_path / "data-set"))
    assert found == {name: sorted(rows) for name, rows in SPLITS.items()}
    assert labels == (["pos", "neg"] if "classes" in door else ["neg", "pos"])  # in the order of their numbers


@pytest.mark.parametrize("suffix", ["jsonl", "json", "parquet", "csv"])
def test_labels_may_be_true_and_false(suffix, tmp_path):
    labels, found = documents_of(truths_as_labels(suffix)(tmp_path / "data-set"))
    assert labels == ["False", "True"]
    assert found["test"] == sorted((str(label == "pos"), text) for label, text in SPLITS["test"])


def with_header(*header):
    def make(folder):
        folder.mkdir()
        for split, rows in SPLITS.items():
            write_tsv(folder / f"{split}.tsv", rows, header)
        return folder

    return make


def damaged(folder):
    path = next((saved(folder) / "train").glob("*.arrow"))
    path.write_bytes(path.read_bytes()[:200])
    return folder


def packed(folder):
    """A saved dataset whose batches are compressed."""
    path = next((saved(folder) / "test").glob("*.arrow"))
    with pa.OSFile(str(path), "rb") as source:
        table = pa.ipc.open_stream(source).read_all()
    with pa.OSFile(str(path), "wb") as sink:
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
            writer.write_table(table)
    return folder


def twice(folder):
    write_tsv(called("valid")(folder) / "dev.tsv", SPLITS["dev"])
    return folder


def half_an_array(folder):
    write_folder(folder, "json", **SPLITS)
    (folder / "test.json").write_text('[{"label": "pos", "text": "a"}, {"label": "pos"')
    return folder


REFUSED_FOLDERS = {
    "a part is missing": (lambda folder: in_parts(folder, (1,)), "train-00000-of-00002.parquet is missing"),
    "the same split twice": (twice, "the files 'dev.tsv', 'valid.tsv' are the same split"),
    "a label without a class": (
        lambda folder: saved(folder, label=[-1, 0, 0, 0, 0]),
        "row 1, column 'label': the label is -1",
    ),
    "Arrow that ends too early": (damaged, "arrow: not readable as Arrow"),
    "Arrow that is compressed": (packed, "a record batch that is compressed"),
    "an array that ends too early": (half_an_array, "test.json, row 2: not valid JSON"),
    "a text called otherwise": (with_header("label", "sentence"), "Did you mean --text-column sentence?"),
    "a label called otherwise": (with_header("target", "text"), "Did you mean --label-column target?"),
    "a text that nobody knows": (with_header("label", "zzz"), "Name it with --text-column."),
    "two labels": (lambda folder: write_both(folder), "name one with --label-column"),
}
"""Folders that are refused, and the sentence."""


def write_both(folder):
    write_folder(folder, **SPLITS)
    write_tsv(folder / "train.tsv", [(label, label, text) for label, text in ROWS], ("label", "category", "text"))
    return folder


@pytest.mark.parametrize("door", REFUSED_FOLDERS)
def test_a_folder_that_cannot_be_read_is_refused_in_one_sentence(door, tmp_path):
    make, sentence = REFUSED_FOLDERS[door]
    with pytest.raises(InputError, match=re.escape(sentence)) as refused:
        load_dataset(str(make(tmp_path / "data-set")))
    assert len(str(refused.value).splitlines()) == 1
    assert "data-set" in str(refused.value)


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
