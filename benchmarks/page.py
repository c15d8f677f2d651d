"""How soon a run's page is at hand, in headless Chromium: milliseconds until it is open, and until a click shows.

python -m benchmarks.page RUN/report.html
"""

from __future__ import annotations

import argparse
import shutil
import statistics
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.measure import report

OPENS, CLICKS = 7, 15
SETTLED = 300
"""Milliseconds after which a page has nothing more to do."""

PAINTED = """() => new Promise(done => {
    const words = document.querySelectorAll('.words .item');
    const start = performance.now();
    words[Math.floor(Math.random() * words.length)].click();
    requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => done(performance.now() - start);
        channel.port2.postMessage(0);
    });
})"""
"""Milliseconds from a click to the end of the frame that shows what it did."""


def main() -> None:
    """Print the median of each; a reader should wait a second for the page at most, and 50 ms for a click."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("page", type=Path)
    path = parser.parse_args().page.resolve()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        times = []
        for _ in range(OPENS):
            page = browser.new_page()
            page.goto(path.as_uri() + "#run=0&document=0")
            times.append(page.evaluate("() => performance.getEntriesByType('navigation')[0].loadEventStart"))
        items = page.locator(".words .item").count()
        report("page_opens_ms", statistics.median(times), megabytes=path.stat().st_size / 1e6, items=items)
        page.wait_for_timeout(SETTLED)
        report("click_shows_ms", statistics.median(page.evaluate(PAINTED) for _ in range(CLICKS)), items=items)
        browser.close()


if __name__ == "__main__":
    main()
