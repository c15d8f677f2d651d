"""Texts as the pieces that a tokenizer makes of them, and which are an item: each by itself, or all of a word."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from attnprobe.base.errors import DocumentError, InputError
from attnprobe.data.batches import EncodedSplit, IntArray, pad, with_tensors_on
from attnprobe.data.documents import Documents, runs
from attnprobe.explanations.item_parts import ItemParts
from attnprobe.models.huggingface.decided_tokens import DecidedToken
from attnprobe.models.huggingface.flat_pieces import FlatPieces
from attnprobe.models.huggingface.item_texts import ItemText, ItemTexts, Piece
from attnprobe.models.huggingface.words_of_pieces import words_of_pieces
from attnprobe.models.huggingface.written_texts import Chat, TextPair, tokenizer_arguments
from attnprobe.settings.attention import TOKEN, WORD

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_CHUNK = 1024
"""Documents that go through the tokenizer at once."""


@dataclass(frozen=True)
class PieceBatch:
    """Documents as padded rows of pieces.

    Attributes:
        rows: their 0-based rows in the split (documents,).
        labels: class numbers (documents,).
        input_ids: numbers of the pieces (documents, pieces), special tokens included.
        mask: True where a piece is real (documents, pieces).
        units: the item that each piece belongs to, 0-based within its document, −1 at padding and at pieces that are in
            no item (documents, pieces).
        sizes: items a document (documents,).
        left: whether the padding is before the document.
        kinds: of pairs of texts the kind of token that each piece is, as the model has it (documents, pieces).
        read: True for the piece that the model decides at, where that is asked for (documents, pieces).
    """

    rows: Tensor
    labels: Tensor
    input_ids: Tensor
    mask: Tensor
    units: Tensor
    sizes: Tensor
    left: bool
    kinds: Tensor | None = None
    read: Tensor | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def to(self, device: torch.device) -> PieceBatch:
        """The same batch with its tensors on ``device``."""
        return with_tensors_on(device, self)

    def inputs(self) -> dict[str, Tensor]:
        """What models call these tensors; positions (documents, pieces) only where padding would shift them.

        Not every model takes positions, or kinds: see :func:`attnprobe.models.huggingface.sequences.model_inputs`.
        """
        inputs = {"input_ids": self.input_ids, "attention_mask": self.mask.long()}
        if self.left:
            inputs["position_ids"] = (self.mask.cumsum(-1) - 1).clamp_(min=0)
        if self.kinds is not None:
            inputs["token_type_ids"] = self.kinds
        return inputs


class EncodedPieces(EncodedSplit[PieceBatch]):
    """A split whose documents are pieces, ready to be cut into batches.

    Attributes:
        unit: what an item is, ``token`` or ``word``.
        special_items: whether special tokens are items.
        sizes: int64 (documents,), items a document.
        is_cut: True where a document is longer than the model takes (documents,).
    """

    def __init__(
        self,
        documents: Documents,
        pieces: FlatPieces,
        unit: str,
        tokenizer: PreTrainedTokenizerBase,
        *,
        special_items: bool = True,
    ) -> None:
        super().__init__(documents, pieces.lengths)
        if tokenizer.pad_token_id is None:
            raise InputError("The tokenizer has no padding token; give it one, such as its end of text.")
        self.unit, self.special_items = unit, special_items
        self.is_cut, self.cut, self.special = pieces.cut, int(pieces.cut.sum()), pieces.special
        self._first_piece = np.cumsum(self.lengths) - self.lengths
        begins = self._item_begins(pieces)
        self.sizes = np.add.reduceat(begins.astype(np.int64), self._first_piece)
        item_of_piece = np.cumsum(begins) - 1
        units = item_of_piece - np.repeat(np.cumsum(self.sizes) - self.sizes, self.lengths)
        if not special_items:
            units[pieces.apart] = -1
        if pieces.behind is not None:
            units[pieces.behind] = -1
        self._pieces, self._texts = pieces, ItemTexts(tokenizer)
        self._numbers = torch.from_numpy(pieces.numbers.astype(np.int32))
        self._units = torch.from_numpy(units.astype(np.int32))
        self._labels = torch.from_numpy(documents.labels)
        self._padding = int(tokenizer.pad_token_id)
        self._left = tokenizer.padding_side == "left"

    def _item_begins(self, pieces: FlatPieces) -> npt.NDArray[np.bool_]:
        """Where a new item begins (pieces,): everywhere but within a word."""
        begins = np.ones(len(pieces.numbers), dtype=bool)
        if self.unit == WORD:
            words = words_of_pieces(self.documents, self.lengths, pieces.starts, pieces.ends)
            words[pieces.apart] = -1
            begins[1:] = (words[1:] != words[:-1]) | pieces.apart[1:]
            begins[self._first_piece] = True
        if not self.special_items:  # each is by itself
            begins &= ~pieces.apart
        if pieces.behind is not None:
            begins &= ~pieces.behind
        return begins

    def item_parts(self) -> ItemParts:
        """What the documents' items are made of: pieces of their texts."""
        pieces, units = self._pieces, self._units.numpy().astype(np.int64)
        texts = np.array([len(text) for text in self.documents.texts], dtype=np.int64)
        own = np.ones(len(units), dtype=bool) if pieces.behind is None else ~pieces.behind
        lengths = np.add.reduceat(own.astype(np.int64), self._first_piece)
        special, starts, ends = pieces.apart[own], pieces.starts[own], pieces.ends[own]
        return ItemParts(lengths, units[own], self.sizes, special, starts, ends, texts, pieces.numbers[own])

    def batch(self, rows: IntArray) -> PieceBatch:
        """The documents of these rows, in this order."""
        pieces = runs(self._first_piece[rows], self.lengths[rows])
        lengths = torch.from_numpy(self.lengths[rows])
        numbers, mask = pad(self._numbers[pieces].long(), lengths, value=self._padding, left=self._left)
        units, _ = pad(self._units[pieces].long(), lengths, value=-1, left=self._left)
        kinds = None
        if self._pieces.kinds is not None:
            kinds, _ = pad(torch.from_numpy(self._pieces.kinds[pieces]), lengths, value=0, left=self._left)
        read = None
        if self._pieces.read is not None:
            read, _ = pad(torch.from_numpy(self._pieces.read[pieces]), lengths, value=False, left=self._left)
        return PieceBatch(
            rows=torch.from_numpy(np.ascontiguousarray(rows, dtype=np.int64)),
            labels=self._labels[rows],
            input_ids=numbers,
            mask=mask,
            units=units,
            sizes=torch.from_numpy(self.sizes[rows]),
            left=self._left,
            kinds=kinds,
            read=read,
        )

    def texts_of(self, document: int) -> list[ItemText]:
        """What is shown of a document's items, in order."""
        of = slice(self._first_piece[document], self._first_piece[document] + self.lengths[document])
        items: list[list[Piece]] = [[] for _ in range(self.sizes[document])]
        for item, piece in zip(self._units[of].tolist(), self._pieces_of(document), strict=True):
            if item >= 0:
                items[item].append(piece)
        return self._texts.of(self.documents.texts[document], items)

    def texts_of_pieces(self, document: int) -> list[ItemText]:
        """What is shown of each of a document's pieces, whatever the items are."""
        return self._texts.of(self.documents.texts[document], [[piece] for piece in self._pieces_of(document)])

    def _pieces_of(self, document: int) -> list[Piece]:
        of = slice(self._first_piece[document], self._first_piece[document] + self.lengths[document])
        columns = (self._pieces.numbers, self._pieces.starts, self._pieces.ends)
        return list(map(Piece, *(column[of].tolist() for column in columns)))


