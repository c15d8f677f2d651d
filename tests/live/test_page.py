"""The live page in a real browser, in front of a real server: every control, links, and answers that come late."""

import contextlib
import json
import re

import pytest

from tests.fixtures.attention_by_hand import SHORT
from tests.fixtures.commands import wait_until
from tests.fixtures.served_models import TEXT, serving

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: no browser to drive")
expect = sync_api.expect


@pytest.fixture(scope="module")
def window(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture
def opened(window, served):
    """Opens the page; fails where it writes to the console, raises, or asks for anything but its server."""
    complaints, pages = [], []

    def open_page(address="", of=served, read=True, quiet=True, text=TEXT):
        page = window.new_page()
        pages.append(page)
        start = of.gate.address
        if quiet:
            page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(start) else complaints.append(request.url))
        page.goto(start + address)
        expect(page.locator("#model-facts")).not_to_be_empty()
        if read:
            page.locator("#text").fill(text)
            page.get_by_role("button", name="Read").click()
            expect(page.locator(".seen-map path").first).to_be_attached()
        return page

    yield open_page
    for page in pages:
        page.close()
    assert complaints == []


def asked_for(page, name, act):
    """What the page asks the server when something is done."""
    with page.expect_request(re.compile(f"api/{name}$")) as request:
        act()
    return json.loads(request.value.post_data)


NUMBERS = "all => all.map((each) => Number(each.value ?? each.dataset.at))"


def distribution(page):
    return page.locator("#distribution td:nth-child(2) data").evaluate_all(NUMBERS)


def says(page, served, text=TEXT, **edit):
    """See that the page comes to show what the server says of an edit."""
    told = served.answer("erase", text=text, **edit)
    wait_until(lambda: distribution(page) == pytest.approx(told["probabilities"], abs=1e-9))
    expect(page.locator("#state")).to_contain_text(told["decided_name"])
    expect(page.locator("#state")).to_contain_text("flips" if told["flipped"] else "stays")
    expect(page.locator("#distribution tr.decided bdi")).to_have_text(told["decided_name"])


def item(page, number):
    return page.locator(f"#words [data-at='{number}']")


