"""Documents as sub-word pieces, and which pieces make up an item: each by itself, or all of a word."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from attnprobe.data.batches import EncodedSplit, IntArray, pad
from attnprobe.data.documents import Documents, runs
from attnprobe.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TOKEN, WORD = "token", "word"
"""What an item is: one piece, or all pieces of a word."""

_CHUNK = 1024
"""Documents that go through the tokenizer at once."""

_NO_WORD = -1


@dataclass(frozen=True)
class PieceBatch:
    """Documents as padded rows of pieces.

    Attributes:
        rows: their 0-based rows in the split (documents,).
        labels: class numbers (documents,).
        input_ids: numbers of the pieces (documents, pieces), special tokens included.
        mask: True where a piece is real (documents, pieces).
        units: the item that each piece belongs to, 0-based within its document, −1 at padding (documents, pieces).
        sizes: items a document (documents,).
        left: whether the padding is before the document.
    """

    rows: Tensor
    labels: Tensor
    input_ids: Tensor
    mask: Tensor
    units: Tensor
    sizes: Tensor
    left: bool

    def __len__(self) -> int:
        return len(self.rows)

    def to(self, device: torch.device) -> PieceBatch:
        """The same batch with its tensors on ``device``."""
        return PieceBatch(
            self.rows.to(device),
            self.labels.to(device),
            self.input_ids.to(device),
            self.mask.to(device),
            self.units.to(device),
            self.sizes.to(device),
            self.left,
        )

    def inputs(self) -> dict[str, Tensor]:
        """What models call these tensors; positions (documents, pieces) only where padding would shift them.

        Not every model takes positions: see :func:`attnprobe.huggingface.sequences.model_inputs`.
        """
        inputs = {"input_ids": self.input_ids, "attention_mask": self.mask.long()}
        if self.left:
            inputs["position_ids"] = (self.mask.cumsum(-1) - 1).clamp_(min=0)
        return inputs


@dataclass(frozen=True)
class _Pieces:
    """Pieces of documents one after another: numbers and words (pieces,), pieces a document (documents,)."""

    numbers: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    cut: int


class EncodedPieces(EncodedSplit[PieceBatch]):
    """A split whose documents are pieces, ready to be cut into batches.

    Attributes:
        unit: what an item is, ``token`` or ``word``.
        sizes: int64 (documents,), items a document.
        items: int64 (items of all documents,), indices into ``item_types``, in order of position.
        item_types: the distinct texts of items: words, pieces as the tokenizer writes them, special tokens.
    """

    def __init__(self, documents: Documents, pieces: _Pieces, unit: str, tokenizer: PreTrainedTokenizerBase) -> None:
        super().__init__(documents, pieces.lengths)
        self.unit = unit
        self.cut = pieces.cut
        self._first_piece = np.cumsum(self.lengths) - self.lengths
        begins = self._item_begins(pieces.words)
        item_of_piece = np.cumsum(begins) - 1
        self.sizes = np.add.reduceat(begins.astype(np.int64), self._first_piece)
        first_item = np.cumsum(self.sizes) - self.sizes
        units = item_of_piece - np.repeat(first_item, self.lengths)
        self.items, self.item_types = _item_texts(documents, pieces.numbers[begins], pieces.words[begins], tokenizer)
        self._first_item = first_item
        self._numbers = torch.from_numpy(pieces.numbers.astype(np.int32))
        self._units = torch.from_numpy(units.astype(np.int32))
        self._labels = torch.from_numpy(documents.labels)
        self._padding = int(tokenizer.pad_token_id)
        self._left = tokenizer.padding_side == "left"

    def _item_begins(self, words: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Where a new item begins (pieces,): everywhere but within a word."""
        begins: npt.NDArray[np.bool_] = words == _NO_WORD
        begins[1:] |= words[1:] != words[:-1]
        begins[self._first_piece] = True
        return begins

    def batch(self, rows: IntArray) -> PieceBatch:
        """The documents of these rows, in this order."""
        pieces = runs(self._first_piece[rows], self.lengths[rows])
        lengths = torch.from_numpy(self.lengths[rows])
        numbers, mask = pad(self._numbers[pieces].long(), lengths, value=self._padding, left=self._left)
        units, _ = pad(self._units[pieces].long(), lengths, value=-1, left=self._left)
        return PieceBatch(
            rows=torch.from_numpy(np.ascontiguousarray(rows, dtype=np.int64)),
            labels=self._labels[rows],
            input_ids=numbers,
            mask=mask,
            units=units,
            sizes=torch.from_numpy(self.sizes[rows]),
            left=self._left,
        )

    def items_of(self, document: int) -> list[str]:
        """The texts of a document's items, in order."""
        first = self._first_item[document]
        return [self.item_types[item] for item in self.items[first : first + self.sizes[document]]]


