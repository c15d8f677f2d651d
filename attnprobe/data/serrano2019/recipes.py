"""What each of the four datasets is made of, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from attnprobe.data.serrano2019 import split_rules as splits
from attnprobe.data.serrano2019.hub import HubRepository
from attnprobe.data.serrano2019.imdb_json import imdb_records
from attnprobe.data.serrano2019.records import Record
from attnprobe.data.serrano2019.reductions import Reduction
from attnprobe.data.serrano2019.split_rules import Codes, Pool
from attnprobe.data.serrano2019.yahoo_xml import yahoo_records
from attnprobe.data.serrano2019.zhang_csv import STARS, amazon_records, yelp_records

YAHOO_CATEGORIES = (
    "Society & Culture",
    "Science & Mathematics",
    "Health",
    "Education & Reference",
    "Computers & Internet",
    "Sports",
    "Business & Finance",
    "Entertainment & Music",
    "Family & Relationships",
    "Politics & Government",
)


@dataclass(frozen=True)
class LengthLimits:
    """The most sentences a document may have, and the most words a sentence of it."""

    sentences: int
    words: int


@dataclass(frozen=True)
class Recipe:
    """One dataset.

    Attributes:
        name: as it is registered.
        title: what its originals are called.
        classes: its labels; on the hub they are numbered in this order.
        originals: the sets of files of which any one will do, the files of a set in the order of reading.
        read: records of such files.
        hub: the same on the hub, if it is there.
        limits: of the splits that are cut, if any is.
        split: which document goes where.
        rule: that in words.
        reduces: the dataset with more classes of whose folder it can be made, if there is one.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    originals: tuple[tuple[str, ...], ...]
    read: Callable[[Sequence[Path], tqdm[NoReturn]], Iterator[Record]]
    hub: HubRepository | None
    limits: LengthLimits | None
    split: Callable[[Pool], Codes]
    rule: str
    reduces: Reduction | None = None


YAHOO = Recipe(
    name="yahoo",
    title="Yahoo! Answers (Webscope dataset L6)",
    classes=YAHOO_CATEGORIES,
    originals=(
        ("FullOct2007.xml.part1", "FullOct2007.xml.part2"),
        ("FullOct2007.xml.part1.gz", "FullOct2007.xml.part2.gz"),
        ("FullOct2007.xml",),
    ),
    read=yahoo_records,
    hub=HubRepository(
        id="community-datasets/yahoo_answers_topics",
        revision="6652a1e7c94f7260a0bfd0c9092dd48e2d536ea1",
        files="yahoo_answers_topics/{split}-*.parquet",
        label="topic",
        first=0,
        texts=("question_title", "question_content", "best_answer"),
    ),
    limits=LengthLimits(sentences=50, words=350),
    split=splits.split_yahoo,
    rule="Ten main categories; subject, content and best answer. Of each class 5,000 test documents of any length, "
    "then 140,000 within the limits, of which a tenth is dev. A class with fewer gives each split its share. The parts "
    "of the XML are read once each; the 2019 code reads the first one twice and the second never.",
)

IMDB = Recipe(
    name="imdb",
    title="the IMDB reviews of Diao et al. (2014)",
    classes=tuple(map(str, range(1, 11))),
    originals=(("data.json",), ("data.json.gz",)),
    read=imdb_records,
    hub=None,
    limits=None,
    split=splits.split_imdb,
    rule="Ten ratings; the review without its title. Each document is drawn into train, dev or test at .8, .1, .1.",
)

REVIEWS_RULE = (
    "Five stars. The given training file is drawn into train and dev at .9, .1; train alone is kept within the limits. "
    "The given test file is test, but for documents without a word."
)

AMAZON = Recipe(
    name="amazon",
    title="the Amazon full-score reviews of Zhang et al. (2015)",
    classes=STARS,
    originals=(("train.csv", "test.csv"),),
    read=amazon_records,
    hub=HubRepository(
        id="yassiracharki/Amazon_Reviews_for_Sentiment_Analysis_fine_grained_5_classes",
        revision=None,
        files="default/{split}/*.parquet",
        label="class_index",
        first=1,
        texts=("review_text",),
    ),
    limits=LengthLimits(sentences=15, words=130),
    split=splits.split_reviews,
    rule=f"{REVIEWS_RULE} The title is left out.",
)

YELP = Recipe(
    name="yelp",
    title="the Yelp full-score reviews of Zhang et al. (2015)",
    classes=STARS,
    originals=(("train.csv", "test.csv"),),
    read=yelp_records,
    hub=HubRepository(
        id="Yelp/yelp_review_full",
        revision="c1f9ee939b7d05667af864ee1cb066393154bf85",
        files="yelp_review_full/{split}-*.parquet",
        label="label",
        first=0,
        texts=("text",),
    ),
    limits=LengthLimits(sentences=43, words=200),
    split=splits.split_reviews,
    rule=REVIEWS_RULE,
)

RECIPES = {recipe.name: recipe for recipe in (YAHOO, IMDB, AMAZON, YELP)}
