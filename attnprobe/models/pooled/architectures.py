"""Models whose attention pools, by name: HAN and FLAN (Serrano & Smith 2019), and those of Jain & Wallace (2019)."""

from __future__ import annotations

from collections.abc import Callable

from attnprobe.base.registry import Registry
from attnprobe.models.pooled.classifier import PooledClassifier
from attnprobe.models.pooled.flan import FLAN
from attnprobe.models.pooled.han import HAN
from attnprobe.models.pooled.jain import Jain
from attnprobe.settings.dropout import Dropout
from attnprobe.settings.kinds import NETWORKS

POOLED: Registry[Callable[[int, int, Dropout], PooledClassifier]] = Registry("model")
"""Each makes a model with random weights of the vocabulary's size, the number of classes and the dropout rates."""


def _register(network: type[FLAN] | type[HAN] | type[Jain], encoder: str) -> None:
    def build(vocabulary_size: int, classes: int, dropout: Dropout) -> PooledClassifier:
        return network(vocabulary_size, classes, encoder, dropout)

    POOLED.register(f"{network.__name__.lower()}-{encoder}", build)


for _network in (HAN, FLAN, Jain):
    for _encoder in NETWORKS[_network.__name__.lower()].encoders:
        _register(_network, _encoder)