def test_words_are_erased_by_clicks_and_keys_and_come_back(opened, served):
    page = opened()
    before = distribution(page)
    asked = asked_for(page, "erase", item(page, 2).click)
    assert (asked["text"], asked["removed"]) == (TEXT, [2])
    expect(item(page, 2)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#against")).to_contain_text("ms")
    says(page, served, removed=[2])
    item(page, 2).press("ArrowRight")
    assert asked_for(page, "erase", lambda: page.keyboard.press("Enter"))["removed"] == [2, 3]
    expect(page.locator("#state")).to_contain_text("without 2 tokens")
    says(page, served, removed=[2, 3])
    page.get_by_role("button", name="Undo").click()
    expect(item(page, 3)).to_have_attribute("aria-selected", "false")
    expect(page.locator("#state")).to_contain_text("without 1 token")
    page.get_by_role("button", name="Bring everything back").click()
    expect(page.locator("#state")).to_contain_text("The model decides")
    assert distribution(page) == before
    expect(page.get_by_role("button", name="Bring everything back")).to_be_disabled()


def test_heads_layers_and_rows_are_cut_off_and_chosen(opened, served):
    page = opened()
    head = page.get_by_role("button", name="layer 0, head 1:")
    assert asked_for(page, "erase", head.click)["cut"] == {"heads": {"0": [1]}, "layers": [], "rows": []}
    expect(head).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#state")).to_contain_text("1 head cut off")
    says(page, served, cut={"heads": {"0": [1]}})
    layer = page.get_by_role("button", name=re.compile("^layer 1:"))
    asked = asked_for(page, "erase", layer.click)
    assert asked["cut"]["layers"] == [1]
    page.locator(".seen-row").select_option("3")
    row = page.get_by_role("button", name="Cut row 3 off")
    assert asked_for(page, "erase", row.click)["cut"]["rows"] == [3]
    expect(page.get_by_role("button", name="Bring row 3 back")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Bring everything back").click()
    page.get_by_label("chooses where items are erased").check()
    item(page, 4).click()
    assert asked_for(page, "erase", page.get_by_role("button", name=re.compile("^layer 0:")).click)["layers"] == [0, 1]
    asked = asked_for(page, "erase", page.get_by_role("button", name="layer 1, head 0:").click)
    assert asked["heads"] == {"1": [1]}
    expect(page.get_by_role("button", name="layer 1, head 0:")).to_have_attribute("aria-pressed", "false")
    says(page, served, removed=[4], layers=[0, 1], heads={"1": [1]})


def test_ways_and_rows_are_chosen(opened, served):
    page = opened()
    item(page, 1).click()
    ways = served.answer("model")["erase_by"]
    assert asked_for(page, "erase", lambda: page.locator("#way").select_option(ways[1]))["erase_by"] == ways[1]
    expect(page.locator("#against")).to_contain_text("ms")
    says(page, served, removed=[1], erase_by=ways[1])
    assert asked_for(page, "erase", lambda: page.locator("#rows").select_option("all"))["rows"] == "all"
    says(page, served, removed=[1], erase_by=ways[1], rows="all")


def test_attention_is_looked_at_by_layer_head_and_row(opened):
    page = opened()
    said = page.locator(".seen-says")
    page.locator(".seen-head").select_option("1")
    asked = asked_for(page, "attention", lambda: page.locator(".seen-layer").select_option("0"))
    assert asked == {"text": TEXT, "layer": 0}
    expect(page.locator(".seen-map")).to_have_attribute("aria-label", re.compile("layer 0, head 1"))
    page.locator(".seen-row").select_option("4")
    expect(said).to_contain_text("row 4")
    page.locator(".seen-scroll").focus()
    page.keyboard.press("ArrowDown")
    expect(said).to_contain_text("row 5")
    expect(page.locator("#shaded-by")).to_contain_text("layer 0, head 1, row 5")
    assert page.locator("#words .s9").count() >= 1


def test_an_ordering_is_erased_along(opened, served):
    page = opened()
    page.locator("#ordering").select_option("gradient")
    asked = asked_for(page, "ordering", page.get_by_role("button", name="Erase along it").click)
    assert asked["ordering"] == "gradient"
    told = served.answer("ordering", text=TEXT, ordering="gradient")
    expect(page.locator("#along-says")).to_contain_text("Gradient")
    page.locator("#step").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#step-text")).to_have_text(f"The first 2 of {len(told['order'])} tokens erased")
    erased = page.locator("#words [aria-selected='true']").evaluate_all(NUMBERS)
    assert erased == sorted(told["order"][:2])
    item(page, told["order"][-1]).click()
    expect(page.locator("#step-text")).to_contain_text("no beginning")
    to_flip = page.get_by_role("button", name="To the first flip")
    assert to_flip.is_enabled() == (told["first_flip"] is not None and told["first_flip"] > 0)
    page.locator("#rows").select_option("all")
    expect(page.locator("#along-says")).to_contain_text("has changed")
    expect(page.locator("#along")).to_be_hidden()


def test_a_set_is_searched_for_and_erased(opened, served):
    texts = [f"{word} word0 ." for word in sorted({word for text in SHORT for word in text.split()})]
    found = {text: served.answer("search", text=text) for text in texts}
    some = next(text for text, told in found.items() if told["removed"])
    page = opened(text=some)
    asked_for(page, "search", page.get_by_role("button", name="Search").click)
    expect(page.locator("#search-says")).to_contain_text("exact")
    page.get_by_role("button", name="Erase this set").click()
    expect(page.locator("#state")).to_contain_text("The decision flips")
    says(page, served, some, removed=found[some]["removed"])
    none = next((text for text, told in found.items() if told["removed"] is None), None)
    if none is not None:
        page.locator("#text").fill(none)
        page.get_by_role("button", name="Read").click()
        expect(page.locator("#search-says")).to_be_empty()
        page.get_by_role("button", name="Search").click()
        expect(page.locator("#search-says")).to_contain_text("No set flips")
        expect(page.get_by_role("button", name="Erase this set")).to_be_disabled()


def test_orderings_and_ways_are_compared(opened, served):
    page = opened()
    asked_for(page, "compare", page.get_by_role("button", name="Compare").click)
    model = served.answer("model")
    names, ways = [each["name"] for each in model["orderings"]], model["erase_by"]
    told = served.answer("compare", text=TEXT, orderings=names, ways=ways)["rows"]
    expect(page.locator("#compared tbody tr")).to_have_count(len(names))
    for row in told:
        cell = page.locator(f"#compared tr[data-ordering='{row['ordering']}'] td").nth(ways.index(row["erase_by"]))
        flips = row["first_flip"] is not None
        expect(cell).to_contain_text(str(row["first_flip"]) if flips else "nothing" if row["emptied"] else "never")


def test_a_finding_is_a_link_that_leads_back(opened, served):
    page = opened()
    item(page, 2).click()
    page.get_by_role("button", name="layer 0, head 1:").click()
    page.locator("#way").select_option("zero")
    page.locator("#ordering").select_option("gradient")
    page.get_by_role("button", name="Erase along it").click()
    expect(page.locator("#course path")).to_be_attached()
    page.locator(".seen-row").select_option("3")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name=re.compile("Copied|address bar"))).to_be_visible()
    address = page.evaluate("location.hash")
    again = opened(address, read=False)
    expect(again.locator("#course path")).to_be_attached()
    expect(item(again, 2)).to_have_attribute("aria-selected", "true")
    expect(again.locator("#way")).to_have_value("zero")
    expect(again.locator("#ordering")).to_have_value("gradient")
    expect(again.locator(".seen-row")).to_have_value("3")
    expect(again.get_by_role("button", name="layer 0, head 1:")).to_have_attribute("aria-pressed", "true")
    says(again, served, removed=[2], cut={"heads": {"0": [1]}}, erase_by="zero")
    expect(again.locator("#notice")).to_be_hidden()


