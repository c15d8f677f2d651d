"""What of a transformer's attention is erased, as it is written down in a run's configuration."""

from __future__ import annotations

from dataclasses import dataclass

from attnprobe.settings.declaration import Settings, setting

AUTO = "auto"

TOKEN, WORD = UNITS = ("token", "word")
"""What an item is: one token of the model's tokenizer, or all tokens of a word."""

MEAN, MAX = AGGREGATES = ("mean", "max")
"""How attention and gradients of several heads, layers and rows become one number an item."""

QUICK, FULL = HEAD_MAPS = ("quick", "full")
"""How single heads are tested: by their effects, or by their orders."""


@dataclass(frozen=True)
class AttentionSettings(Settings, section="attention"):
    """Which attention weights are erased, and what an item is."""

    layers: str = setting(
        "last",
        metavar="LAYERS",
        help="last, all, or numbers and spans: 0,2-4 (negative ones count from the end); in encoder–decoder models "
        "behind the name of a stack: encoder:last, decoder:0, cross:all",
    )
    also: tuple[str, ...] = setting(
        (AUTO,),
        identity=None,
        silent=True,
        metavar="LAYERS,…",
        help="further selections of layers of a checkpoint, each a probe of its own in a folder of the run, as "
        "all-layers; auto is all, where layers and rows are as usual",
    )
    heads: str = setting("all", metavar="HEADS", help="all, or numbers and spans: 0,2-4")
    query: str = setting(
        AUTO,
        metavar="ROWS",
        help="the rows: first, last, all, a position or a span; auto is the one row that the decision is read from, or "
        "all where there is no such row",
    )
    unit: str = setting(
        TOKEN,
        choices=UNITS,
        help="what is erased at once, and what an item is: a token, or a word with all its pieces",
        shown="token; of the model transformer, word",
    )
    aggregate: str = setting(
        MEAN, choices=AGGREGATES, help="how attention and gradients of heads, layers and rows become one number an item"
    )
    greedy: bool = setting(False, help="also erase greedily, ranking by gradient again after each removal: slow")
    label_words: tuple[str, ...] = setting(
        (),
        metavar="A,B",
        several=True,
        help="the decision of a language model is the best of these words",
        shown="none: the next token",
    )
    pairs_at: str | None = setting(
        None,
        silent=True,
        metavar="MARK",
        help="texts are pairs of what stands before this string and behind it, which a checkpoint's tokenizer joins",
        shown="none: a text is read as it is",
    )
    head_map: str = setting(
        QUICK,
        choices=HEAD_MAPS,
        identity=None,
        help="how single heads are tested: quick erases each whole, its most attended item and another one; full "
        "erases each in its own order and in a random one, in about six times the time",
    )
    head_map_documents: int = setting(
        100,
        at_least=0,
        identity=100,
        help="documents, a seeded sample, of which single heads are tested; 0 for no map of heads",
    )
