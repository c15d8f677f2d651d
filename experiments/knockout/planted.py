"""A model with known routes, and what a knock-out finds in it."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

import attnprobe
from attnprobe.analysis.bootstrap import Estimate
from attnprobe.analysis.knockout_map import routes_of

Route = tuple[str, str, int, int]
"""Source, target, layer and head; −1 for all heads."""


@dataclass(frozen=True)
class Planted:
    """A model whose routes are known.

    Attributes:
        name: of it.
        model, tokenizer: it.
        prompts: with the stretches that sources and targets are named after.
        sources, targets: names of positions, which together cover each prompt.
        routes: the planted ones, head by head where ``by_head`` says so.
        by_head: whether it is known which head is at work.
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    prompts: list[dict[str, Any]]
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    routes: Set[Route]
    by_head: bool

    def knocked_out(self, screen: int = 0) -> attnprobe.KnockoutResult:
        """Every source cut off from every target in every single layer."""
        return attnprobe.knockout(
            self.model, self.tokenizer, self.prompts, self.sources, self.targets, by_head=self.by_head, screen=screen
        )


def found_routes(result: attnprobe.KnockoutResult) -> dict[Route, Estimate]:
    """The routes that a map finds: of a map head by head those of single heads, else those of all heads together."""
    found = {}
    by_head = bool((result.map["head"] >= 0).any())
    for route in routes_of(result.map):
        if route.is_found and by_head == (route.head >= 0):
            found[route.source, route.target, route.layer, route.head] = route.delta_log_probability
    return found
