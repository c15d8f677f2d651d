"""Views, lists, marks and links."""

import re

import pytest

from tests.fixtures.page_reading import back, distribution, erased, state, until
from tests.reports.page.test_page import data_of

pytestmark = pytest.mark.browser


def test_a_link_leads_back_to_document_ordering_and_erased_set(made_page, opened):
    page = opened(made_page, "#documents")
    page.locator("#list button").nth(4).click()
    page.locator(".by").select_option("gradient")
    page.locator(".with").select_option("attention")
    for position in (0, 2):
        page.locator(f".words [data-at='{position}']").click()
    until(page, "location.hash.includes('erased=0.2')")
    seen = page.locator(".title").inner_text(), distribution(page), erased(page)
    again = opened(made_page, page.evaluate("() => location.hash"))
    assert (again.locator(".title").inner_text(), distribution(again), erased(again)) == seen
    assert again.locator(".by").input_value() == "gradient"
    assert again.locator(".with").input_value() == "attention"


def test_a_prefix_is_kept_as_its_length_and_back_and_forward_work(made_page, opened):
    page = opened(made_page, "#run=0&document=6&by=gradient&first=3")
    assert len(erased(page)) == 3
    page.get_by_role("button", name="Next").click()
    assert page.locator(".title").inner_text() == "Document 7"
    back(page)
    assert page.locator(".title").inner_text() == "Document 6"
    assert len(erased(page)) == 3


@pytest.mark.parametrize(
    "address",
    [
        "#run=99&document=6",
        "#document=-1",
        "#show=0.999999",
        "#erased=1",
        "#x=%",
        "#run=0&document=6&first=9999999&by=<b>",
    ],
)
@pytest.mark.samples(2)
def test_a_broken_link_breaks_nothing(made_page, opened, address):
    page = opened(made_page, address)
    assert page.locator("h1").is_visible()
    page.get_by_role("link", name="Documents", exact=True).click()
    assert page.locator(".pane").count() == 1


@pytest.mark.slow
def test_every_mark_leads_to_its_documents(made_page, opened):
    page = opened(made_page)
    marks = page.locator("#overview-view a[href^='#show=']")
    hrefs = marks.evaluate_all("marks => marks.map(mark => mark.getAttribute('href'))")
    assert len(hrefs) > 30
    for href in hrefs[::5]:
        page.get_by_role("link", name="Overview", exact=True).click()
        page.locator(f"#overview-view a[href='{href}']").first.dispatch_event("click")
        listed = page.locator("#list button").count()
        assert listed == int(page.locator("#how-many").inner_text())
        assert (
            listed > 0
            or "0 of the" in page.locator("#shown-note").inner_text()
            or "0 documents" in page.locator("#shown-note").inner_text()
        )


def test_marks_are_reached_and_followed_by_keys(made_page, opened):
    page = opened(made_page)
    bars = page.locator(".fractions a")
    bars.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    says = bars.nth(2).get_attribute("aria-label").rpartition(":")[0]
    assert page.evaluate("() => document.activeElement.getAttribute('aria-label')").startswith(says)
    page.keyboard.press("Enter")
    assert page.locator("#show option:checked").inner_text() == says
    assert page.locator(".pane").count() == 1


def test_bars_list_the_documents_that_flip_there(made, made_page, opened):
    page = opened(made_page)
    bars = page.locator("#overview-view a[aria-label^='Attention: flips with ']")
    for bar in range(bars.count()):
        low, high = re.search("with ([0-9]+) to ([0-9]+) %", bars.nth(bar).get_attribute("aria-label")).groups()
        bars.nth(bar).dispatch_event("click")
        says = page.locator("#list .says").all_inner_texts()
        assert says
        for text in says:
            flip, n = text.split("flips at ")[1].split(" of ")
            assert int(low) < 100 * int(flip) / int(n) <= int(high)
        back(page)


