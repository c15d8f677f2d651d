import json

import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.reports.page import Page
from attnprobe.runs.run_folder import RunFolder
from tests.fixtures.page_runs import MadeRun, made_transformer_run, random_texts

LONG = 1000


def page_of(*folders):
    """A page of runs whose summaries are made here: no tables, no figures."""
    runs = []
    for folder in folders:
        results = RunResults.load(folder)
        summary = RunFolder(folder).read_summary() | json.loads(json.dumps(summarise(results)))
        runs.append((results, summary))
    return Page(tuple(runs))


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A small run with an affine readout."""
    return MadeRun(tmp_path_factory.mktemp("made") / "run", random_texts([2, 3, 5, 8, 13, 21, 34, 40, 9, 7, 1, 12]))


@pytest.fixture(scope="session")
def made_page(made):
    return page_of(made.folder).write(made.folder / "report.html")


@pytest.fixture(scope="session")
def long_page(tmp_path_factory):
    """Twenty classes, documents of a thousand words."""
    run = MadeRun(tmp_path_factory.mktemp("long") / "run", random_texts([LONG] * 3), classes=20)
    return page_of(run.folder).write(run.folder / "report.html")


@pytest.fixture(scope="session")
def transformer_page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transformer") / "run"
    made_transformer_run(folder, [2, 4, 6, 8, 10, 12, 5, 7], attention_of=(1, 4, 5))
    return page_of(folder).write(folder / "report.html")


@pytest.fixture(scope="session")
def two_page(tmp_path_factory):
    """The same documents by words and by sentences."""
    folder = tmp_path_factory.mktemp("two")
    texts = random_texts([4, 6, 8, 10, 12, 14, 3, 5])
    words = MadeRun(folder / "words", texts)
    sentences = MadeRun(
        folder / "sentences", [[" ".join(text[:2]), " ".join(text[2:])] for text in texts], seed=1, unit="sentence"
    )
    return page_of(words.folder, sentences.folder).write(folder / "report.html")


EMPTY = "about:blank"
DESK = {"viewport": {"width": 1280, "height": 900}}


@pytest.fixture(scope="session")
def tabs(chromium):
    """Tabs that are empty: a new one costs as much as what is looked at in it."""
    context = chromium.new_context(**DESK)
    yield Tabs(context)
    context.close()


class Tabs:
    """Tabs of one window, which are emptied and used again."""

    def __init__(self, context):
        self._context, self._empty = context, []

    def take(self):
        """One that is empty and listened to by nobody."""
        return self._empty.pop() if self._empty else self._context.new_page()

    def give_back(self, page):
        """One that is empty again; of what was open there is nothing left but its address in the tab's history."""
        self._empty.append(page)


@pytest.fixture
def opened(chromium, tabs):
    """Opens pages from disk; fails where one writes to the console, raises, or asks for anything but itself."""
    contexts, taken, complaints = [], [], []

    def open_page(path, address="", **options):
        if options:
            contexts.append(chromium.new_context(**DESK | options))
            page = contexts[-1].new_page()
        else:
            page = tabs.take()
        listeners = {
            "console": lambda message: complaints.append(f"console: {message.text}"),
            "pageerror": lambda error: complaints.append(f"error: {error}"),
            "request": lambda request: (
                complaints.append(request.url) if request.url.split("#")[0] not in (path.as_uri(), EMPTY) else None
            ),
            "dialog": lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()),
        }
        for event, heard in listeners.items():
            page.on(event, heard)
        if not options:
            taken.append((page, listeners))
        page.goto(path.as_uri() + address)
        return page

    yield open_page
    for page, listeners in taken:
        page.goto(EMPTY)  # heard until then: what is written or asked for last of all
        for event, heard in listeners.items():
            page.remove_listener(event, heard)
        tabs.give_back(page)
    for context in contexts:
        context.close()
    assert not complaints
