import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import models, normalizers, pre_tokenizers
from transformers import ByT5Tokenizer

from attnprobe.base.errors import DocumentError, InputError
from attnprobe.models.huggingface.pieces import EncodedPieces, encode_documents
from tests.fixtures.checkpoints import TEXTS, TOKENIZERS, byte_level, wordpiece
from tests.fixtures.plain_texts import documents_of, documents_of_one_word, documents_with, shown

CPU = torch.device("cpu")
PLENTY = 1000
PLAIN = [*" ".join(TEXTS).split(" "), "zzz", "q", "▁", "Ġ", "é", "e\u0301", "😀"]
WORDS = [
    *PLAIN,
    "[SEP]",
    "</s>",
    "<|endoftext|>",
    "wasn't",
    "GOOD.",
    "(it)",
    "\n",
    "\n\n",
    "",
    "\u200b",
    "ﬁne",
    "[UNK]",
]

tokenizers = {name: make() for name, make in TOKENIZERS.items()}
tokenizers["byte_level_trimmed"] = byte_level(trim_offsets=True)
for tokenizer in tokenizers.values():
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token

every_tokenizer = pytest.mark.parametrize("name", list(tokenizers))
plain_texts = st.lists(st.lists(st.sampled_from(PLAIN), min_size=1, max_size=9).map(" ".join), min_size=1, max_size=4)
raw_texts = st.lists(
    st.lists(st.sampled_from(WORDS) | st.text(max_size=3), min_size=1, max_size=9).map(" ".join).filter(str.strip),
    min_size=1,
    max_size=4,
)


def items_by_hand(tokenizer, text, words):
    """Numbers of each item's pieces, one character at a time; ``words`` are (begin, end) in the text."""
    encoding = tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)
    word_at = {at: number for number, span in enumerate(words) for at in range(*span)}
    together = list(range(len(words)))  # the first of the words that a word is one with
    for begin, end in encoding["offset_mapping"]:
        touched = sorted({word_at[at] for at in range(begin, end) if at in word_at})
        for word in range(touched[0], touched[-1] + 1) if touched else ():
            together = [together[touched[0]] if first == together[word] else first for first in together]
    items, before = [], object()
    for piece, (begin, end), added in zip(
        encoding["input_ids"], encoding["offset_mapping"], encoding["special_tokens_mask"], strict=True
    ):
        token = tokenizer.convert_ids_to_tokens(piece)
        special = tokenizer.added_tokens_decoder.get(piece)
        apart = added or (special is not None and special.special and token in text[begin:end])
        touched = [word_at[at] for at in range(begin, end) if at in word_at]
        behind = [number for number, (_, behind) in enumerate(words) if behind > begin]
        word = None if apart else together[(touched or behind or [len(words) - 1])[0]]
        if apart or word != before:
            items.append([])
        items[-1].append(piece)
        before = word
    return items


@every_tokenizer
@given(texts=raw_texts)
def test_items_are_words_and_special_tokens_with_all_their_pieces(name, texts):
    documents = documents_with(*texts)
    encoded = encode_documents(documents, tokenizers[name], PLENTY, "word")
    ends = np.cumsum(documents.words_per_document)
    for row, end in enumerate(ends):
        own = slice(end - documents.words_per_document[row], end)
        spans = list(zip(documents.word_starts[own].tolist(), documents.word_ends[own].tolist(), strict=True))
        items, batch = items_by_hand(tokenizers[name], texts[row], spans), encoded.batch(np.array([row]))
        assert batch.input_ids[0].tolist() == [piece for item in items for piece in item]
        assert batch.units[0].tolist() == [number for number, item in enumerate(items) for _ in item]
        assert batch.sizes.tolist() == [len(items)] == [len(encoded.texts_of(row))]


@every_tokenizer
@given(texts=raw_texts)
def test_tokens_are_items_by_themselves(name, texts):
    encoded = encode_documents(documents_of_one_word(texts), tokenizers[name], PLENTY)
    for row, text in enumerate(texts):
        batch = encoded.batch(np.array([row]))
        assert batch.units[0].tolist() == list(range(int(encoded.lengths[row]))) == list(range(int(batch.sizes)))
        assert batch.input_ids[0].tolist() == tokenizers[name](text)["input_ids"]


@every_tokenizer
@pytest.mark.parametrize("unit", ["token", "word"])
@given(texts=raw_texts)
def test_items_show_the_text_as_it_is(name, unit, texts):
    documents = documents_of_one_word(texts) if unit == "token" else documents_with(*texts)
    encoded = encode_documents(documents, tokenizers[name], PLENTY, unit)
    for row, text in enumerate(texts):
        items = encoded.texts_of(row)
        assert text.startswith(shown(items))
        if name.startswith("byte_level"):
            assert shown(items) == text
        for item in items:
            assert item.token
            assert item.before is None or item.token.isspace() or not item.token[0].isspace()


@every_tokenizer
@given(texts=plain_texts)
def test_every_word_and_special_token_is_one_item(name, texts):
    documents = documents_of(*texts)
    encoded = encode_documents(documents, tokenizers[name], PLENTY, "word")
    around = len(tokenizers[name]("")["input_ids"])
    assert encoded.sizes.tolist() == (documents.words_per_document + around).tolist()
    for row, text in enumerate(texts):
        assert [item.token for item in encoded.texts_of(row) if item.before is not None] == text.split(" ")


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
    assert cut.texts_of(1)[: kept - 1] == whole.texts_of(1)[: kept - 1]  # of the last word a part may be gone
    assert whole.texts_of(1)[kept - 1].token.startswith(cut.texts_of(1)[kept - 1].token)


