"""Classifiers by name: HAN and FLAN with a recurrent, a convolutional or no encoder (Serrano & Smith 2019)."""

from __future__ import annotations

from collections.abc import Callable

from attnprobe.models.classifier import Dropout, PooledClassifier
from attnprobe.models.encoders import ENCODERS
from attnprobe.models.flan import FLAN
from attnprobe.models.han import HAN
from attnprobe.registry import Registry

__all__ = ["MODELS", "Dropout", "PooledClassifier"]

MODELS: Registry[Callable[[int, int, Dropout], PooledClassifier]] = Registry("model")
"""Name → a function of vocabulary size, number of classes and dropout rates that makes the model."""


def _register(family: str, network: Callable[[int, int, str, Dropout], PooledClassifier], encoder: str) -> None:
    def build(vocabulary_size: int, classes: int, dropout: Dropout) -> PooledClassifier:
        return network(vocabulary_size, classes, encoder, dropout)

    MODELS.register(f"{family}-{encoder}", build)


for _encoder in ENCODERS:
    _register("han", HAN, _encoder)
for _encoder in ENCODERS:
    _register("flan", FLAN, _encoder)
