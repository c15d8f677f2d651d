"""Dropout rates of HAN and FLAN."""

from __future__ import annotations

from dataclasses import dataclass

from attnprobe.settings.declaration import Settings, setting


@dataclass(frozen=True)
class Dropout(Settings, section="dropout"):
    """Dropout rates; the defaults are those of the 2019 IMDB configuration."""

    words: float = setting(
        0.44446746096594764, at_least=0, below=1, flag="--dropout-words", help="rate on word embeddings", shown="0.444"
    )
    sentences: float = setting(
        0.22016423400055152,
        at_least=0,
        below=1,
        flag="--dropout-sentences",
        help="rate on sentence vectors, of HAN alone",
        shown="0.220",
    )
    document: float = setting(
        0.2457355626352195,
        at_least=0,
        below=1,
        flag="--dropout-document",
        help="rate on the pooled vector before the head",
        shown="0.246",
    )
