"""Dropout rates of HAN and FLAN."""

from __future__ import annotations

from dataclasses import dataclass

from attnprobe.settings.ranges import check_rates


@dataclass(frozen=True)
class Dropout:
    """Dropout rates: on word embeddings, on sentence vectors (HAN alone), on the pooled vector before the head.

    The defaults are those of the 2019 IMDB configuration. Raises an InputError for a rate below 0, or of 1 or more.
    """

    words: float = 0.44446746096594764
    sentences: float = 0.22016423400055152
    document: float = 0.2457355626352195

    def __post_init__(self) -> None:
        check_rates(self, "words", "sentences", "document")