def encode_documents(
    documents: Documents,
    tokenizer: PreTrainedTokenizerBase,
    longest: int,
    unit: str = TOKEN,
    *,
    leave_out: bool = False,
    special_items: bool = True,
    at: str | None = None,
    behind: Sequence[int] | None = None,
) -> EncodedPieces:
    """Cut documents into pieces: what the tokenizer makes of their texts, special tokens included.

    Args:
        documents: the split.
        tokenizer: with a padding token.
        longest: documents are cut to this many pieces, special tokens included.
        unit: ``token``: each piece is an item; ``word``: all pieces of a word are one item, and a special token is one.
            Words that a piece reaches into together are one; spaces are the next word's.
        leave_out: documents without pieces are left out, as long as there are others.
        special_items: whether special tokens are items; else they are never erased.
        at: the token that the model decides at, as :class:`DecidedToken` takes it.
        behind: tokens that every text is read with behind it, in no item, where the model decides about what follows
            its last piece and each of them; perhaps none.

    Raises:
        DocumentError: the tokenizer makes nothing of a document, or nothing but special tokens that are no items; or
            there is no such token in it that the model could decide at.
        InputError: words are asked of a tokenizer that does not say where its pieces are, or the tokenizer has no
            padding token.
    """
    if unit == WORD and not tokenizer.is_fast:
        raise InputError(
            f"{type(tokenizer).__name__} does not say which word a piece is of, so that items cannot be words; "
            "let them be tokens."
        )
    special = _special_strings(tokenizer)
    longest -= len(behind or ())
    pieces = FlatPieces.joined(
        [
            _encode(documents.texts[start : start + _CHUNK], tokenizer, longest, special)
            for start in range(0, len(documents), _CHUNK)
        ]
    )
    read = np.flatnonzero(pieces.lengths)
    left_out = len(documents) - len(read)
    if left_out and not (leave_out and len(read)):
        which = f"document {int(np.argmin(pieces.lengths))} of {len(documents):,}" if len(documents) > 1 else "it"
        raise DocumentError(f"The tokenizer makes nothing of {which}.")
    if left_out:  # their pieces, of which there are none, need not be taken away
        documents = documents.take(read)
        pieces = dataclasses.replace(pieces, lengths=pieces.lengths[read], cut=pieces.cut[read])
    if at is not None:
        spans = (pieces.starts, pieces.ends)
        decided = DecidedToken(at, tokenizer).of(documents.texts, pieces.lengths, pieces.numbers, spans)
        pieces = dataclasses.replace(pieces, read=decided)
    if behind is not None:
        pieces = pieces.continued(behind)
    encoded = EncodedPieces(documents, pieces, unit, tokenizer, special_items=special_items)
    for document in np.flatnonzero(encoded.sizes == 0)[:1].tolist():
        raise DocumentError(f"There is nothing but special tokens in document {document} of {len(documents):,}.")
    encoded.left_out = left_out
    return encoded


