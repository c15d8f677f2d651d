import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import normalizers
from transformers import ByT5Tokenizer

from attnprobe.errors import InputError
from attnprobe.huggingface.pieces import EncodedPieces, encode_documents
from tests.huggingface.checkpoints import TEXTS, TOKENIZERS, byte_level, wordpiece
from tests.huggingface.texts import documents_of

CPU = torch.device("cpu")
PLENTY = 1000
WORDS = [*" ".join(TEXTS).split(" "), "[SEP]", "</s>", "<|endoftext|>", "zzz", "q", "▁", "Ġ", "é", "e\u0301", "😀"]

tokenizers = {name: make() for name, make in TOKENIZERS.items()}
tokenizers["byte_level_trimmed"] = byte_level(trim_offsets=True)
for tokenizer in tokenizers.values():
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token

every_tokenizer = pytest.mark.parametrize("name", list(tokenizers))
some_texts = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join), min_size=1, max_size=4)


def units_by_hand(tokenizer, words):
    """(number of each piece, its word or None), one character at a time."""
    owner = []
    for number, word in enumerate(words):
        owner += [number] * (len(word) + (number > 0))  # the space before it is the word's
    text = " ".join(words)
    encoding = tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True, split_special_tokens=True)
    pieces = []
    for piece, (start, end), special in zip(
        encoding["input_ids"], encoding["offset_mapping"], encoding["special_tokens_mask"], strict=True
    ):
        pieces.append((piece, None if special else owner[end - 1 if end > start else start]))
    return pieces


@every_tokenizer
@given(texts=some_texts)
def test_pieces_belong_to_the_words_that_hold_them(name, texts):
    documents = documents_of(*texts)
    encoded = encode_documents(documents, tokenizers[name], PLENTY, "word")
    for row in range(len(texts)):
        words, batch = documents.words_of(row), encoded.batch(np.array([row]))
        by_hand = units_by_hand(tokenizers[name], words)
        assert batch.input_ids[0].tolist() == [piece for piece, _ in by_hand]
        units, texts_of_items, before = [], [], object()
        for piece, word in by_hand:
            if word is None or word != before:
                texts_of_items.append(tokenizers[name].convert_ids_to_tokens(piece) if word is None else words[word])
            units.append(len(texts_of_items) - 1)
            before = word
        assert batch.units[0].tolist() == units
        assert encoded.items_of(row) == texts_of_items
        assert batch.sizes.tolist() == [len(texts_of_items)]


@every_tokenizer
@given(texts=some_texts)
def test_tokens_are_items_by_themselves(name, texts):
    encoded = encode_documents(documents_of(*texts), tokenizers[name], PLENTY)
    for row in range(len(texts)):
        batch = encoded.batch(np.array([row]))
        assert batch.units[0].tolist() == list(range(int(encoded.lengths[row]))) == list(range(int(batch.sizes)))
        assert encoded.items_of(row) == tokenizers[name].convert_ids_to_tokens(batch.input_ids[0].tolist())


@every_tokenizer
@given(texts=some_texts)
def test_every_word_and_special_token_is_one_item(name, texts):
    documents = documents_of(*texts)
    encoded = encode_documents(documents, tokenizers[name], PLENTY, "word")
    around = len(tokenizers[name]("")["input_ids"])
    assert encoded.sizes.tolist() == (documents.words_per_document + around).tolist()


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("unit", ["token", "word"])
def test_padding_adds_nothing(side, unit):
    tokenizer = wordpiece()
    tokenizer.padding_side = side
    encoded = encode_documents(documents_of(*TEXTS, "word1", labels=[2, 0, 1, 1]), tokenizer, PLENTY, unit)
    batch = encoded.batch(np.array([3, 0, 1]))
    assert batch.rows.tolist() == [3, 0, 1]
    assert batch.labels.tolist() == [1, 2, 0]
    assert len(batch) == 3
    assert batch.inputs()["attention_mask"].tolist() == batch.mask.long().tolist()
    assert (batch.input_ids[~batch.mask] == tokenizer.pad_token_id).all()
    assert (batch.units[~batch.mask] == -1).all()
    assert batch.mask[:, -1 if side == "left" else 0].all()
    for i, row in enumerate(batch.rows):
        alone = encoded.batch(row[None].numpy())
        assert batch.input_ids[i][batch.mask[i]].tolist() == alone.input_ids[0].tolist()
        assert batch.units[i][batch.mask[i]].tolist() == alone.units[0].tolist()
        if side == "left":
            positions = batch.inputs()["position_ids"][i][batch.mask[i]]
            assert positions.tolist() == list(range(int(encoded.lengths[row])))
    assert ("position_ids" in batch.inputs()) == (side == "left")


@every_tokenizer
def test_long_documents_are_cut_and_counted(name):
    texts = [TEXTS[1], TEXTS[1] + " " + TEXTS[0], "it"]
    whole = encode_documents(documents_of(*texts), tokenizers[name], PLENTY, "word")
    longest = int(whole.lengths[0])
    cut = encode_documents(documents_of(*texts), tokenizers[name], longest, "word")
    assert (whole.cut, cut.cut) == (0, 1)
    assert cut.lengths.tolist() == [longest, longest, whole.lengths[2]]
    special_behind = len(tokenizers[name]("")["input_ids"]) > 0
    kept = cut.sizes[1] - special_behind
    assert cut.items_of(1)[:kept] == whole.items_of(1)[:kept]


def test_more_documents_than_go_through_the_tokenizer_at_once(monkeypatch):
    texts = [" ".join(WORDS[i : i + 1 + i % 5]) for i in range(20)]
    at_once = encode_documents(documents_of(*texts), tokenizers["unigram"], 8, "word")
    monkeypatch.setattr("attnprobe.huggingface.pieces._CHUNK", 3)
    in_turn = encode_documents(documents_of(*texts), tokenizers["unigram"], 8, "word")
    rows = np.arange(20)
    assert torch.equal(at_once.batch(rows).input_ids, in_turn.batch(rows).input_ids)
    assert torch.equal(at_once.batch(rows).units, in_turn.batch(rows).units)
    assert at_once.cut == in_turn.cut > 0


def test_special_tokens_in_a_text_are_text():
    encoded = encode_documents(documents_of("word1 [SEP] word2"), wordpiece(), PLENTY, "word")
    assert encoded.items_of(0) == ["[CLS]", "word1", "[SEP]", "word2", "[SEP]"]
    separator = wordpiece().sep_token_id
    assert (encoded.batch(np.array([0])).input_ids == separator).sum() == 1


def test_a_tokenizer_without_offsets_gives_tokens_alone():
    tokenizer, documents = ByT5Tokenizer(), documents_of("ab c", "d")
    assert encode_documents(documents, tokenizer, PLENTY).lengths.tolist() == [5, 2]
    with pytest.raises(InputError, match="ByT5Tokenizer does not say which word"):
        encode_documents(documents, tokenizer, PLENTY, "word")


def test_a_document_without_pieces_is_refused():
    tokenizer, documents = byte_level(), documents_of("word1", "word2", "word3")
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace("word2", "")
    with pytest.raises(InputError, match="makes nothing of document 1 of a split"):
        encode_documents(documents, tokenizer, PLENTY)


def test_batches_are_moved_whole():
    batch = encode_documents(documents_of(*TEXTS), wordpiece(), PLENTY).batch(np.arange(3))
    moved = batch.to(torch.device("meta"))
    assert {value.device.type for value in vars(moved).values() if isinstance(value, torch.Tensor)} == {"meta"}
    assert isinstance(encode_documents(documents_of("a"), wordpiece(), PLENTY), EncodedPieces)
