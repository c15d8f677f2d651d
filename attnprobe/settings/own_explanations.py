"""Explanations of one's own that a run is erased by: the file that holds their scores, and how they become items'."""

from __future__ import annotations

from dataclasses import dataclass

from attnprobe.settings.declaration import Settings, setting

OWN_SCORE, FIRST, LAST, OUT = SPECIALS = ("own", "first", "last", "out")
"""What becomes of special tokens: erased by their own score, before all others, behind them, or no items at all."""

SINKS = (OWN_SCORE, OUT)
"""What becomes of a sink of attention: erased by its own score, or no item at all."""

SUM, MEAN = JOINED = ("sum", "mean")
"""How the scores of several sub-words, or of several spans, become one of an item."""


@dataclass(frozen=True)
class ExplanationSettings(Settings, section="explanations"):
    """Explanations of one's own, each of which is judged beside its permuted twin; no model depends on them."""

    file: str | None = setting(
        None,
        flag="--explanations",
        metavar="FILE",
        help="scores to erase by: a .parquet or .jsonl file with the columns document, name, score and either position "
        "or start and end, perhaps draw (docs/explanations.md)",
    )
    specials: str = setting(
        OWN_SCORE,
        choices=SPECIALS,
        help="special tokens are erased by their own score (0 where there is none), before all others or behind them, "
        "or are no items of any ordering",
    )
    sinks: str = setting(
        OWN_SCORE,
        choices=SINKS,
        silent=True,
        help="the first item is no item where it is a sink of attention: where it holds 30 % of it or more in training "
        "documents, and changes at most 5 % of the decisions (docs/transformers.md)",
    )
    subwords: str = setting(SUM, choices=JOINED, help="how several scores of an item become one")

    @property
    def leaves_out_sinks(self) -> bool:
        """Whether a sink of attention is no item."""
        return self.sinks == OUT
