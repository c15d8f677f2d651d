"""spaCy's sentencizer over the tokens of many documents at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def sentence_beginnings(
    stops: npt.NDArray[np.bool_],
    punctuation: npt.NDArray[np.bool_],
    apart: npt.NDArray[np.bool_],
    document_offsets: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """Whether each word is the first of its sentence, as spaCy's rule has it.

    A sentence begins with its document, and with the first token after a full stop or its like that is neither another
    one nor punctuation. Whitespace, where it is a token, is such a one: the sentence begins with the word after it.

    Args:
        stops: whether each word ends a sentence (words,), those of all documents one after another.
        punctuation: whether it is punctuation (words,).
        apart: whether whitespace that is a token stands before it (words,).
        document_offsets: document d has the words ``[offsets[d], offsets[d + 1])`` (documents + 1,).
    """
    begins = np.zeros(len(stops), dtype=np.bool_)
    first = document_offsets[:-1][np.diff(document_offsets) > 0]
    begins[first] = True
    stops_before: npt.NDArray[np.int64] = np.cumsum(stops) - stops
    # Words that begin a sentence where a stop was seen since the last word of their kind, or since the document began,
    # each for the whitespace before it as well: what that begins, the word does not begin again.
    ready = np.flatnonzero(~(stops | punctuation) | apart | begins)
    seen: npt.NDArray[np.int64] = stops_before[ready]
    begins[ready[1:]] |= seen[1:] > seen[:-1]
    return begins