@pytest.mark.parametrize(
    "address",
    [
        "#text=word0&removed=99",
        "#text=word0&layers=9",
        "#text=word0&heads=0:1;x",
        "#text=word0&way=<img src=x>",
        "#text=word0&by=__proto__&row=1e9",
        "#text=word0&constructor=1&off-heads=__proto__:0",
        "#text=word0&off-rows=4000",
        "#text=word0&row=99",
        "#text=word0&head=77",
    ],
)
def test_a_link_that_cannot_be_followed_is_said_and_breaks_nothing(opened, address):
    page = opened(address, read=False)
    expect(page.locator("#notice")).to_be_visible()
    expect(page.locator("#notice")).to_contain_text("left out")
    expect(page.locator("#words [data-at='0']")).to_be_visible()
    expect(page.locator("#state")).to_contain_text("The model decides")


def test_examples_are_read(opened, served):
    page = opened(read=False)
    asked = asked_for(page, "text", lambda: page.locator("#examples").select_option("0"))
    assert asked["text"] == served.answer("model")["examples"][0]
    expect(page.locator("#words [data-at='0']")).to_be_visible()


def test_a_pair_is_read(opened):
    page = opened(read=False)
    page.locator("#text").fill("word0 .")
    page.locator("#second").fill("naïve words")
    asked = asked_for(page, "text", lambda: page.locator("#second").press("Control+Enter"))
    assert asked == {"text": "word0 .", "second": "naïve words"}
    expect(page.locator("#words")).to_contain_text("words")


def test_texts_are_shown_as_text(opened):
    page = opened(read=False)
    page.locator("#text").fill("<img src=x onerror=alert(1)> <script>alert(2)</script>")
    page.get_by_role("button", name="Read").click()
    expect(page.locator("#words [data-at='0']")).to_be_visible()
    assert page.locator("main img, main script").count() == 0


