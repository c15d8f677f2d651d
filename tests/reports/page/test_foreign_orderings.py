"""An ordering may be called anything: it is shown by its name, and nothing takes the name for something else."""

import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.reports.figures import draw_all
from attnprobe.reports.page.terminal import document_in_terminal
from tests.fixtures.foreign_orderings import with_orderings
from tests.fixtures.page_reading import erased, go
from tests.fixtures.page_runs import MadeRun, random_texts
from tests.reports.page.conftest import page_of

NAMES = ("constructor", "__proto__", "toString", "hasOwnProperty", "$\\frac$", "=1+1", "../x", "a\x1b[31m\u202e\nb")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = MadeRun(tmp_path_factory.mktemp("foreign") / "run", random_texts([3, 6, 5, 9, 4]), classes=2)
    with_orderings(made.folder, NAMES)
    return RunResults.load(made.folder)


@pytest.fixture(scope="module")
def page(run):
    return page_of(run.folder).write(run.folder / "report.html")


def test_in_the_terminal(run):
    gradient = document_in_terminal(run, 1, ordering="gradient", colour=False).split("\n\n")[1]
    for name in NAMES:
        assert document_in_terminal(run, 1, ordering=name, colour=False).split("\n\n")[1] == gradient


@pytest.mark.slow
def test_in_figures(run, tmp_path):
    assert draw_all(run, tmp_path, {})


@pytest.mark.browser
def test_in_the_page(page, opened):
    view = opened(page, "#run=0&document=1&by=gradient")
    offered = view.locator(".pane .by option").evaluate_all("options => options.map(option => option.value)")
    assert set(NAMES) <= set(offered)
    for number, name in enumerate(("gradient", *NAMES)):
        view.locator(".pane .by").select_option(name)
        if not number:
            view.locator("[data-do=flip]").first.click()
            struck = erased(view)
            assert struck
        else:
            assert erased(view) == struck
    go(view, "#run=0&document=2&by=__proto__&with=constructor")
    assert "Document 2" in view.locator(".pane .title").inner_text()
