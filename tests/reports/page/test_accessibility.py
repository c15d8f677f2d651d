"""No serious violation of axe-core's rules, in either colour scheme."""

import itertools

import pytest

pytestmark = pytest.mark.browser

OVERVIEW, DOCUMENT = "#overview", "#run=0&document=4&by=attention&with=gradient&erased=1.3"
PAGES = ["transformer_page", "two_page", "made_page"]
OFTEN = {
    ("transformer_page", OVERVIEW, "light"),
    ("transformer_page", DOCUMENT, "dark"),
    ("two_page", OVERVIEW, "dark"),
    ("two_page", DOCUMENT, "light"),
}
"""Every view in every scheme, and every page in every view."""


@pytest.mark.parametrize(
    ("which", "address", "scheme"),
    [
        pytest.param(*case, marks=[pytest.mark.slow] * (case not in OFTEN))
        for case in itertools.product(PAGES, (OVERVIEW, DOCUMENT), ("light", "dark"))
    ],
)
@pytest.mark.samples(2)
def test_axe_finds_nothing_serious(request, chromium, which, address, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed")
    context = chromium.new_context(color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(request.getfixturevalue(which).as_uri() + address)
    page.wait_for_timeout(100)
    found = axe.Axe().run(page).response
    assert len(found["passes"]) > 15
    serious = [
        (each["id"], each["nodes"][0]["html"][:200], each["nodes"][0].get("failureSummary"))
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]
    context.close()
    assert not serious
