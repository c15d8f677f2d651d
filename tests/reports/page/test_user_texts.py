"""Terminal and page show the user's text: its case, its lines, its spaces."""

import json
import re

import numpy as np
import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.reports.page.terminal import document_in_terminal
from tests.fixtures.page_reading import erased
from tests.fixtures.page_runs import MadeRun, random_texts
from tests.reports.page.conftest import page_of

ITEMS = ["It", "was", "n't", "GOOD", ".", "Sentiment", ":", "<b>", "fine"]
BEFORE = ["", "  ", "", " ", "", "\n\n", "", "\t", "\r\n"]
TEXT = "It  wasn't GOOD.\n\nSentiment:\t<b>\nfine"
ESCAPE = re.compile("\x1b\\[[0-9;]*m")
HOSTILE = ["a", "b", "c"], ["\x1b[2J", "\u202e<script>alert(1)</script>\x07", "\n"]


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    more = random_texts([5, 8, 13, 6])
    texts, before = [ITEMS, HOSTILE[0], *more], [BEFORE, HOSTILE[1], *([" "] * len(text) for text in more)]
    run = MadeRun(tmp_path_factory.mktemp("raw") / "run", texts, before=before)
    page_of(run.folder).write(run.folder / "report.html")
    return run


def in_terminal(folder, number=0, **options):
    shown = ESCAPE.sub("", document_in_terminal(RunResults.load(folder), number, **options))
    return shown.split("\n\n", 1)[1].rsplit("\n\n", 3 if "(No exact" in shown or "Smallest" in shown else 2)[0]


def test_the_terminal_shows_the_text_as_it_is(raw):
    assert in_terminal(raw.folder).startswith(TEXT.replace("\t", "    "))
    lines = in_terminal(raw.folder, width=15).splitlines()
    assert lines[:4] == ["It  wasn't", "GOOD.", "", "Sentiment:"]


def test_text_between_items_cannot_steer_the_terminal(raw):
    shown = document_in_terminal(RunResults.load(raw.folder), 1, colour=True)
    assert not re.search("[\x00-\x09\x0b-\x1a\x1c-\x1f\x7f\u202e]", shown)
    assert "\x1b[2J" not in shown
    assert "␛[2J" in shown


@pytest.mark.browser
def test_the_page_shows_the_text_as_it_is(raw, opened):
    page = opened(raw.folder / "report.html", "#run=0&document=0")
    words = page.locator(".words")
    assert words.evaluate("words => words.textContent") == TEXT
    assert words.inner_text() == TEXT
    tops = words.locator(".item").evaluate_all("items => items.map(item => item.getBoundingClientRect().top)")
    assert tops[0] == tops[4] < tops[5] == tops[7] < tops[8]
    assert tops[5] - tops[0] > 1.5 * (tops[8] - tops[7])  # an empty line is between them
    words.locator("[data-at='3']").click()
    assert erased(page) == [3]


@pytest.mark.browser
def test_text_between_items_stays_text(raw, opened):
    page = opened(raw.folder / "report.html", "#run=0&document=1")
    shown = page.locator(".words").evaluate("words => words.textContent")
    assert shown == "␛[2Ja⟦U+202E⟧<script>alert(1)</script>␇b\nc"
    assert page.locator(".words script").count() == 0


@pytest.mark.browser
def test_sentences_begin_lines_and_keep_their_own(tmp_path, opened):
    sentences = ["It  was\nGOOD.", "Was it?", "Yes."]
    run = MadeRun(tmp_path / "run", [sentences] * 6, before=[["", " ", "\n\n"]] * 6, unit="sentence")
    page = opened(page_of(run.folder).write(run.folder / "report.html"), "#run=0&document=0")
    boxes = page.locator(".words .item").evaluate_all(
        "items => items.map(item => [item.textContent, item.getBoundingClientRect().top, item.offsetHeight])"
    )
    assert [text for text, *_ in boxes] == sentences
    (_, first, height), (_, second, _), (_, third, low) = boxes
    assert height > 1.5 * low
    assert second - first < height + low  # no empty line between the first two, one before the third
    assert third - second > 1.5 * (second - first - height + low)
    assert in_terminal(run.folder).startswith("It  was\nGOOD.\nWas it?\n\nYes.")


@pytest.fixture(scope="module")
def transformer(tmp_path_factory):
    """What ``probe`` gives for texts of chats, with a byte-level tokenizer; and the texts."""
    pytest.importorskip("transformers")
    import torch

    import attnprobe
    from tests.fixtures.checkpoints import bert, byte_level

    torch.manual_seed(0)
    model = bert(classifier=True, max_positions=200, num_labels=3, initializer_range=0.5)
    model.resize_token_embeddings(300)
    tokenizer = byte_level()
    tokenizer.pad_token = tokenizer.eos_token
    texts = ["It  wasn't GOOD.\n\nSentiment: 😀\n", "fine <|endoftext|>\n\tnaïve", "a b", "c d e", "word0 word1 word2"]
    folder = tmp_path_factory.mktemp("chats")
    for unit in ("token", "word"):
        result = attnprobe.probe(model, tokenizer, texts, unit=unit)
        assert (result.cut, result.special_strings) == (0, 1)
        (folder / unit).mkdir()
        for name in ("documents", "erasures", "items"):
            getattr(result, name).assign(**{"label": 0} if name == "documents" else {}).to_parquet(
                folder / unit / f"{name}.parquet"
            )
        config = {"settings": {"dataset": "chats", "model": "hf", "seed": 0}, "data": {"labels": list("abc")}}
        (folder / unit / "config.json").write_text(json.dumps(config | {"unit": unit}), encoding="utf-8")
    return folder, texts


@pytest.mark.browser
def test_a_transformers_text_is_shown_with_its_lines_and_readable_pieces(transformer, opened):
    folder, texts = transformer
    for unit in ("token", "word"):
        page = opened(page_of(folder / unit).write(folder / unit / "report.html"), "#run=0&document=0")
        shown = page.locator(".words").evaluate("words => words.textContent")
        assert re.sub("( ⟨..⟩)+ ", "", shown).replace("↵", "").replace("␣", " ") == texts[0]
        assert not set(shown) & set("ĠĊðŁ")
        tops = page.locator(".words .item").evaluate_all("items => items.map(item => item.getBoundingClientRect().top)")
        assert len(np.unique(np.round(tops))) >= 2
        lines = in_terminal(folder / unit).replace("↵", "").replace("␣", " ").splitlines()
        rest = " ⟨9F⟩ ⟨98⟩ ⟨80⟩" * (unit == "token")
        assert [line.rstrip() for line in lines[:3]] == ["It  wasn't GOOD.", "", f"Sentiment: 😀{rest}"]
