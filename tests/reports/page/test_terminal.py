"""`attnprobe show`: one document in the terminal."""

import re

import numpy as np
import pandas as pd
import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.reports.page.terminal import document_in_terminal
from tests.fixtures.curved_runs import write_curved_run
from tests.fixtures.page_runs import MadeRun

ESCAPE = re.compile("\x1b\\[[0-9;]*m")


def shown(run, number, **options):
    bias = run.readout.bias.tolist()
    return document_in_terminal(RunResults.load(run.folder), number, bias=bias, **options)


@pytest.mark.parametrize("ordering", ["attention", "gradient", "gradient_attention"])
@pytest.mark.samples(1)
def test_what_is_struck_through_flips_the_decision_to_what_is_said(made, ordering):
    erasures = pd.read_parquet(made.folder / "erasures.parquet").query("ordering == @ordering").set_index("document")
    checked = 0
    for number, text in enumerate(made.texts):
        removed = int(erasures.removed[number])
        if len(text) == 1 or removed <= 0 or erasures.emptied[number]:
            continue
        body = shown(made, number, ordering=ordering, colour=False).split("\n\n")[1]
        struck = [position for position, word in enumerate(body.split()) if word.startswith("~~")]
        assert len(struck) == removed
        after = made.distribution(number, struck)
        said = shown(made, number, ordering=ordering, colour=False)
        assert f"flips to {made.labels[after.argmax()]}" in " ".join(said.split())
        assert after.argmax() != made.distribution(number, []).argmax()
        checked += 1
    assert checked >= 5


def test_colours_say_the_same_and_darken_with_attention(made):
    plain, coloured = (shown(made, 4, colour=colour) for colour in (False, True))
    assert ESCAPE.sub("", coloured) == plain.replace("~~", "")
    words = coloured.split("\n\n")[1].split(" ")
    top = int(made.scores[4, :13].argmax())
    red = [int(match[1]) if (match := re.search(r"48;2;(\d+);", word)) else 255 for word in words]
    assert int(np.argmin(red)) == top


def test_lines_keep_to_the_width(made):
    for number in (6, 7):
        assert max(map(len, shown(made, number, width=60, colour=False).splitlines())) <= 60 + len("~~~~")


def test_texts_cannot_steer_the_terminal(tmp_path):
    run = MadeRun(tmp_path / "run", [["\x1b[2J", "\x07", "\u202eabc", "plain"]], labels=["\x1b]0;x\x07", "b", "c"])
    text = shown(run, 0, colour=False)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", text)
    assert "␛[2J" in text


def test_unknown_documents_are_refused(made):
    for number in (10, 99):  # of one word; not there
        with pytest.raises(InputError, match=f"no document {number} "):
            shown(made, number)


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    """A run in which two people marked words, and somebody brought an explanation."""
    folder = tmp_path_factory.mktemp("explained") / "run"
    write_curved_run(folder, documents=20, limits=0, classes=2, marked=True, explanations=["mine"])
    return folder


def test_what_people_marked_is_underlined(explained):
    items = pd.read_parquet(explained / "items.parquet")
    for number in (1, 2, 4):
        of_document = items[items["document"] == number]
        marks = of_document[["rationale_first", "rationale_b"]].astype(object).fillna(False).astype(bool)
        results = RunResults.load(explained)
        plain, coloured = (document_in_terminal(results, number, colour=colour) for colour in (False, True))
        words = plain.split("\n\n")[1].split()
        assert ["_" in word.replace("~", "") for word in words] == marks.any(axis=1).tolist()
        underlined = re.findall("\x1b\\[([0-9;]*)m", coloured.split("\n\n")[1])
        assert sum(codes.split(";")[0] == "4" for codes in underlined) == marks.any(axis=1).sum()
        said = " ".join(plain.split())
        for name, count in zip(("first", "b"), marks.sum().tolist(), strict=True):
            assert (f"annotator {name} marked ({count} word" in said) == bool(count)
        assert ("Underlined is what annotator" in coloured) == bool(marks.any(axis=None))


def test_a_brought_explanation_and_its_twin_are_shown_like_orderings(explained):
    ranks = pd.read_parquet(explained / "items.parquet").query("document == 2")
    erasures = pd.read_parquet(explained / "erasures.parquet").query("document == 2").set_index("ordering")
    for ordering in ("mine", "mine_permuted"):
        text = document_in_terminal(RunResults.load(explained), 2, ordering=ordering, colour=False)
        struck = ["~~" in word for word in text.split("\n\n")[1].split()]
        removed = int(erasures["removed"][ordering]) if not erasures["emptied"][ordering] else 0
        assert struck == (ranks[f"rank_{ordering}"] < max(removed, 0)).tolist()
        assert "mine, permuted" in " ".join(text.split())
