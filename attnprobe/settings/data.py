"""How much of a dataset is used, and how its texts are read."""

from __future__ import annotations

from dataclasses import dataclass

from attnprobe.settings.ranges import check_counts


@dataclass(frozen=True)
class DataLimits:
    """How much of a dataset is used, None is all of it; and how its texts are read.

    Attributes:
        train_documents, dev_documents, test_documents: a seeded sample of this many documents of the split.
        train_words: training and dev documents are cut after this many words; test documents never are.
        given_tokens: texts are tokens that whitespace separates, and that are kept as they are.

    Raises:
        InputError: a limit is less than one.
    """

    train_documents: int | None = None
    dev_documents: int | None = None
    test_documents: int | None = None
    train_words: int | None = None
    given_tokens: bool = False

    def __post_init__(self) -> None:
        check_counts(self, "train_documents", "dev_documents", "test_documents", "train_words")