def test_what_cannot_be_answered_is_a_sentence_where_it_was_asked(opened):
    page = opened(quiet=False, read=False)
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#reading-says")).to_contain_text("nothing to link to")
    page.get_by_role("button", name="Read").click()
    expect(page.locator("#reading-says.failed")).to_contain_text(".")
    page.locator("#text").fill(TEXT)
    page.get_by_role("button", name="Read").click()
    expect(page.locator("#words [data-at='0']")).to_be_visible()
    expect(page.locator("#reading-says")).to_be_empty()
    page.get_by_label("chooses where items are erased").check()
    item(page, 1).click()
    page.get_by_role("button", name=re.compile("^layer 1:")).click()
    expect(page.locator("#state.failed")).to_contain_text("No head")


def test_an_answer_that_comes_late_is_not_shown(opened, served):
    page = opened()
    held = []

    def hold(route):
        if json.loads(route.request.post_data)["removed"] == [1]:
            held.append(route)
        else:
            route.continue_()

    page.route(re.compile("api/erase$"), hold)
    item(page, 1).click()
    item(page, 2).click()
    expect(page.locator("#state")).to_contain_text("without 2 tokens")
    says(page, served, removed=[1, 2])
    for route in held:
        with contextlib.suppress(sync_api.Error):  # the page has taken it back
            route.continue_()
    item(page, 1).click()
    expect(page.locator("#state")).to_contain_text("without 1 token")
    says(page, served, removed=[2])


def held(page, name):
    """Keep questions of a name from the server; gives them."""
    routes = []
    page.route(re.compile(f"api/{name}$"), lambda route: routes.append(route))
    return routes


@pytest.mark.parametrize(
    ("name", "button", "says_so"), [("ordering", "Erase along it", "#along-says"), ("search", "Search", "#search-says")]
)
def test_what_was_found_another_way_is_not_shown_as_found_this_way(opened, name, button, says_so):
    page = opened()
    routes = held(page, name)
    asked_for(page, name, page.get_by_role("button", name=button).click)
    page.locator("#way").select_option("zero")
    wait_until(lambda: page.title() and len(routes) == 1)
    routes[0].continue_()
    expect(page.locator(says_so)).to_contain_text("has changed")
    expect(page.locator("#along")).to_be_hidden()
    expect(page.get_by_role("button", name="Erase this set")).to_be_disabled()


def test_a_text_that_cannot_be_read_leaves_the_other_as_it_was(opened, served):
    page = opened(quiet=False)
    held(page, "search")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#search-says.working")).to_be_visible()
    erasing = held(page, "erase")
    item(page, 2).click()
    page.locator("#text").fill("")
    page.get_by_role("button", name="Read").click()
    expect(page.locator("#reading-says.failed")).to_be_visible()
    expect(page.locator("#search-says")).to_be_empty()
    expect(page.locator("#search-says.working")).to_have_count(0)
    wait_until(lambda: page.title() and len(erasing) == 1)
    erasing[0].continue_()
    says(page, served, removed=[2])


def test_attention_of_another_text_is_not_shown(opened):
    page = opened(quiet=False)
    busy = {"status": 503, "content_type": "application/json", "body": '{"error": "Too many ask.", "retry_after": 2}'}
    page.route(re.compile("api/attention$"), lambda route: route.fulfill(**busy))
    page.locator("#text").fill("word0 .")
    page.get_by_role("button", name="Read").click()
    expect(page.locator("#seen .says")).to_have_text("Too many ask. Ask again in 2 s.")
    expect(page.locator(".seen-body")).to_be_hidden()
    expect(page.locator("#shaded-by")).to_have_text("nothing yet")


def test_a_server_that_is_gone_is_said(opened, live_model):
    with serving(live_model) as other:
        page = opened(of=other, quiet=False)
    item(page, 1).click()
    expect(page.locator("#state.failed")).to_contain_text("does not answer")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
@pytest.mark.samples(1)
def test_axe_finds_nothing_serious(chromium, served, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(f"{served.gate.address}#text={TEXT}&removed=1&off-heads=0:1&by=attention")
    expect(page.locator("#course path")).to_be_attached()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#compared td").first).to_be_visible()
    page.locator("details.terms summary").click()
    found = axe.run(page).response["violations"]
    assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
