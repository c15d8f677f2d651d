"""What readers are shown of pieces: the user's own text, and where a piece has none of it, the piece made readable."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_BYTE = re.compile("<0x([0-9A-F]{2})>")

_REPLACEMENT = "\ufffd"
"""What decoding gives for bytes that are not whole characters."""


class Piece(NamedTuple):
    """A piece: its number, and where it is in the text, in characters; −1 where it is not of the text or not known."""

    number: int
    start: int
    end: int


class ItemText(NamedTuple):
    """What is shown of an item.

    Attributes:
        token: its text.
        before: the text between it and the item before it; None where it is no part of the text: a token that the
            tokenizer adds, a further part of a character that the item before it shows, or where the place of pieces in
            the text is not known.
    """

    token: str
    before: str | None


class ItemTexts:
    """Texts of items of one tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._readable = cache(self._made_readable)

    def of(self, text: str, items: Sequence[Sequence[Piece]]) -> list[ItemText]:
        """The texts of a document's items, which are given by their pieces.

        All that belongs to the text, one behind the other, is the text from its beginning (of one that is cut on the
        left, from where it begins to be read) to the last item's end.
        """
        pieces = [piece for item in items for piece in item]
        shown = 0
        if self._tokenizer.truncation_side == "left":
            shown = min((piece.start for piece in pieces if piece.start >= 0), default=0)
        following = iter([*pieces[1:], None])
        texts = []
        for item in items:
            start = end = shown
            for piece in item:
                follower = next(following)
                begin, behind = self._claimed(text, piece, follower, end)
                if behind > begin:
                    behind = _with_marks(
                        text, behind, len(text) if follower is None or follower.start < 0 else follower.start
                    )
                    start, end = (begin if end == shown else start), behind
            if end == shown:
                texts.append(ItemText("".join(self._readable(piece.number) for piece in item), None))
                continue
            blank = end - start - len(text[start:end].lstrip())
            start += blank if start + blank < end else 0
            texts.append(ItemText(text[start:end], text[shown:start]))
            shown = end
        return texts

    def _claimed(self, text: str, piece: Piece, following: Piece | None, shown: int) -> tuple[int, int]:
        """Which part of the text a piece shows, of what is not shown yet; an empty one where it shows none."""
        number, start, end = piece
        if start < 0:
            return shown, shown
        if start == end:  # a tokenizer may leave spaces out of what it says
            space = self._readable(number)
            start = end - len(space)
            return (start, end) if space.isspace() and start >= shown and text[start:end] == space else (end, end)
        start = max(start, shown)
        shared = following is not None and 0 <= following.start < end and not text[start:end].isspace()
        if shared and not self._readable(number).strip():  # the mark of a space that is not there
            return end, end
        return start, end

    def _made_readable(self, number: int) -> str:
        token = str(self._tokenizer.convert_ids_to_tokens(number))
        if number in self._tokenizer.all_special_ids:
            return token
        decoded = str(self._tokenizer.convert_tokens_to_string([token]))
        if _REPLACEMENT not in decoded:
            return decoded or (" " if token == "▁" else token)
        byte = _BYTE.fullmatch(token)
        if byte is not None:
            return f"⟨{byte[1]}⟩"
        if all(character in _BYTE_OF for character in token):
            return f"⟨{' '.join(f'{_BYTE_OF[character]:02X}' for character in token)}⟩"
        return token


def _with_marks(text: str, end: int, limit: int) -> int:
    """Where a part of a text ends together with the accents behind it, which some tokenizers leave out."""
    while end < limit and unicodedata.combining(text[end]):
        end += 1
    return end


def _byte_of() -> dict[str, int]:
    """The byte that each character of a byte-level piece stands for (Radford et al. 2019)."""
    as_they_are = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(0x100) if byte not in as_they_are]
    return {chr(byte): byte for byte in as_they_are} | {chr(0x100 + i): byte for i, byte in enumerate(others)}


_BYTE_OF = _byte_of()
