"""How many sentences texts have, and how long their longest is: the part that worker processes run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.data.tokens.tokeniser import tokenise_texts


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
