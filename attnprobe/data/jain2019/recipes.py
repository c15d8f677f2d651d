"""What each of the three datasets is made of, and how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from attnprobe.data.jain2019.treebank import treebank_records
from attnprobe.data.serrano2019.recipes import Recipe
from attnprobe.data.serrano2019.records import Record
from attnprobe.data.serrano2019.reductions import Reduction
from attnprobe.data.serrano2019.split_rules import split_as_given

SENTIMENTS = ("negative", "positive")
SPORTS = ("baseball", "hockey")


def _no_records(paths: Sequence[Path], progress: tqdm[NoReturn]) -> Iterator[Record]:
    """Of what has no originals' files."""
    return iter(())


SST = Recipe(
    name="sst2",
    title="the Stanford Sentiment Treebank (Socher et al. 2013)",
    classes=SENTIMENTS,
    originals=(("train.txt", "dev.txt", "test.txt"),),
    read=treebank_records,
    hub=None,
    limits=None,
    split=split_as_given,
    rule="Sentences that are very negative or negative against those that are positive or very positive; neutral ones "
    "are left out. The splits are the source's.",
    reduces=Reduction(
        "sst5",
        {"very_negative": "negative", "negative": "negative", "positive": "positive", "very_positive": "positive"},
    ),
)

IMDB = Recipe(
    name="imdb2",
    title="the Large Movie Review Dataset (Maas et al. 2011)",
    classes=SENTIMENTS,
    originals=(),
    read=_no_records,
    hub=None,
    limits=None,
    split=split_as_given,
    rule="Reviews with 1 to 4 stars against those with 7 to 10; others are left out. The splits are the source's.",
    reduces=Reduction(
        "imdb8", {**dict.fromkeys("1234", "negative"), **dict.fromkeys(("7", "8", "9", "10"), "positive")}
    ),
)

NEWSGROUPS = Recipe(
    name="sports2",
    title="the 20 Newsgroups (Lang 1995)",
    classes=SPORTS,
    originals=(),
    read=_no_records,
    hub=None,
    limits=None,
    split=split_as_given,
    rule="Posts on baseball against those on hockey; all other groups are left out. The splits are the source's.",
    reduces=Reduction("newsgroups20", {f"rec.sport.{sport}": sport for sport in SPORTS}),
)

RECIPES = {recipe.name: recipe for recipe in (SST, IMDB, NEWSGROUPS)}
