"""How many sentences texts have, and how long their longest is; counted by worker processes where it is worth it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from itertools import chain, islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.data.tokens.tokenisation import CHARACTERS_WORTH_PROCESSES, CHUNK_CHARACTERS
from attnprobe.data.tokens.tokeniser import tokenise_texts
from attnprobe.data.tokens.worker_pool import map_in_processes, worker_count

CHUNKS_WORTH_PROCESSES = CHARACTERS_WORTH_PROCESSES // CHUNK_CHARACTERS


class TextLengths(NamedTuple):
    """Of each text the number of sentences, and of words in the longest one; 0 and 0 for a text without words."""

    sentences: npt.NDArray[np.int32]
    longest: npt.NDArray[np.int32]


def text_lengths(texts: Sequence[str]) -> TextLengths:
    """The lengths of texts that are not blank, as our tokeniser counts."""
    tokenised = tokenise_texts(texts)
    sentences = tokenised.sentences_per_document
    longest = np.zeros(len(texts), dtype=np.int32)
    np.maximum.at(longest, np.repeat(np.arange(len(texts)), sentences), tokenised.sentence_lengths)
    return TextLengths(sentences, longest)


def lengths_of_chunks(chunks: Iterable[Sequence[str]]) -> Generator[TextLengths, None, None]:
    """``text_lengths`` of each chunk, in their order; few chunks are done here, many by several processes."""
    chunks = iter(chunks)
    first = list(islice(chunks, CHUNKS_WORTH_PROCESSES))
    if len(first) < CHUNKS_WORTH_PROCESSES:
        yield from map(text_lengths, first)
        return
    with closing(map_in_processes(text_lengths, chain(first, chunks), worker_count())) as parts:
        yield from parts
