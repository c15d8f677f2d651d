"""What of a transformer's attention is erased, as it is written down in a run's configuration."""

from __future__ import annotations

from dataclasses import dataclass

from attnprobe.settings.ranges import check_counts

AUTO = "auto"

UNITS = ("token", "word")


@dataclass(frozen=True)
class AttentionSettings:
    """Which attention weights are erased, and what an item is.

    Attributes:
        layers: ``last``, ``all``, numbers and spans (``0,2-4``; negative ones count from the end); in encoder–decoder
            models behind the name of a stack (``encoder:last``, ``decoder:0``, ``cross:all``).
        heads: ``all``, or numbers and spans.
        query: the rows: ``first``, ``last``, ``all``, a position or a span; ``auto`` is the one row that the decision
            is read from, or all where there is no such row.
        unit: ``token``, or ``word`` (all pieces of a word are one item).
        aggregate: how attention and gradients of several heads, layers and rows become one number an item: ``mean`` or
            ``max``.
        greedy: also erase greedily, ranking by gradient again after each removal.
        label_words: the decision of a language model is the best of these words; without them the next token.
        head_map_documents: how many documents, a seeded sample, the map of single heads is made of; 0 for no map.

    Raises:
        InputError: ``head_map_documents`` is negative.
    """

    layers: str = "last"
    heads: str = "all"
    query: str = AUTO
    unit: str = "token"
    aggregate: str = "mean"
    greedy: bool = False
    label_words: tuple[str, ...] = ()
    head_map_documents: int = 100

    def __post_init__(self) -> None:
        check_counts(self, "head_map_documents", at_least=0)
