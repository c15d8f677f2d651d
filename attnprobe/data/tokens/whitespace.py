"""Many texts cut at their whitespace at once, as spaCy cuts before it looks at what lies between."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

# spaCy's time grows with the square of the length of a run of punctuation; nothing legible is that long.
LONGEST_CHUNK = 300
UNBROKEN_RUN = re.compile(rf"\S{{{LONGEST_CHUNK}}}(?=\S)")

_BLANK, _SEPARATOR = 32, "\n"
_CODES = np.dtype(np.uint32).newbyteorder("<" if sys.byteorder == "little" else ">")
_IS_WHITESPACE = np.array([chr(code).isspace() for code in range(0x3002)])
"""By code point; the last stands for all from there on: U+3000 is the last that is whitespace (tests hold that)."""


class Chunks(NamedTuple):
    """What stands between whitespace in several texts, one after another.

    Attributes:
        chunks: without whitespace, none empty, none longer than ``LONGEST_CHUNK``.
        starts: where in its text each begins, in characters (chunks,).
        apart: whether whitespace that is a token of its own for spaCy, which is any but one blank, stands between a
            chunk and the one before; True of the first of a text (chunks,).
        document_offsets: text d has the chunks ``[offsets[d], offsets[d + 1])`` (texts + 1,).
    """

    chunks: list[str]
    starts: npt.NDArray[np.int64]
    apart: npt.NDArray[np.bool_]
    document_offsets: npt.NDArray[np.int64]


def chunks_of(texts: Sequence[str]) -> Chunks:
    """Runs without whitespace of each text, those of more than ``LONGEST_CHUNK`` characters cut after so many."""
    joined = _SEPARATOR.join(["", *texts, ""])
    text_starts = np.cumsum([1, *(len(text) + 1 for text in texts)])
    codes = _code_points(joined)
    within = ~_IS_WHITESPACE.take(codes, mode="clip")
    edges = np.flatnonzero(within[1:] != within[:-1]) + 1
    chunks, starts, ends = joined.split(), edges[::2], edges[1::2]
    apart = np.ones(len(starts), dtype=np.bool_)
    apart[1:] = (starts[1:] - ends[:-1] > 1) | (codes[ends[:-1]] != _BLANK)
    if (ends - starts > LONGEST_CHUNK).any():
        chunks, starts, apart = _cut(chunks, starts, apart)
    offsets = np.searchsorted(starts, text_starts)
    apart[offsets[:-1][offsets[:-1] < len(apart)]] = True
    return Chunks(chunks, starts - np.repeat(text_starts[:-1], np.diff(offsets)), apart, offsets)


def _code_points(text: str) -> npt.NDArray[np.unsignedinteger]:
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    encoding = "utf-32-le" if sys.byteorder == "little" else "utf-32-be"
    return np.frombuffer(text.encode(encoding, "surrogatepass"), dtype=_CODES)


def _cut(
    chunks: list[str], starts: npt.NDArray[np.int64], apart: npt.NDArray[np.bool_]
) -> tuple[list[str], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The chunks with the long ones in pieces, which one blank would part."""
    pieces = [
        (chunk[at : at + LONGEST_CHUNK], start + at, parted and at == 0)
        for chunk, start, parted in zip(chunks, starts.tolist(), apart.tolist(), strict=True)
        for at in range(0, len(chunk), LONGEST_CHUNK)
    ]
    cut_chunks, cut_starts, cut_apart = zip(*pieces, strict=True)
    return list(cut_chunks), np.array(cut_starts, dtype=np.int64), np.array(cut_apart, dtype=np.bool_)
