"""Texts in scripts that put no spaces between words, whose words the splitter takes whole clauses for."""

from __future__ import annotations

import re

from attnprobe.data.documents import Documents
from attnprobe.data.tokenised_dataset import Dataset

SEEN = 1000
"""Documents that are looked at, of those for training."""

SHARE = 0.2
"""Of the letters that are of such scripts: from there on it is said."""

LONG = 6.0
"""Letters that a word of such scripts has on average, beyond which it is none: words are split where they have less."""

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003134f]"
)
"""Thai and Lao, Tibetan, Burmese, Khmer, and the scripts of Chinese and Japanese."""


def unspaced_share(documents: Documents) -> tuple[float, float]:
    """Which share of the letters of some documents is of such scripts, and how many of these a word has on average."""
    text = "".join(documents.texts[:SEEN])
    unspaced = len(_UNSPACED.findall(text))
    words = [len(found) for word in documents.types if (found := _UNSPACED.findall(word))]
    letters = sum(map(str.isalpha, text)) + sum(not letter.isalpha() for letter in _UNSPACED.findall(text))
    return unspaced / max(1, letters), sum(words) / max(1, len(words))


def unspaced_in_words(dataset: Dataset, location: str) -> list[str]:
    """A sentence that words are none, where they are clauses of such a script; none where they are words.

    Args:
        dataset: whose texts they are.
        location: what the user knows the data by, for the sentence.
    """
    share, length = unspaced_share(dataset.splits["train"].window(0))
    if share < SHARE or length <= LONG:
        return []
    return [
        f"{location}: {share:.0%} of the letters are of a script that puts no spaces between words, and what is taken "
        f"for one has {length:.0f} of them: let --segmenter PACKAGE:FUNCTION find words for a model that is trained "
        "here, or give lists of words or --given-tokens; an hf: model with --unit token reads them with a tokenizer of "
        "its own."
    ]
