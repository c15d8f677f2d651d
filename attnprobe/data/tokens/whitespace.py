"""Many texts cut at their whitespace at once, as spaCy cuts before it looks at what lies between."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

# spaCy's time grows with the square of the length of a run of punctuation; nothing legible is that long.
LONGEST_CHUNK = 300
_UNBROKEN_RUN = re.compile(rf"\S{{{LONGEST_CHUNK}}}(?=\S)")

_BLANK, _SEPARATOR = 32, "\n"
_UTF_32 = f"utf-32-{sys.byteorder[0]}e"
# By code point; the last stands for all from there on. U+3000 is the last that is whitespace.
_IS_WHITESPACE = np.array([chr(code).isspace() for code in range(0x3002)])


class Chunks(NamedTuple):
    """What stands between whitespace in several texts, one after another.

    A blank is put into a run without whitespace after every ``LONGEST_CHUNK`` characters.

    Attributes:
        strings: none empty.
        starts: where in its text each begins, in characters (chunks,); blanks that were put in are counted.
        apart: whether it is the first of its text, or whitespace that is a token for spaCy, any but one blank, stands
            before it (chunks,).
        document_offsets: text d has the chunks ``[offsets[d], offsets[d + 1])`` (texts + 1,).
        blanks_put_in: where they stand, of each text with any.
    """

    strings: list[str]
    starts: npt.NDArray[np.int64]
    apart: npt.NDArray[np.bool_]
    document_offsets: npt.NDArray[np.int64]
    blanks_put_in: Mapping[int, npt.NDArray[np.int64]]

    def kept_together(self, groups: Iterable[tuple[int, int]]) -> tuple[Chunks, npt.NDArray[np.bool_]]:
        """With each group, (first, last), as one chunk with blanks within; and which remain: the first of each."""
        strings, remain = list(self.strings), np.ones(len(self.strings), dtype=np.bool_)
        for first, last in groups:
            strings[first] = " ".join(self.strings[first : last + 1])
            remain[first + 1 : last + 1] = False
        offsets = np.concatenate([[0], np.cumsum(remain)])[self.document_offsets]
        remaining = list(compress(strings, remain.tolist()))
        return Chunks(remaining, self.starts[remain], self.apart[remain], offsets, self.blanks_put_in), remain


def chunks_of(texts: Sequence[str]) -> Chunks:
    """The chunks of each text."""
    chunks, longest = _chunks_and_longest(texts)
    long = np.flatnonzero(longest > LONGEST_CHUNK).tolist()
    if not long:
        return chunks
    blanks, cut = {}, list(texts)
    for text in long:
        ends = [match.end() for match in _UNBROKEN_RUN.finditer(texts[text])]
        blanks[text] = np.array(ends) + np.arange(len(ends))
        cut[text] = _UNBROKEN_RUN.sub(r"\g<0> ", texts[text])
    return _chunks_and_longest(cut)[0]._replace(blanks_put_in=blanks)


def _chunks_and_longest(texts: Sequence[str]) -> tuple[Chunks, npt.NDArray[np.int64]]:
    """The chunks of each text however long they are, and the length of its longest (texts,)."""
    joined = _SEPARATOR.join(["", *texts, ""])
    codes = _code_points(joined)
    within = ~_IS_WHITESPACE.take(codes, mode="clip")
    edges = np.flatnonzero(within[1:] != within[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    apart = np.ones(len(starts), dtype=np.bool_)
    apart[1:] = (starts[1:] - ends[:-1] > 1) | (codes[ends[:-1]] != _BLANK)
    text_starts = np.cumsum([1, *(len(text) + 1 for text in texts)])
    offsets = np.searchsorted(starts, text_starts)
    text = np.repeat(np.arange(len(texts)), np.diff(offsets))
    longest = np.zeros(len(texts), dtype=np.int64)
    np.maximum.at(longest, text, ends - starts)
    return Chunks(joined.split(), starts - text_starts[text], apart, offsets, {}), longest


def _code_points(text: str) -> npt.NDArray[np.unsignedinteger]:
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    return np.frombuffer(text.encode(_UTF_32, "surrogatepass"), dtype=np.uint32)