def _special_strings(tokenizer: PreTrainedTokenizerBase) -> dict[int, str]:
    """The strings that are special tokens, by number."""
    named = set(tokenizer.all_special_ids)
    return {
        int(number): str(token)
        for number, token in tokenizer.added_tokens_decoder.items()
        if token.special or number in named
    }


def _encode(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, longest: int, special_strings: dict[int, str]
) -> FlatPieces:
    """The pieces of some documents."""

    def tokenise(some: Sequence[str], **settings: Any) -> Any:  # noqa: ANN401
        arguments, by_name = tokenizer_arguments(some)
        return tokenizer(*arguments, return_attention_mask=False, verbose=False, **by_name, **settings)

    paired = isinstance(texts[0], TextPair)
    encoding = tokenise(
        texts,
        truncation=True,
        max_length=longest,
        return_offsets_mapping=tokenizer.is_fast,
        return_special_tokens_mask=True,
        return_token_type_ids=paired and "token_type_ids" in tokenizer.model_input_names,
    )
    lengths = np.array([len(numbers) for numbers in encoding["input_ids"]], dtype=np.int64)
    numbers = _flat(encoding["input_ids"])
    added = _flat(encoding["special_tokens_mask"]) != 0
    starts = np.full(len(numbers), -1, dtype=np.int64)
    ends = starts.copy()
    if tokenizer.is_fast:
        offsets = _flat(itertools.chain.from_iterable(encoding["offset_mapping"])).reshape(-1, 2)
        if paired:
            offsets += _second_starts(encoding, texts)[:, None]
        starts, ends = np.where(added[:, None], -1, offsets).T
    document = np.repeat(np.arange(len(texts)), lengths)
    written = np.isin(numbers, list(special_strings)) & ~added
    for piece in np.flatnonzero(written).tolist():  # a word that is not known is a special token, too
        text, string = texts[int(document[piece])], special_strings[int(numbers[piece])]
        here = text[int(starts[piece]) : int(ends[piece])] if starts[piece] >= 0 else text
        written[piece] = string.casefold() in here.casefold()
    at_limit = np.flatnonzero(lengths >= longest)
    cut = np.zeros(len(texts), dtype=bool)
    if len(at_limit):
        whole = tokenise([texts[row] for row in at_limit.tolist()], return_token_type_ids=False)["input_ids"]
        cut[at_limit] = [len(pieces) > longest for pieces in whole]
    return FlatPieces(
        numbers,
        starts,
        ends,
        apart=added | written,
        lengths=lengths,
        cut=cut,
        special=0 if isinstance(texts[0], Chat) else len(np.unique(document[written])),
        kinds=_flat(encoding["token_type_ids"]) if "token_type_ids" in encoding else None,
    )


def _second_starts(encoding: Any, texts: Sequence[str]) -> npt.NDArray[np.int64]:  # noqa: ANN401
    """What is added to where each piece of pairs is in its own text, so that it is where it is in both (pieces,)."""
    shifts = []
    for row, text in enumerate(texts):
        assert isinstance(text, TextPair)
        shifts += [text.second_start if sequence == 1 else 0 for sequence in encoding.sequence_ids(row)]
    return np.array(shifts, dtype=np.int64)


def _flat(rows: Iterable[Iterable[int]]) -> npt.NDArray[np.int64]:
    return np.fromiter(itertools.chain.from_iterable(rows), dtype=np.int64)
