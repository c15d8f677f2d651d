"""What is struck out flips the decision, one item fewer does not: of the model itself, on what a reader sees."""

import importlib.util
import re

import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.reports.page.terminal import document_in_terminal
from attnprobe.runs.run_folder import RunFolder, readout_bias
from tests.fixtures.page_reading import erased, go
from tests.fixtures.struck_runs import RUNS
from tests.reports.page.conftest import page_of

ENOUGH = 24
"""Sets that flip or do not by more than rounding, of one run."""


@pytest.fixture(scope="module", params=RUNS)
def run(request, tmp_path_factory):
    if request.param.startswith("checkpoint") and importlib.util.find_spec("transformers") is None:
        pytest.skip("transformers is not installed")
    return RUNS[request.param](tmp_path_factory.mktemp("struck") / "run")


def test_there_are_documents_in_which_an_order_made_again_is_another_one(run):
    """With several heads: their products are not the product of their means."""
    assert len(run.wrong) >= 3 if run.heads > 1 else not run.wrong


@pytest.mark.slow
def test_in_the_terminal(run):
    results, bias = RunResults.load(run.folder), readout_bias(RunFolder(run.folder).read_summary())
    checked = 0
    for document in run.documents:
        tokens = run.items[document]["token"]
        for ordering in run.orderings if tokens.is_unique else ():
            text = document_in_terminal(results, document, ordering=ordering, bias=bias, colour=False)
            words = re.findall("~~(.+?)~~", text.split("\n\n")[1])
            struck = [position for position, token in enumerate(tokens) if token in words]
            assert len(struck) == len(words)
            checked += run.check(document, ordering, struck)
    assert checked >= ENOUGH


@pytest.mark.browser
@pytest.mark.samples(1)
def test_in_the_page(run, opened):
    page = opened(page_of(run.folder).write(run.folder / "report.html"))
    flip = page.get_by_role("button", name="To the first flip")
    checked = 0
    for document in run.documents:
        for ordering in run.orderings:
            if ordering == "attention_ascending":  # which the page does not show
                continue
            go(page, f"#run=0&document={document}&by={ordering}")
            assert page.locator(".by").input_value() == ordering
            assert flip.is_disabled() == (run.outcome(document, ordering) <= 0), (document, ordering)
            if flip.is_enabled():
                flip.click()
            checked += run.check(document, ordering, erased(page))
    assert checked >= ENOUGH
