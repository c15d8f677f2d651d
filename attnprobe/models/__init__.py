"""Classifiers by name: HAN and FLAN with a recurrent, a convolutional or no encoder (Serrano & Smith 2019)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from attnprobe.models.classifier import Dropout, PooledClassifier
from attnprobe.models.encoders import ENCODERS
from attnprobe.models.flan import FLAN
from attnprobe.models.han import HAN
from attnprobe.registry import Registry

__all__ = ["MODELS", "Architecture", "Dropout", "PooledClassifier"]


class Architecture(NamedTuple):
    """A named model: what it is, what its attention weighs, and how to make one.

    ``build`` takes the vocabulary's size, the number of classes and the dropout rates.
    """

    description: str
    unit: str
    build: Callable[[int, int, Dropout], PooledClassifier]


MODELS: Registry[Architecture] = Registry("model")

_ENCODER_WORDS = {"rnn": "a recurrent encoder", "conv": "a convolutional encoder", "none": "no encoder"}


def _register(network: type[FLAN] | type[HAN], encoder: str) -> None:
    def build(vocabulary_size: int, classes: int, dropout: Dropout) -> PooledClassifier:
        return network(vocabulary_size, classes, encoder, dropout)

    description = f"attention over {network.unit}s, {_ENCODER_WORDS[encoder]}"
    MODELS.register(f"{network.__name__.lower()}-{encoder}", Architecture(description, network.unit, build))


for _network in (HAN, FLAN):
    for _encoder in ENCODERS:
        _register(_network, _encoder)
