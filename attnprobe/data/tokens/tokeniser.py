"""Words and sentences by spaCy's blank English pipeline: the part that worker processes run."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from functools import lru_cache
from importlib import metadata
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.data.documents import by_first_sight
from attnprobe.data.tokens.given_tokens import GivenTokens, Text

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.strings import StringStore

FORMAT = 1  # to be raised when the same spaCy would give other tokens

# spaCy's time grows with the square of the length of a run of punctuation; nothing legible is that long.
UNBROKEN_RUN = re.compile(r"\S{300}(?=\S)")


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
    pipeline = _pipeline()
    arrays = [
        _given(text, pipeline.vocab.strings) if isinstance(text, GivenTokens) else _found(text, pipeline)
        for text in texts
    ]
    tokens = np.concatenate(arrays)
    document_of_token = np.repeat(np.arange(len(texts)), [len(array) for array in arrays])

    begins_sentence, is_word = tokens[:, 1] == 1, tokens[:, 2] == 0
    sentence_of_token = np.cumsum(begins_sentence) - 1
    sentence_lengths = np.bincount(sentence_of_token[is_word], minlength=int(begins_sentence.sum()))
    has_words = sentence_lengths > 0
    document_of_sentence = document_of_token[begins_sentence][has_words]

    types, words = _types_and_words(tokens[is_word, 0], pipeline.vocab.strings)
    return TokenisedTexts(
        types,
        words,
        sentence_lengths[has_words].astype(np.int32),
        np.bincount(document_of_sentence, minlength=len(texts)).astype(np.int32),
        tokens[is_word, 3].astype(np.int32),
    )


def _found(text: str, pipeline: Language) -> npt.NDArray[np.uint64]:
    """(tokens, 4): code, 1 where a sentence begins, whether it is whitespace, where it begins in the text."""
    from spacy.attrs import IDX, IS_SPACE, ORTH, SENT_START

    cuts = [match.end() for match in UNBROKEN_RUN.finditer(text)]
    tokens: npt.NDArray[np.uint64] = pipeline(UNBROKEN_RUN.sub(r"\g<0> ", text) if cuts else text).to_array(
        [ORTH, SENT_START, IS_SPACE, IDX]
    )
    if cuts:  # the spaces that were put in are not in the text
        spaces = np.array(cuts) + np.arange(len(cuts))
        tokens[:, 3] -= np.searchsorted(spaces, tokens[:, 3].astype(np.int64)).astype(np.uint64)
    return tokens


def _given(text: GivenTokens, strings: StringStore) -> npt.NDArray[np.uint64]:
    """As :func:`_found`."""
    codes = np.array([strings.add(token) for token in text.tokens], dtype=np.uint64)
    begins = np.array(text.begins_sentence(), dtype=np.uint64)
    return np.stack([codes, begins, np.zeros_like(codes), np.array(text.starts, dtype=np.uint64)], axis=1)


def _types_and_words(codes: npt.NDArray[np.uint64], strings: StringStore) -> tuple[list[str], npt.NDArray[np.int32]]:
    """Distinct words in order of first sight, and each token as an index into them."""
    distinct, words = by_first_sight(codes)
    return [strings[int(code)] for code in distinct], words


@lru_cache(maxsize=1)
def _pipeline() -> Language:
    import spacy

    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    pipeline.max_length = sys.maxsize  # the limit is for parsers; readers have their own
    return pipeline
