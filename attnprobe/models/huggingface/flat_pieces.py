"""Pieces of documents one after another, as a tokenizer makes them, and what a model reads behind each document."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class FlatPieces:
    """Pieces of documents one after another.

    Attributes:
        numbers: of the vocabulary (pieces,).
        starts, ends: where each is in its document's text, in characters; −1 where it is not of the text or the
            tokenizer does not say (pieces,).
        apart: True where a piece is a special token, in no word (pieces,).
        lengths: pieces a document (documents,).
        cut: True where a document is longer (documents,).
        special: how many documents hold strings that are special tokens.
        kinds: of pairs of texts the kind of token that each is, as the tokenizer says it (pieces,).
        read: True for the piece of each document that the model decides at, or the pieces that it reads what follows
            from, where that is asked for (pieces,).
        behind: True for pieces that are no part of the text, but given behind it (pieces,); None of no text.
    """

    numbers: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    apart: npt.NDArray[np.bool_]
    lengths: npt.NDArray[np.int64]
    cut: npt.NDArray[np.bool_]
    special: int
    kinds: npt.NDArray[np.int64] | None = None
    read: npt.NDArray[np.bool_] | None = None
    behind: npt.NDArray[np.bool_] | None = None

    def continued(self, tokens: Sequence[int]) -> FlatPieces:
        """The same with these tokens behind each document, read from its last piece on."""
        places, documents = np.repeat(np.cumsum(self.lengths), len(tokens)), len(self.lengths)
        starts, ends = (np.insert(each, places, -1) for each in (self.starts, self.ends))
        behind = np.insert(np.zeros(len(self.numbers), dtype=bool), places, True)
        lengths = self.lengths + len(tokens)
        from_end = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(behind))
        return dataclasses.replace(
            self,
            numbers=np.insert(self.numbers, places, np.tile(np.array(tokens, dtype=np.int64), documents)),
            starts=starts,
            ends=ends,
            apart=np.insert(self.apart, places, True),
            lengths=lengths,
            kinds=None if self.kinds is None else np.insert(self.kinds, places, 0),
            read=from_end <= len(tokens) + 1,
            behind=behind,
        )

    @classmethod
    def joined(cls, parts: Sequence[FlatPieces]) -> FlatPieces:
        """The pieces of all parts, one after another."""
        arrays: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("numbers", "starts", "ends", "apart", "lengths", "cut")
        }
        kinds = [part.kinds for part in parts if part.kinds is not None]
        joined = np.concatenate(kinds) if kinds else None
        return cls(**arrays, special=sum(part.special for part in parts), kinds=joined)
