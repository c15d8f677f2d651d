import gc
import os
import shutil
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.pop("COLUMNS", None)  # which pytest-xdist sets for itself, and commands would fit what they say to

import pytest
from hypothesis import settings

from attnprobe.base.freed_memory import keep_freed_memory

keep_freed_memory()  # in processes that are forked from this one as well: fresh pages are a sixth of what tests take
gc.disable()  # until everything is imported, of which nothing is garbage

# Compiled once, for the processes that tests start as well: each would compile the package anew, for two seconds.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

settings.register_profile("suite", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("suite")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Of a test's cases those beyond the ``samples`` it names are slow: before the slow ones are left out."""
    from tests.fixtures.sampled_cases import further_cases

    for item in further_cases(items):
        item.add_marker(pytest.mark.slow)


def pytest_collection_finish():
    """What is imported lives as long as the suite: looking for garbage in it again and again is a tenth of its time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _few_figures():
    from tests.fixtures.drawing import let_reports_draw_some

    let_reports_draw_some()


@pytest.fixture(scope="session", autouse=True)
def _imported_once():
    from tests.fixtures.fork_servers import import_everything_once

    import_everything_once()


@pytest.fixture
def every_figure(monkeypatch):
    """Every figure is drawn when a run ends, and not none: for tests that look at the files."""
    from tests.fixtures.drawing import EVERY, VARIABLE

    monkeypatch.setenv(VARIABLE, EVERY)


@pytest.fixture
def few_resamples(monkeypatch):
    """Bootstraps of a twentieth of the resamples: for tests that look at no interval, but at what is made of them."""
    monkeypatch.setattr("attnprobe.analysis.bootstrap.RESAMPLES", 100)


@pytest.fixture(scope="session")
def chromium():
    """Headless Chromium; what needs it is skipped where it, or Playwright, is missing."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: no browser to drive")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
