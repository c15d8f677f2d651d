"""A picture of a run's page, with a document and the smallest set that flips its decision: the one in the README.

python figures/page/screenshot.py runs/docstrings/flan-rnn/seed-0 --out docs/page.png

It needs Playwright and Chromium (Debian: apt-get install chromium).
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.telling_documents import telling_document
from attnprobe.reports.page import Page

WIDTH, HEIGHT = 1280, 880


def main() -> None:
    """Make the page anew and photograph it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN", help="a run's folder")
    parser.add_argument("--document", type=int, metavar="N", help="default: one whose largest weight does not decide")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .png file")
    arguments = parser.parse_args()
    number = arguments.document
    if number is None:
        found = telling_document(RunResults.load(arguments.run))
        number = 0 if found is None else found.number
    with tempfile.TemporaryDirectory() as folder:
        page = Page.of(arguments.run).write(Path(folder) / "report.html")
        photograph(page, f"#run=0&document={number}&by=attention&with=gradient_attention", arguments.out)


def photograph(page: Path, address: str, out: Path) -> None:
    """Open the page at an address, press the button for the smallest set, and keep what is seen."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=1.5)
        view.goto(page.as_uri() + address)
        view.get_by_role("button", name="Smallest set that flips it").click()
        view.mouse.move(0, 0)
        view.screenshot(path=out)
        browser.close()


if __name__ == "__main__":
    main()
