"""The live page in front of whole models: every control, on MiniLM's shape and on the default run."""

import re

import pytest

from tests.fixtures.served_models import serving
from tests.live.test_page import NUMBERS, distribution, expect, item

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module", params=["MiniLM's shape", "the default run"])
def served(request, tmp_path_factory):
    from attnprobe.live.opened import open_checkpoint, open_run
    from attnprobe.settings.attention import AttentionSettings

    folder = tmp_path_factory.mktemp("whole")
    if request.param == "the default run":
        from attnprobe.cli import main

        assert main(["run", "--out", str(folder)]) == 0
        (config,) = folder.rglob("config.json")
        model = open_run(config.parent, "cpu", 60.0, lambda line: None)
    else:
        from benchmarks.live import checkpoint

        checkpoint(folder)
        model = open_checkpoint(str(folder), AttentionSettings(), "cpu", 60.0)
    with serving(model) as served:
        yield served
        assert served.faults == []


def test_every_control_does_what_the_server_says(chromium, served):
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    model = served.answer("model")
    text = model["examples"][0]
    page.goto(served.gate.address)
    expect(page.locator("#model-facts")).not_to_be_empty()
    page.locator("#examples").select_option("0")
    expect(page.locator(".seen-map path").first).to_be_attached()
    for layer in range(len(model["layers"])):
        page.locator(".seen-layer").select_option(str(layer))
        expect(page.locator(".seen-map")).to_have_attribute("aria-label", re.compile(f"layer {layer}, "))
    item(page, 1).click()
    for way in model["erase_by"]:
        page.locator("#way").select_option(way)
        expected = served.answer("erase", text=text, removed=[1], erase_by=way)
        expect(page.locator("#distribution tr.decided bdi")).to_have_text(expected["decided_name"])
        expect(page.locator("#against")).to_contain_text("ms")
    page.get_by_role("button", name="Bring everything back").click()
    for ordering in model["orderings"]:
        page.locator("#ordering").select_option(ordering["name"])
        page.get_by_role("button", name="Erase along it").click()
        expect(page.locator("#along-says")).to_contain_text(ordering["title"], timeout=60_000)
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#search-says")).to_contain_text("flip", timeout=60_000)
    if page.locator("#take-set").is_enabled():
        page.get_by_role("button", name="Erase this set").click()
        expect(page.locator("#state")).to_contain_text("The decision flips")
        removed = page.locator("#words [aria-selected='true']").evaluate_all(NUMBERS)
        assert distribution(page) == pytest.approx(
            served.answer("erase", text=text, removed=removed)["probabilities"], abs=1e-9
        )
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#compared tbody tr")).to_have_count(len(model["orderings"]), timeout=60_000)
    for head in page.locator("#layers td button").all():
        head.click()
    expect(page.locator("#state")).to_contain_text("cut off")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Copy link").click()
    page.close()
    assert complaints == []
