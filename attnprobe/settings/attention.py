"""What of a transformer's attention is erased, as it is written down in a run's configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass

from attnprobe.settings.declaration import Settings, setting
from attnprobe.settings.unfit import Named, SettingError

AUTO = "auto"

_VIEW = re.compile(r"([a-z]+:)?(all|last|-?[0-9]+|[0-9]+-[0-9]+)")
"""Layers of a view: one word, which a folder is named by."""

TOKEN, WORD = UNITS = ("token", "word")
"""What an item is: one token of the model's tokenizer, or all tokens of a word."""

MEAN, MAX = AGGREGATES = ("mean", "max")
"""How attention and gradients of several heads, layers and rows become one number an item."""

QUICK, FULL = HEAD_MAPS = ("quick", "full")
"""How single heads are tested: by their effects, or by their orders."""


def position_of(at: str) -> int | None:
    """The position that a text says, negative from the end; None where it says none.

    >>> position_of("-2"), position_of("[MASK]")
    (-2, None)
    """
    return int(at) if re.fullmatch("-?[0-9]{1,9}", at) else None


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
    at: str | None = setting(
        None,
        silent=True,
        metavar="WHERE",
        help="the token that a checkpoint decides at which gives logits for every token (masked language models, token "
        "classifiers): a special token as [MASK], a position, negative ones from the end, or a word of the texts",
        shown="none: the decision is about the text, or the token that follows it",
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

    def __post_init__(self) -> None:
        super().__post_init__()
        for layers in self.also:  # which are names of folders, too
            if layers != AUTO and not _VIEW.fullmatch(layers):
                sentence = "{} must be none, auto, all, last, or a number or span of layers such as 0-2, not {!r}."
                raise SettingError(self.section, sentence, Named("also"), layers)
