"""`attnprobe show`: one document in the terminal."""

import re

import numpy as np
import pandas as pd
import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.reports.page.terminal import document_in_terminal
from tests.fixtures.page_runs import MadeRun

ESCAPE = re.compile("\x1b\\[[0-9;]*m")


def shown(run, number, **options):
    bias = run.readout.bias.tolist()
    return document_in_terminal(RunResults.load(run.folder), number, bias=bias, **options)


@pytest.mark.parametrize("ordering", ["attention", "gradient", "gradient_attention"])
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
