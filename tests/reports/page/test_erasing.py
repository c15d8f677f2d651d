"""Words are erased by hand, and the page says what the engine says."""

import numpy as np
import pandas as pd
import pytest

from tests.fixtures.page_reading import distribution, erased, go, state

pytestmark = pytest.mark.browser


def address(document, positions):
    return f"#run=0&document={document}&by=attention&erased={'.'.join(map(str, positions))}"


def test_the_distribution_shown_is_the_engines_on_random_erasures(made, made_page, opened):
    page = opened(made_page)
    generator = np.random.default_rng(0)
    farthest = 0.0
    for _ in range(25):
        document = int(generator.choice([d for d, text in enumerate(made.texts) if len(text) > 1]))
        n = len(made.texts[document])
        positions = np.flatnonzero(generator.random(n) < generator.random()).tolist()
        go(page, address(document, positions))
        assert erased(page) == positions
        expected = made.distribution(document, positions)
        shown = distribution(page)
        assert sorted(shown) == list(range(len(expected)))
        farthest = max(farthest, *(abs(shown[c] - p) for c, p in enumerate(expected)))
    print(f"largest difference on 25 random erasures: {farthest:.1e}")
    assert farthest < 1e-6


def test_everything_erased_leaves_the_bias(made, made_page, opened):
    page = opened(made_page)
    for document in (0, 6):
        positions = list(range(len(made.texts[document])))
        go(page, address(document, positions))
        shown = distribution(page)
        np.testing.assert_allclose([shown[c] for c in sorted(shown)], made.distribution(document, positions), atol=1e-9)


def test_clicks_erase_and_restore(made, made_page, opened):
    page = opened(made_page, "#run=0&document=4")
    before = distribution(page)
    for position in (3, 7):
        page.locator(f".words [data-at='{position}']").click()
    assert erased(page) == [3, 7]
    expected = made.distribution(4, [3, 7])
    np.testing.assert_allclose([distribution(page)[c] for c in range(3)], expected, atol=1e-6)
    page.locator(".words [data-at='3']").click()
    assert erased(page) == [7]
    page.get_by_role("button", name="Restore all").click()
    assert erased(page) == []
    assert distribution(page) == before


def test_touch_erases(made_page, opened):
    page = opened(made_page, "#run=0&document=4", has_touch=True, viewport={"width": 390, "height": 800})
    page.locator(".words [data-at='2']").tap()
    assert erased(page) == [2]


def test_keys_move_and_erase(made_page, opened):
    page = opened(made_page, "#run=0&document=6")
    page.locator(".words [data-at='0']").focus()
    for key in ("ArrowRight", "ArrowRight", "Enter", "ArrowLeft", " ", "End", "Enter"):
        page.keyboard.press(key)
    assert erased(page) == [1, 2, 33]


def test_every_control_is_reached_by_the_tab_key(made_page, opened):
    page = opened(made_page, "#run=0&document=6")
    reached = set()
    page.locator("body").focus()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("() => document.activeElement.dataset.do ?? document.activeElement.className"))
    assert {"smallest", "flip", "restore", "link", "k", "by", "with"} <= reached
    assert any(name.startswith("item") for name in reached)


@pytest.mark.parametrize("ordering", ["attention", "gradient", "gradient_attention"])
@pytest.mark.samples(1)
def test_the_slider_flips_the_decision_where_the_engine_does(made, made_page, opened, ordering):
    erasures = pd.read_parquet(made.folder / "erasures.parquet").query("ordering == @ordering").set_index("document")
    page = opened(made_page)
    checked = 0
    for document, text in enumerate(made.texts):
        removed = int(erasures.removed[document])
        if len(text) == 1 or removed <= 0 or erasures.emptied[document]:
            continue
        go(page, f"#run=0&document={document}&by={ordering}")
        slider = page.locator(".k")
        slider.evaluate("(s, k) => { s.value = k; s.dispatchEvent(new Event('input')); }", removed - 1)
        assert "flips" not in state(page)
        slider.evaluate("(s, k) => { s.value = k; s.dispatchEvent(new Event('input')); }", removed)
        assert "The decision flips" in state(page)
        assert len(erased(page)) == removed
        page.get_by_role("button", name="Restore all").click()
        page.get_by_role("button", name="To the first flip").click()
        assert len(erased(page)) == removed
        checked += 1
    assert checked >= 5


def test_the_smallest_set_flips_and_is_as_small_as_the_engines(made, made_page, opened):
    erasures = pd.read_parquet(made.folder / "erasures.parquet").query("ordering == 'oracle'").set_index("document")
    page = opened(made_page)
    sizes = []
    for document, text in enumerate(made.texts):
        if len(text) == 1:
            continue
        go(page, f"#run=0&document={document}&by=attention")
        button = page.get_by_role("button", name="Smallest set that flips it")
        removed = int(erasures.removed[document])
        assert button.is_disabled() == (removed < 0 or erasures.emptied[document])
        if button.is_enabled():
            button.click()
            chosen = erased(page)
            assert len(chosen) == removed
            decision = made.distribution(document, []).argmax()
            assert made.distribution(document, chosen).argmax() != decision
            assert "The decision flips" in state(page)
            sizes.append(removed)
    assert len(set(sizes)) > 1


def test_the_smallest_set_that_guarantees_the_decision_is_kept(made, made_page, opened):
    """What is left is the set of the run's files, and the decision stays whatever else is erased then."""
    page = opened(made_page, "#run=0&document=4")
    items = pd.read_parquet(made.folder / "items.parquet")
    of_document = items[items["document"] == 4].sort_values("position")
    kept = np.flatnonzero(of_document["sufficient"]).tolist()
    others = [position for position in range(len(of_document)) if position not in kept]
    button = page.get_by_role("button", name="Keep what guarantees it")
    assert "whatever subset of the others is erased" in (button.get_attribute("title") or "")
    button.click()
    assert erased(page) == others
    if kept:
        assert "What is left guarantees it, whatever else is erased." in state(page)
    decided = int(np.argmax(made.distribution(4, [])))
    generator = np.random.default_rng(0)
    for _ in range(20):
        positions = [position for position in others if generator.random() < 0.5]
        assert int(np.argmax(made.distribution(4, positions))) == decided