def test_search_finds_words(made, made_page, opened):
    page = opened(made_page, "#documents")
    word = made.texts[7][20]
    page.locator("#find").fill(word)
    expected = {d for d, text in enumerate(made.texts) if len(text) > 1 and word in " ".join(text)}
    listed = {int(text.split(" ")[0]) for text in page.locator("#list .says").all_inner_texts()}
    assert listed == expected


def test_a_link_to_a_document_that_is_not_in_the_page_says_so(made_page, opened):
    page = opened(made_page, "#run=0&document=10")  # of one item
    assert "Document 10 is not in this page" in page.locator("#not-here").inner_text()
    assert page.locator(".pane").count() == 0
    page.locator("#list button").first.click()
    assert page.locator("#not-here").is_hidden()
    assert page.locator(".pane").count() == 1


def test_documents_are_filtered_by_confusion_and_sorted(made_page, opened):
    page = opened(made_page, "#documents")
    (run,) = data_of(made_page.read_text(encoding="utf-8"))
    decided, labelled = run["documents"][0]["decided"], run["documents"][0]["labelled"]
    page.locator("#decided").select_option(decided)
    page.locator("#labelled").select_option(labelled)
    page.locator("#sort").select_option("length")
    expected = [doc for doc in run["documents"] if (doc["decided"], doc["labelled"]) == (decided, labelled)]
    expected.sort(key=lambda doc: len(doc["tokens"]))
    listed = [int(text.split(" ")[0]) for text in page.locator("#list .says").all_inner_texts()]
    assert listed == [doc["number"] for doc in expected]


def test_hovering_tells_ranks(made, made_page, opened):
    page = opened(made_page, "#run=0&document=4")
    top = int(made.scores[4, :13].argmax())
    page.locator(f".words [data-at='{top}']").hover()
    assert "Attention: 1 of 13" in page.locator(".tip").inner_text()


def test_without_contributions_the_page_shows_what_was_computed(transformer_page, opened):
    page = opened(transformer_page, "#run=0&document=5")
    assert page.get_by_role("button", name="Smallest set that flips it").is_disabled()
    assert "not affine" in page.locator(".exactness").inner_text()
    page.locator(".words [data-at='1']").click()
    assert "Without this token the decision" in state(page)
    for position in (3, 6, 8):
        page.locator(f".words [data-at='{position}']").click()
    assert "Not computed" in state(page)


def test_the_map_of_heads_leads_to_documents(transformer_page, opened):
    page = opened(transformer_page)
    assert page.locator(".heads a").count() == 6
    page.locator(".heads a[aria-label^='layer 1 head 2']").click()
    assert page.locator("#list button").count() == 4


def test_two_runs_show_the_same_document_side_by_side(two_page, opened):
    page = opened(two_page, "#run=0&document=3")
    page.locator(".beside").first.select_option("1")
    assert page.locator(".pane").count() == 2
    page.locator(".pane").nth(1).locator("[data-at='0']").click()
    assert erased(page, 0) == []
    assert erased(page, 1) == [0]
    until(page, "/document2=3/.test(location.hash) && /(erased2=0|first2=1)(&|$)/.test(location.hash)")
    again = opened(two_page, page.evaluate("() => location.hash"))
    assert erased(again, 1) == [0]
    assert again.locator(".pane").nth(1).locator(".words .item").count() == 2


@pytest.mark.browser
def test_an_address_that_is_written_over_before_it_is_heard_of_is_followed_all_the_same(made, made_page, opened):
    """The page notes the document before by replacing the address, and may do so just then."""
    page = opened(made_page, "#run=0&document=3&by=attention")
    page.evaluate(
        """() => new Promise(done => {
            addEventListener('hashchange', () => setTimeout(done), { once: true });
            location.hash = '#run=0&document=5&by=attention';
            history.replaceState(null, '', '#run=0&document=3&by=attention');
        })"""
    )
    assert page.locator(".pane .title").inner_text() == "Document 5"
