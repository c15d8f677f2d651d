"""Which pieces make up a word: by where words and pieces are in a document's text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from attnprobe.data.documents import Documents, runs

Characters = npt.NDArray[np.int64]


def words_of_pieces(
    documents: Documents, lengths: npt.NDArray[np.int64], starts: Characters, ends: Characters
) -> npt.NDArray[np.int64]:
    """The word that each piece is of, as a number that pieces of one word share and that grows with the text (pieces,).

    Words are those of ``documents``; words that a piece reaches into together are one. What lies between two words is
    the second one's, and what lies behind the last is the last one's.

    Args:
        documents: with their texts.
        lengths: pieces a document (documents,).
        starts, ends: where each piece is in its document's text, in characters (pieces,).
    """
    sizes = np.array([len(text) + 1 for text in documents.texts], dtype=np.int64)
    bases = np.cumsum(sizes) - sizes  # of texts that stand one behind the other
    of_word = np.repeat(bases, documents.words_per_document)
    of_piece = np.repeat(bases, lengths)
    first_words = documents.word_offsets[documents.sentence_offsets]
    first = np.searchsorted(of_word + documents.word_ends, of_piece + starts, side="right")
    last = np.searchsorted(of_word + documents.word_starts, of_piece + ends, side="left") - 1
    joined = np.zeros(len(documents.words), dtype=bool)  # to the word before
    across = last > first
    joined[runs(first[across] + 1, last[across] - first[across])] = True
    own_last = np.repeat(first_words[1:] - 1, lengths)
    words: npt.NDArray[np.int64] = np.cumsum(~joined)[np.minimum(first, own_last)]
    return words
