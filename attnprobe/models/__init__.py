"""Classifiers by name: HAN and FLAN (Serrano & Smith 2019), and a transformer encoder (Bhardwaj et al. 2021).

HAN and FLAN have a recurrent, a convolutional or no encoder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from attnprobe.base.registry import Registry
from attnprobe.models.pooled.classifier import PooledClassifier
from attnprobe.models.pooled.encoders import ENCODERS
from attnprobe.models.pooled.flan import FLAN
from attnprobe.models.pooled.han import HAN
from attnprobe.settings.dropout import Dropout
from attnprobe.settings.transformer import TRANSFORMER

__all__ = ["MODELS", "POOLED", "Dropout", "ModelDescription", "PooledArchitecture", "PooledClassifier"]


class ModelDescription(NamedTuple):
    """What readers are told of a named model: what it is, and what its attention weighs."""

    description: str
    unit: str


class PooledArchitecture(NamedTuple):
    """HAN or FLAN with an encoder, and how to make one.

    ``build`` takes the vocabulary's size, the number of classes and the dropout rates.
    """

    description: str
    unit: str
    build: Callable[[int, int, Dropout], PooledClassifier]


POOLED: Registry[PooledArchitecture] = Registry("model")
"""Those whose attention pools items, with one linear layer behind it."""

MODELS: Registry[ModelDescription] = Registry("model")
"""All that are trained here from scratch."""

_ENCODER_WORDS = {"rnn": "a recurrent encoder", "conv": "a convolutional encoder", "none": "no encoder"}


def _register(network: type[FLAN] | type[HAN], encoder: str) -> None:
    def build(vocabulary_size: int, classes: int, dropout: Dropout) -> PooledClassifier:
        return network(vocabulary_size, classes, encoder, dropout)

    name = f"{network.__name__.lower()}-{encoder}"
    description = f"attention over {network.unit}s, {_ENCODER_WORDS[encoder]}"
    POOLED.register(name, PooledArchitecture(description, network.unit, build))
    MODELS.register(name, ModelDescription(description, network.unit))


for _network in (HAN, FLAN):
    for _encoder in ENCODERS:
        _register(_network, _encoder)

MODELS.register(TRANSFORMER, ModelDescription("attention of several heads over words, read at a first token", "word"))
