"""HAN and FLAN by name (Serrano & Smith 2019), each with a recurrent, a convolutional or no encoder."""

from __future__ import annotations

from collections.abc import Callable

from attnprobe.base.registry import Registry
from attnprobe.models.pooled.classifier import PooledClassifier
from attnprobe.models.pooled.encoders import ENCODERS
from attnprobe.models.pooled.flan import FLAN
from attnprobe.models.pooled.han import HAN
from attnprobe.settings.dropout import Dropout

POOLED: Registry[Callable[[int, int, Dropout], PooledClassifier]] = Registry("model")
"""Each makes a model with random weights of the vocabulary's size, the number of classes and the dropout rates."""


def _register(network: type[FLAN] | type[HAN], encoder: str) -> None:
    def build(vocabulary_size: int, classes: int, dropout: Dropout) -> PooledClassifier:
        return network(vocabulary_size, classes, encoder, dropout)

    POOLED.register(f"{network.__name__.lower()}-{encoder}", build)


for _network in (HAN, FLAN):
    for _encoder in ENCODERS:
        _register(_network, _encoder)
