"""A transformer is tested on the user's text, byte for byte: what it reads is what its tokenizer gives for the text."""

import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from attnprobe.data.datasets import load_dataset
from attnprobe.data.docstrings.folder import docstrings_folder
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.folder import read_splits, split_files
from attnprobe.models.huggingface.pieces import encode_documents
from tests.fixtures.plain_texts import documents_of_one_word, shown

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"

CHATS = [
    "<|im_start|>user\nIt  wasn't GOOD.\n\nSentiment:<|im_end|>\n<|im_start|>assistant\n",
    '[INST] <<SYS>>\nYou are\thelpful.\n<</SYS>>\n\n3,5 > 2 & "so" [/INST]',
    " leading and trailing \n",
    "it wasn't good.\nSentiment:",
    "[CLS] a [SEP] b </s> c <|endoftext|><pad>",
    "{{ template }}\r\n\r\n<script>alert(1)</script>",
]
TWEETS = [
    "omg 😀😀 SO good!!!   @user #film… http://t.co/x",
    "👩‍👧‍👦 naïve e\u0301te\u0301 — ﬁne 東京 \u200b \u202etxt",
    "I'm  14-year-old…can't\u00a0even :-) ¯\\_(ツ)_/¯",
    "ALL CAPS\tand\ttabs",
    "🇩🇪 vs. 🇫🇷 2:1",
]


def trained(kind, texts):
    """A tokenizer with a vocabulary from these texts."""
    if kind == "wordpiece":
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
        trainer = trainers.WordPieceTrainer(vocab_size=1500, special_tokens=special, show_progress=False)
        template, names = ("[CLS] $A [SEP]", [("[CLS]", 2), ("[SEP]", 3)]), ("pad", "unk", "cls", "sep")
    elif kind == "byte_level":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=1500, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        )
        template, names = None, ("eos",)
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
        special = ["<pad>", "</s>", "<unk>"]
        trainer = trainers.UnigramTrainer(
            vocab_size=600, special_tokens=special, unk_token="<unk>", show_progress=False
        )
        template, names = ("$A </s>", [("</s>", 1)]), ("pad", "eos", "unk")
    tokenizer.train_from_iterator(texts, trainer)
    if template is not None:
        tokenizer.post_processor = processors.TemplateProcessing(single=template[0], special_tokens=template[1])
    named = {f"{name}_token": token for name, token in zip(names, special, strict=False)}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named)
    fast.pad_token = fast.pad_token or fast.eos_token
    return fast


@pytest.fixture(scope="module")
def docstrings():
    """The texts of each split of the built-in dataset."""
    raw = read_splits(split_files(docstrings_folder()), WantedColumns())
    return {name: list(split.texts()) for name, split in raw.items()}


@pytest.fixture(scope="module", params=["wordpiece", "byte_level", "unigram"])
def tokenizer(request, docstrings):
    return trained(request.param, docstrings["dev"][:150])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Two datasets in files: chats and tweets."""
    folder = tmp_path_factory.mktemp("written")
    for name, texts in (("chats", CHATS), ("tweets", TWEETS)):
        (folder / name).mkdir()
        lines = [json.dumps({"label": "ab"[i % 2], "text": text}) for i, text in enumerate(texts * 2)]
        for split in ("train", "test"):
            (folder / name / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {name: load_dataset(str(folder / name)) for name in ("chats", "tweets")}


def assert_read_as_given(documents, tokenizer, longest, units=("token", "word")):
    given = tokenizer(documents.texts, truncation=True, max_length=longest)["input_ids"]
    for unit in units:
        encoded = encode_documents(documents, tokenizer, longest, unit)
        for start in range(0, len(documents), 64):
            batch = encoded.batch(np.arange(start, min(start + 64, len(documents))))
            read = [ids[mask].tolist() for ids, mask in zip(batch.input_ids, batch.mask, strict=True)]
            assert read == given[start : start + 64]
    for row in range(0, len(documents), 97):
        assert documents.texts[row].startswith(shown(encoded.texts_of(row)))


@pytest.mark.parametrize("every", [20, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.samples(1)
def test_every_docstring_is_read_as_its_tokenizer_gives_it(docstrings, tokenizer, every):
    """In the suite one of twenty."""
    for texts in docstrings.values():
        assert_read_as_given(documents_of_one_word(texts[::every]), tokenizer, 256, ["token"])


@pytest.mark.parametrize(("name", "texts"), [("chats", CHATS), ("tweets", TWEETS)])
@pytest.mark.parametrize("longest", [512, 7])
def test_texts_of_the_network_are_read_as_their_tokenizer_gives_them(written, tokenizer, name, texts, longest):
    for split in written[name].splits.values():
        assert set(split.documents().texts) <= set(texts)
        assert_read_as_given(split.documents(), tokenizer, longest)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the data sets beside the repository")
@pytest.mark.parametrize("name", ["imdb8", "trec6", "sst5"])
def test_shared_data_are_read_as_their_tokenizer_gives_them(tokenizer, name, tmp_path):
    rows = (SHARED / name / "test.tsv").read_text(encoding="utf-8").split("\n")[:60]
    for split in ("train", "test"):
        (tmp_path / f"{split}.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    documents = load_dataset(str(tmp_path)).splits["test"].documents()
    column = rows[0].split("\t").index("tokens")
    assert documents.texts == [row.split("\t")[column] for row in rows[1:]]
    assert_read_as_given(documents, tokenizer, 128)