def encode_documents(
    documents: Documents, tokenizer: PreTrainedTokenizerBase, longest: int, unit: str = TOKEN
) -> EncodedPieces:
    """Cut documents into pieces, special tokens added as the tokenizer does.

    A document's text is its words, joined by one space; what looks like a special token in it is text. A piece belongs
    to the word that holds its last character, a space to the word behind it.

    Args:
        documents: the split.
        tokenizer: with a padding token.
        longest: documents are cut to this many pieces, special tokens included.
        unit: ``token``: each piece is an item; ``word``: all pieces of a word are one item, and a special token is one.

    Raises:
        InputError: words are asked of a tokenizer that does not say where its pieces are, or a document has no pieces.
    """
    if unit == WORD and not tokenizer.is_fast:
        raise InputError(
            f"{type(tokenizer).__name__} does not say which word a piece is of, so that items cannot be words; "
            "let them be tokens."
        )
    texts = _Texts(documents)
    chunks = [
        _encode(texts, range(start, min(start + _CHUNK, len(documents))), tokenizer, longest, by_word=unit == WORD)
        for start in range(0, len(documents), _CHUNK)
    ]
    pieces = _Pieces(
        numbers=np.concatenate([chunk.numbers for chunk in chunks]),
        words=np.concatenate([chunk.words for chunk in chunks]),
        lengths=np.concatenate([chunk.lengths for chunk in chunks]),
        cut=sum(chunk.cut for chunk in chunks),
    )
    if not pieces.lengths.all():
        raise InputError(f"The tokenizer makes nothing of document {int(np.argmin(pieces.lengths))} of a split.")
    return EncodedPieces(documents, pieces, unit, tokenizer)


class _Texts:
    """The texts of documents, and whose each character is."""

    def __init__(self, documents: Documents) -> None:
        self._types = np.array(documents.types, dtype=object)
        self._words = documents.words
        self._first = documents.word_offsets[documents.sentence_offsets]
        # A space stands before every word, the first one's only thought of: so a space is the next word's.
        self._ends = np.array([len(word) + 1 for word in documents.types], dtype=np.int64)[documents.words].cumsum()
        self._starts = np.concatenate([[0], self._ends])[self._first]

    def text(self, document: int) -> str:
        """The document's words, joined by one space."""
        return " ".join(self._types[self._words[self._first[document] : self._first[document + 1]]])

    def words_at(self, documents: npt.NDArray[np.int64], characters: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The word of the split that holds each of these characters of these documents' texts."""
        words = np.searchsorted(self._ends, self._starts[documents] + 1 + characters, side="right")
        return np.clip(words, self._first[documents], self._first[documents + 1] - 1)


def _encode(
    texts: _Texts, documents: range, tokenizer: PreTrainedTokenizerBase, longest: int, *, by_word: bool
) -> _Pieces:
    """The pieces of some documents, and the word of the split that each is of, −1 for none."""

    def tokenise(strings: list[str], **settings: Any) -> Any:  # noqa: ANN401
        return tokenizer(
            strings,
            split_special_tokens=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
            **settings,
        )

    strings = [texts.text(document) for document in documents]
    encoding = tokenise(
        strings, truncation=True, max_length=longest, return_offsets_mapping=by_word, return_special_tokens_mask=by_word
    )
    lengths = np.array([len(numbers) for numbers in encoding["input_ids"]], dtype=np.int64)
    numbers = _flat(encoding["input_ids"])
    words = np.full(len(numbers), _NO_WORD, dtype=np.int64)
    if by_word:
        offsets = _flat(itertools.chain.from_iterable(encoding["offset_mapping"])).reshape(-1, 2)
        last = np.maximum(offsets[:, 1] - 1, offsets[:, 0])  # a piece of no width is the word's that it stands before
        of_document = np.repeat(np.arange(documents.start, documents.stop), lengths)
        real = _flat(encoding["special_tokens_mask"]) == 0
        words[real] = texts.words_at(of_document[real], last[real])
    at_limit = [strings[row] for row in np.flatnonzero(lengths >= longest)]
    whole = tokenise(at_limit)["input_ids"] if at_limit else []
    return _Pieces(numbers, words, lengths, cut=sum(len(pieces) > longest for pieces in whole))


def _flat(rows: Iterable[Iterable[int]]) -> npt.NDArray[np.int64]:
    return np.fromiter(itertools.chain.from_iterable(rows), dtype=np.int64)


def _item_texts(
    documents: Documents,
    numbers: npt.NDArray[np.int64],
    words: npt.NDArray[np.int64],
    tokenizer: PreTrainedTokenizerBase,
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Texts of items of which the first piece and the word are given: indices into distinct texts."""
    of_word = words != _NO_WORD
    types = documents.types if of_word.any() else []
    distinct, which = np.unique(numbers[~of_word], return_inverse=True)
    items = np.empty(len(words), dtype=np.int64)
    items[of_word] = documents.words[words[of_word]]
    items[~of_word] = len(types) + which
    return items, [*types, *tokenizer.convert_ids_to_tokens(distinct.tolist())]
