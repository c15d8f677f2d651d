"""Words and sentences by spaCy's blank English pipeline: the part that worker processes run."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib import metadata
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.data.tokens.chunk_memory import ChunkMemory, Words
from attnprobe.data.tokens.given_tokens import GivenTokens, Text

FORMAT = 1  # to be raised when the same spaCy would give other tokens

_LOCK = threading.Lock()
_memory = ChunkMemory()  # what a process has seen makes it faster, and its results no others


class TokenisedTexts(NamedTuple):
    """Texts as ``Documents`` has them: see there for what the fields hold."""

    types: list[str]
    words: npt.NDArray[np.int32]
    sentence_lengths: npt.NDArray[np.int32]
    sentences_per_document: npt.NDArray[np.int32]
    word_starts: npt.NDArray[np.int32]


def tokeniser_version() -> str:
    """What distinguishes this tokeniser from those that may give other tokens."""
    return f"spacy {metadata.version('spacy')} format {FORMAT}"


def tokenise_texts(texts: Sequence[Text]) -> TokenisedTexts:
    """Words and sentences of texts that are not blank; whitespace is neither. Given tokens are the words.

    A run of more than 300 characters without whitespace is cut every 300 characters, where tokens are not given.
    """
    global _memory
    with _LOCK:
        memory = ChunkMemory() if _memory.is_full else _memory
        _memory = ChunkMemory()  # stays should this fail halfway
        words = _words_of(texts, memory)
        _memory = memory
        types, numbers = _by_first_sight(words.numbers, memory.words.strings)
    sentence_starts = np.flatnonzero(words.begins)
    documents = np.concatenate([[0], np.cumsum(words.per_document)])
    return TokenisedTexts(
        types,
        numbers,
        np.diff(sentence_starts, append=len(numbers)).astype(np.int32),
        np.diff(np.searchsorted(sentence_starts, documents)).astype(np.int32),
        words.starts.astype(np.int32),
    )


def _words_of(texts: Sequence[Text], memory: ChunkMemory) -> Words:
    split = memory.split([text for text in texts if isinstance(text, str)])
    given_texts = [text for text in texts if isinstance(text, GivenTokens)]
    if not given_texts:
        return split
    given = [memory.given(text.tokens, text.starts, text.begins_sentence()) for text in given_texts]
    is_given = np.array([isinstance(text, GivenTokens) for text in texts])
    return Words.in_order([split, *given], np.argsort(np.argsort(is_given, kind="stable")))


def _by_first_sight(numbers: npt.NDArray[np.int32], strings: Sequence[str]) -> tuple[list[str], npt.NDArray[np.int32]]:
    """Distinct words in order of first sight, and each token as an index into them."""
    first = np.full(len(strings), len(numbers))
    first[numbers[::-1]] = np.arange(len(numbers))[::-1]  # of several that are assigned the last stays: the first
    distinct = np.flatnonzero(first < len(numbers))
    distinct = distinct[np.argsort(first[distinct])]
    rank = np.empty(len(strings), dtype=np.int32)
    rank[distinct] = np.arange(len(distinct), dtype=np.int32)
    return [strings[number] for number in distinct.tolist()], rank[numbers]
