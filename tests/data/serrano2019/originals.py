"""Small files in the formats of the four originals."""

import gzip
import json
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq

from attnprobe.data.serrano2019.recipes import RECIPES


def document(sentences, word="word"):
    """A text of sentences of these many words, the full stop among them; the first word is the document's own."""
    first, *others = sentences
    return " ".join(
        f"{start}{' word' * (words - 2)}." for words, start in [(first, word), *((n, "thing") for n in others)]
    )


def question(maincat, subject, content=None, best=None):
    """A question as L6 has it, with what else stands there."""
    optional = "".join(
        f"<{name}>{escape(value)}</{name}>\n"
        for name, value in (("content", content), ("bestanswer", best))
        if value is not None
    )
    category = (
        "" if maincat is None else f"<cat>any</cat>\n<maincat>{escape(maincat)}</maincat>\n<subcat>any</subcat>\n"
    )
    return (
        f'<vespaadd><document type="wisdom"><uri>1</uri>\n<subject>{escape(subject)}</subject>\n{optional}'
        "<nbestanswers><answer_item>not this</answer_item>\n<answer_item>nor this</answer_item></nbestanswers>\n"
        f"{category}<qlang>en</qlang></document></vespaadd>\n"
    )


def write_yahoo(folder, questions, cut=0.5, suffix=""):
    """The two parts, which are cut at a byte that means nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    xml = ("<?xml version='1.0' encoding='UTF-8'?>\n<ystfeed>\n" + "".join(questions) + "</ystfeed>\n").encode()
    border = int(len(xml) * cut)
    for name, part in (("part1", xml[:border]), ("part2", xml[border:])):
        content = gzip.compress(part) if suffix == ".gz" else part
        (folder / f"FullOct2007.xml.{name}{suffix}").write_bytes(content)
    return folder


def write_imdb(folder, reviews, lines=False):
    """``data.json``: an array, or an object a line."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = [{"rating": rating, "title": "not this", "movie": "m", "review": text} for rating, text in reviews]
    text = "\n".join(map(json.dumps, entries)) if lines else json.dumps(entries, indent=1)
    (folder / "data.json").write_text(text, encoding="utf-8")
    return folder


def csv_line(*fields):
    return ",".join('"' + field.replace('"', '""') + '"' for field in fields) + "\n"


def write_reviews(folder, train, test, title=True):
    """``train.csv`` and ``test.csv`` of (stars, text), with a title or without."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, reviews in (("train", train), ("test", test)):
        lines = [csv_line(stars, *(["not this"] if title else []), text) for stars, text in reviews]
        (folder / f"{split}.csv").write_text("".join(lines), encoding="utf-8")
    return folder


def write_hub(root, name, revision, **splits):
    """A repository of the hub as a folder; ``splits`` are columns by name."""
    hub = RECIPES[name].hub
    for split, columns in splits.items():
        pattern = hub.files.format(split=split)
        path = root / f"{hub.id}@{revision}" / pattern.replace("-*.", "-00000-of-00001.").replace("*.", "0000.")
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path)
    return root
