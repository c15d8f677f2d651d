"""A text of somebody's as a document of a dataset: its words are found as those of the dataset were."""

from __future__ import annotations

import numpy as np

from attnprobe.base.errors import InputError
from attnprobe.base.visible import holds_half_a_character
from attnprobe.data.content_hashes import document_hashes
from attnprobe.data.documents import Documents
from attnprobe.data.tokenised_dataset import Dataset
from attnprobe.data.tokens.given_tokens import GivenTokens, Text
from attnprobe.data.tokens.tokeniser import tokenise_texts


def document_of_text(text: str, dataset: Dataset, *, given_tokens: bool = False) -> Documents:
    """The text as a document of the first class.

    Args:
        text: anything that is no blank.
        dataset: whose segmenter finds the words, where it has one.
        given_tokens: whether the text is tokens that whitespace separates.

    Raises:
        InputError: it is blank, or holds half of a character; or the segmenter may not be imported, or fails.
    """
    if not text.strip():
        raise InputError("The text is blank.")
    if holds_half_a_character(text):
        raise InputError("The text holds half of a surrogate pair, which is no character.")
    found: Text = text
    if given_tokens:
        found = GivenTokens.of_text(text)
    elif dataset.segmenter is not None:
        dataset.segmenter.require_named()
        found = dataset.segmenter.segmented(text, "The text")
    labels = np.zeros(1, dtype=np.int64)
    tokenised = tokenise_texts([found])._asdict()
    return Documents(**tokenised, labels=labels, content_hashes=document_hashes([text]), texts=[text])
