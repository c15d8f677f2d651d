"""What a reader sees in a page."""

import time


def distribution(page, pane=0):
    """Probability now by class, of the classes that are shown."""
    rows = page.locator(".pane").nth(pane).locator(".distribution tbody tr[data-class]")
    cells = rows.evaluate_all("rows => rows.map(r => [Number(r.dataset.class), r.querySelector('data').value])")
    return {c: float(p) for c, p in cells}


def erased(page, pane=0):
    """Positions that are struck out."""
    items = page.locator(".pane").nth(pane).locator(".words .erased")
    return items.evaluate_all("items => items.map(item => Number(item.dataset.at))")


def state(page, pane=0):
    """The sentence that says what became of the decision."""
    return page.locator(".pane").nth(pane).locator(".state").inner_text()


def go(page, address):
    """Follow an address inside the page."""
    page.evaluate(
        """address => new Promise(done => {
            if (location.hash === address) { done(); return; }
            addEventListener('hashchange', () => setTimeout(done), { once: true });
            location.hash = address;
        })""",
        address,
    )


def back(page):
    """To the address before, and until the page has followed it."""
    page.evaluate(
        """() => new Promise(done => {
            addEventListener('hashchange', () => setTimeout(done), { once: true });
            history.back();
        })"""
    )


def until(page, condition):
    """Wait for a condition, in JavaScript; Playwright's own waiting needs what the page's policy forbids."""
    end = time.monotonic() + 120
    while not page.evaluate(f"() => {condition}"):
        assert time.monotonic() < end, condition
        time.sleep(0.05)
