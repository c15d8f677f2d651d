"""How much of a dataset is used, and how its texts are read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from attnprobe.settings.declaration import Settings, setting, shown
from attnprobe.settings.unfit import Named, SettingError

_FUNCTION = re.compile(r"(?=.{1,200}\Z)[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
"""The name of a function of a module."""

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
    segmenter: str | None = setting(
        None,
        silent=True,
        metavar="PACKAGE:FUNCTION",
        help="a function of an installed package that gives a text's words, of texts in languages that put no spaces "
        "between them (models that are trained here)",
        shown="none",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.segmenter is None:
            return
        if not _FUNCTION.fullmatch(self.segmenter):
            sentence = "{} must name a function of a package, as jieba:lcut does, not {}."
            raise SettingError(self.section, sentence, Named("segmenter"), shown(self.segmenter))
        if self.given_tokens:
            sentence = "{} is for texts whose words are to be found: leave it out, or {}."
            raise SettingError(self.section, sentence, Named("segmenter"), Named("given_tokens"))
