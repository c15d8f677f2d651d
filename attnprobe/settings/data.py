"""How much of a dataset is used, and how its texts are read."""

from __future__ import annotations

from dataclasses import dataclass

from attnprobe.settings.declaration import Settings, setting

_SAMPLE = "documents that are used, a seeded sample"


@dataclass(frozen=True)
class DataLimits(Settings, section="data"):
    """How much of a dataset is used, None is all of it; and how its texts are read."""

    train_documents: int | None = setting(None, help=f"training {_SAMPLE}", shown="all")
    dev_documents: int | None = setting(None, help=f"development {_SAMPLE}", shown="all")
    test_documents: int | None = setting(None, help=f"test {_SAMPLE}", shown="all")
    train_words: int | None = setting(
        None,
        help="words after which training and development documents are cut; test documents never are",
        shown="no",
    )
    given_tokens: bool = setting(
        False,
        silent=True,
        help="texts are tokens that whitespace separates: keep them (lists of tokens are kept in any case)",
    )