def test_more_documents_than_go_through_the_tokenizer_at_once(monkeypatch):
    texts = [" ".join(WORDS[i : i + 1 + i % 5]) for i in range(20)]
    at_once = encode_documents(documents_of(*texts), tokenizers["unigram"], 8, "word")
    monkeypatch.setattr("attnprobe.models.huggingface.pieces._CHUNK", 3)
    in_turn = encode_documents(documents_of(*texts), tokenizers["unigram"], 8, "word")
    rows = np.arange(20)
    assert torch.equal(at_once.batch(rows).input_ids, in_turn.batch(rows).input_ids)
    assert torch.equal(at_once.batch(rows).units, in_turn.batch(rows).units)
    assert at_once.cut == in_turn.cut > 0


def tokens_of(encoded, row=0):
    return [item.token for item in encoded.texts_of(row)]


def test_special_tokens_in_a_text_are_what_the_tokenizer_makes_of_them_and_counted():
    texts = ["word1 [SEP]word2\n[MASK]", "word1 zzz", "an [UNK] one", "[SEP] [SEP]", "[sep]"]
    encoded = encode_documents(documents_with(*texts), wordpiece(), PLENTY, "word")
    assert tokens_of(encoded) == ["[CLS]", "word1", "[SEP]", "word2", "[MASK]", "[SEP]"]
    assert [item.before for item in encoded.texts_of(0)] == [None, "", " ", "", "\n", None]
    separator = wordpiece().sep_token_id
    assert (encoded.batch(np.array([0])).input_ids == separator).sum() == 2
    assert encoded.special == 3
    assert encode_documents(documents_with(*texts), wordpiece(), 3).special == 1
    chat = encode_documents(documents_with("<|endoftext|> hi", "<|endoftext |>"), tokenizers["byte_level"], PLENTY)
    assert chat.special == 1


@pytest.mark.parametrize("name", ["byte_level", "byte_level_trimmed"])
def test_byte_level_pieces_are_readable(name):
    encoded = encode_documents(documents_with("It\n\nis  漢 😀é"), tokenizers[name], PLENTY)
    items = encoded.texts_of(0)
    assert shown(items) == "It\n\nis  漢 😀é"
    tokens = tokens_of(encoded)
    assert not set("".join(tokens)) & set("ĠĊðŁĺĢÃ")
    assert tokens.count("\n") == 2
    at = tokens.index("😀")
    assert tokens[at : at + 4] == ["😀", "⟨9F⟩", "⟨98⟩", "⟨80⟩"]
    assert [item.before for item in items[at + 1 : at + 4]] == [None] * 3


def test_pieces_that_reach_into_several_words_make_them_one():
    documents = documents_with("it wasn't")
    assert documents.words_of(0) == ["it", "was", "n't"]
    tokenizer = byte_level()
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.backend_tokenizer.model = models.BPE(tokenizer.get_vocab() | {"sn": 300}, [("s", "n")])
    encoded = encode_documents(documents, tokenizer, PLENTY, "word")
    assert tokenizer.convert_tokens_to_ids("sn") in encoded.batch(np.array([0])).input_ids
    assert tokens_of(encoded) == ["it", "wasn't"]


def test_a_tokenizer_without_offsets_gives_tokens_alone():
    tokenizer, documents = ByT5Tokenizer(), documents_of("ab c", "d")
    encoded = encode_documents(documents, tokenizer, PLENTY)
    assert encoded.lengths.tolist() == [5, 2]
    assert encoded.texts_of(1) == [("d", None), ("</s>", None)]
    assert encode_documents(documents_of("a </s> b", "c"), tokenizer, PLENTY).special == 1
    with pytest.raises(InputError, match="ByT5Tokenizer does not say which word"):
        encode_documents(documents, tokenizer, PLENTY, "word")


def test_a_document_without_pieces_is_refused():
    tokenizer, documents = byte_level(), documents_of("word1", "word2", "word3")
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace("word2", "")
    with pytest.raises(DocumentError, match="makes nothing of document 1 of 3"):
        encode_documents(documents, tokenizer, PLENTY)
    with pytest.raises(DocumentError, match="makes nothing of it"):
        encode_documents(documents.take(np.array([1])), tokenizer, PLENTY, leave_out=True)


def test_a_document_without_pieces_is_left_out_where_that_is_wanted():
    tokenizer, documents = byte_level(), documents_of("word1", "word2", "word3 word1", "word2")
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace("word2", "")
    found = encode_documents(documents, tokenizer, PLENTY, leave_out=True)
    others = encode_documents(documents.take(np.array([0, 2])), tokenizer, PLENTY)
    assert (found.left_out, others.left_out, len(found)) == (2, 0, 2)
    assert found.lengths.tolist() == others.lengths.tolist()
    for mine, theirs in zip(
        vars(found.batch(np.arange(2))).values(), vars(others.batch(np.arange(2))).values(), strict=True
    ):
        assert np.array_equal(mine, theirs)
    assert [found.texts_of(row) for row in (0, 1)] == [others.texts_of(row) for row in (0, 1)]


def test_a_tokenizer_without_padding_is_refused():
    with pytest.raises(InputError, match="no padding token"):
        encode_documents(documents_of("word1"), byte_level(), PLENTY)


def test_batches_are_moved_whole():
    batch = encode_documents(documents_of(*TEXTS), wordpiece(), PLENTY).batch(np.arange(3))
    moved = batch.to(torch.device("meta"))
    assert {value.device.type for value in vars(moved).values() if isinstance(value, torch.Tensor)} == {"meta"}
    assert isinstance(encode_documents(documents_of("a"), wordpiece(), PLENTY), EncodedPieces)
