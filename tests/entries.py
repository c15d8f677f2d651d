"""A way of erasing and a decision that a program registers, and those of the examples, by the shortest code."""

import contextlib
from typing import Any

import torch

from attnprobe.base.registry import Registry
from attnprobe.erasure.registered_decisions import DECISIONS, Decision
from attnprobe.erasure.registered_ways import ERASING, WayOfErasing

ZERO = WayOfErasing("Zero without renormalising", lambda weights, erased, scores: weights.masked_fill(erased, 0.0))

HALVES = WayOfErasing("Halves", lambda weights, erased, scores: torch.where(erased, weights / 2, weights))


def sure_above(threshold):
    """Whether the largest probability passes a threshold: 1 where it does."""

    def decide(logits):
        return (logits.softmax(-1).amax(-1) > threshold).long()

    def probability(logits, decided):
        largest = logits.softmax(-1).amax(-1)
        return torch.where(decided == 1, largest, 1 - largest)

    return Decision("Sure of the top class", decide, probability, lambda classes: ["not sure", "sure"])


@contextlib.contextmanager
def registered(**entries):
    """Names that this process knows for as long as the context lasts."""
    registries: dict[type, Registry[Any]] = {WayOfErasing: ERASING, Decision: DECISIONS}
    for name, entry in entries.items():
        registries[type(entry)].register(name, entry)
    try:
        yield
    finally:
        for name, entry in entries.items():
            del registries[type(entry)]._entries[name]
