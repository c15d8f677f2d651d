"""Pages of transformers: attention token by token, what was computed of erasures, and what was not."""

import base64
import json
import re
import xml.etree.ElementTree

import numpy as np
import pandas as pd
import pytest

from attnprobe.base.errors import InputError
from attnprobe.reports.page.attention import WITH_ATTENTION
from attnprobe.runs.attention_codes import from_text, weights_of
from tests.fixtures.page_reading import erased, state, until
from tests.fixtures.page_runs import made_transformer_run, write_attention
from tests.reports.page.conftest import page_of
from tests.reports.page.test_page import data_of

DOCUMENT = 4
WHICH = ["layer", "head", "weights"]


@pytest.fixture
def maps(transformer_page):
    """By (layer, head), the weights of the document (rows, columns)."""
    table = pd.read_parquet(transformer_page.parent / "attention_maps.parquet")
    rows = table[table.document == DOCUMENT]
    size = int(rows["keys"].max())
    codes = {(layer, head): from_text(str(text), size, size) for layer, head, text in rows[WHICH].to_numpy().tolist()}
    return {head: weights_of(each) for head, each in codes.items() if each is not None}


@pytest.fixture
def texts(transformer_page):
    items = pd.read_parquet(transformer_page.parent / "items.parquet")
    return items.token[items.document == DOCUMENT].tolist()


def test_codes_and_tokens_are_in_the_page_as_they_are_in_the_files(transformer_page, texts):
    (run,) = data_of(transformer_page.read_text(encoding="utf-8"))
    seen = {doc["number"]: doc["attention"] for doc in run["documents"] if "attention" in doc}
    assert set(seen) == {1, 4, 5}
    table = pd.read_parquet(transformer_page.parent / "attention_maps.parquet")
    rows = table[table.document == DOCUMENT]
    assert base64.b64decode(seen[DOCUMENT]["codes"]) == b"".join(map(base64.b64decode, rows.weights))
    assert seen[DOCUMENT]["layers"] == [["self", layer, 3, len(texts), len(texts)] for layer in (0, 1)]
    assert seen[DOCUMENT]["source"] == texts
    (mark,) = (mark for mark in run["marks"] if mark[0] == WITH_ATTENTION)
    assert mark[1] == len(mark[2]) == 3


def test_attention_takes_its_part_of_the_budget_and_no_more(tmp_path):
    made_transformer_run(tmp_path / "run", [60] * 12, attention_of=range(12))
    page = page_of(tmp_path / "run")
    text = page.html(450_000)
    assert len(text.encode()) <= 450_000
    with_attention = ["attention" in doc for doc in data_of(text)[0]["documents"]]
    assert 0 < sum(with_attention) < 12
    assert all("attention" in doc for doc in data_of(page.html())[0]["documents"])


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [("weights", "AAAA", "not base64 of 16 bytes"), ("keys", 7, "not one a row"), ("head", 5, "not one a row")],
)
def test_a_table_that_holds_no_attention_is_refused_by_name(tmp_path, column, value, says):
    made_transformer_run(tmp_path / "run", [2, 4], attention_of=(1,))
    path = tmp_path / "run" / "attention_maps.parquet"
    table = pd.read_parquet(path)
    table.loc[1, column] = value
    table.to_parquet(path)
    with pytest.raises(InputError, match=rf"attention_maps.parquet, document 1, self layer 0.*{says}"):
        page_of(tmp_path / "run").html()


@pytest.mark.browser
def test_a_row_of_a_head_is_shown_as_its_weights_are(transformer_page, opened, maps, texts):
    page = opened(transformer_page, f"#run=0&document={DOCUMENT}")
    expected = {"mean": np.mean([maps[1, head] for head in range(3)], axis=0), "2": maps[1, 2]}
    for head, weights in expected.items():
        page.locator(".seen-head").select_option(head)
        page.locator(".seen-row").select_option("3")
        titles = page.locator(".seen-tokens bdi").evaluate_all("all => all.map(each => [each.textContent, each.title])")
        assert [text for text, _ in titles] == texts
        for (_, title), weight in zip(titles, weights[3], strict=True):
            shown = float(re.sub("[^0-9.]", "", title))
            assert shown == pytest.approx(100 * weight, abs=0.06)
        top = int(weights[3].argmax())
        says = page.locator(".seen-says").inner_text()
        assert says.startswith(f"{texts[3]} (row 3) attends most to {texts[top]} ")


@pytest.mark.browser
def test_rows_are_chosen_by_keys_and_by_clicks_in_the_map(transformer_page, opened):
    page = opened(transformer_page, f"#run=0&document={DOCUMENT}")
    page.locator(".seen-scroll").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
    assert page.locator(".seen-row").input_value() == "1"
    map_ = page.locator(".seen-map")
    map_.click(position={"x": 96 + 9, "y": 92 + 5 * 18 + 9})
    assert page.locator(".seen-row").input_value() == "5"
    assert "(row 5)" in page.locator(".seen-says").inner_text()


@pytest.mark.browser
def test_the_map_of_heads_leads_to_what_the_head_attends_to(transformer_page, opened):
    page = opened(transformer_page)
    page.locator(".heads a[aria-label^='layer 1 head 2']").click()
    page.locator(f"#list button:has-text('{DOCUMENT} ·')").first.click()
    assert (page.locator(".seen-layer").input_value(), page.locator(".seen-head").input_value()) == ("1", "2")
    page.locator(".document-heads button[aria-label^='self layer 0 head 1']").click()
    assert (page.locator(".seen-layer").input_value(), page.locator(".seen-head").input_value()) == ("0", "1")


@pytest.mark.browser
def test_what_is_not_kept_is_said_and_whoever_knows_it_may_answer(transformer_page, opened, texts):
    page = opened(transformer_page, "#run=0&document=3")
    assert "Not kept of this document" in page.locator(".seen-missing").inner_text()
    assert page.locator(".seen-body").is_hidden()
    (run,) = data_of(transformer_page.read_text(encoding="utf-8"))
    (other,) = (doc["attention"] for doc in run["documents"] if doc["number"] == DOCUMENT)
    page.evaluate(
        """other => document.addEventListener("attnprobe:ask", ({ detail }) => {
            if (detail.what === "attention" && detail.document === 2) detail.answer(other);
            if (detail.what === "erasure") detail.answer({ probability: 0.125, decided: detail.erased.join("+") });
        })""",
        other,
    )
    page.get_by_role("button", name="Previous").click()
    until(page, "!document.querySelector('.seen-body').hidden")
    assert page.locator(".seen-tokens bdi").all_inner_texts() == texts
    for position in (1, 3, 4):
        page.locator(f".words [data-at='{position}']").click()
    until(page, "document.querySelector('.state').textContent.includes('1+3+4')")
    assert "The decision flips: 1+3+4" in state(page)
    assert "12.5 %" in state(page)


@pytest.mark.browser
def test_single_erasures_say_the_probability_and_are_sorted(transformer_page, opened):
    page = opened(transformer_page, f"#run=0&document={DOCUMENT}")
    page.locator(".words [data-at='1']").click()
    items = pd.read_parquet(transformer_page.parent / "items.parquet")
    of = items[items.document == DOCUMENT].reset_index(drop=True)
    assert f"{100 * of.probability[1]:.1f} %".replace(".0 %", ".0 %") in state(page)
    assert float(page.locator(".distribution data").first.get_attribute("value")) == pytest.approx(of.probability[1])
    page.locator("button[data-sort='weight']").click()
    shown = page.locator(".single-items [data-item]").evaluate_all("all => all.map(each => Number(each.dataset.item))")
    assert shown == of.weight.sort_values(ascending=False, kind="stable").index[: len(shown)].tolist()
    page.locator(f".single-items [data-item='{shown[0]}']").click()
    assert erased(page) == [shown[0]]


@pytest.mark.browser
def test_what_is_followed_beside_the_decision_has_a_column_by_its_name(tmp_path, opened):
    made_transformer_run(tmp_path / "run", [2, 6])
    path = tmp_path / "run" / "items.parquet"
    items = pd.read_parquet(path)
    items["probability_target_0"] = np.linspace(0.5, 0.9, len(items), dtype=np.float32)
    items.to_parquet(path)
    noted = {"labels": ["no", "yes"], "targets": [{"name": "</b>maybe", "number": 7}]}
    (tmp_path / "run" / "summary.json").write_text(json.dumps(noted))
    page = opened(page_of(tmp_path / "run").write(tmp_path / "run" / "report.html"), "#run=0&document=1")
    page.locator("button[data-sort='probability_target_0']").click()
    assert page.locator(".single-items thead").inner_text().count("Probability of </b>maybe") == 1
    shown = page.locator(".single-items [data-item]").evaluate_all("all => all.map(each => Number(each.dataset.item))")
    assert shown == [5, 4, 3, 2, 1, 0]


@pytest.mark.browser
def test_what_is_seen_can_be_taken_along(transformer_page, opened, maps, texts):
    page = opened(transformer_page, f"#run=0&document={DOCUMENT}")
    page.locator(".seen-head").select_option("0")
    with page.expect_download() as told:
        page.locator(".seen .downloads button", has_text="CSV").click()
    table = pd.read_csv(told.value.path())
    assert told.value.suggested_filename == "attention-token-by-token.csv"
    weights = table.weight.to_numpy().reshape(len(texts), len(texts))
    np.testing.assert_allclose(weights, maps[1, 0], rtol=6e-3, atol=1e-9)
    with page.expect_download() as told:
        page.locator(".seen .downloads button", has_text="SVG").click()
    root = xml.etree.ElementTree.parse(told.value.path()).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert {each.tag.rpartition("}")[2] for each in root.iter()} <= {
        "svg",
        "rect",
        "path",
        "text",
        "g",
        "line",
        "circle",
    }
    page.get_by_role("link", name="Overview", exact=True).click()
    with page.expect_download() as told:
        page.locator(".panel:has(.fractions) .downloads button", has_text="CSV").click()
    table = pd.read_csv(told.value.path())
    assert list(table) == ["what", "value", "documents"]
    assert table.what.str.contains("Attention: flips with ", regex=False).any()


@pytest.mark.browser
def test_hostile_tokens_stay_text_on_the_page_and_in_files(tmp_path, opened):
    hostile = ["</script><b>", "=1+1", "\u202eevil", 'a,b"c', "<img src=x onerror=alert(1)>", "]]>"]
    made_transformer_run(tmp_path / "run", [2, 6])
    write_attention(tmp_path / "run", {1: hostile})
    page = opened(page_of(tmp_path / "run").write(tmp_path / "run" / "report.html"), "#run=0&document=1")
    shown = page.locator(".seen-tokens bdi").all_inner_texts()
    assert [each for each in shown if "evil" not in each] == [each for each in hostile if "evil" not in each]
    assert "⟦U+202E⟧evil" in shown
    assert page.locator(".seen b, .seen img, .seen script").count() == 0
    with page.expect_download() as told:
        page.locator(".seen .downloads button", has_text="CSV").click()
    assert "'=1+1" in pd.read_csv(told.value.path())["row token"].tolist()
    with page.expect_download() as told:
        page.locator(".seen .downloads button", has_text="SVG").click()
    xml.etree.ElementTree.parse(told.value.path())


@pytest.mark.browser
def test_a_narrow_page_of_a_transformer_is_no_wider_than_the_screen(transformer_page, opened):
    page = opened(transformer_page, f"#run=0&document={DOCUMENT}", viewport={"width": 390, "height": 844})
    wider = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wider) == 0
    page.get_by_role("link", name="Overview", exact=True).click()
    assert page.evaluate(wider) == 0


def test_a_run_without_kept_attention_has_none_in_its_page(tmp_path):
    made_transformer_run(tmp_path / "run", [2, 4, 6])
    (run,) = data_of(page_of(tmp_path / "run").html())
    assert run["layered"]
    assert not any("attention" in doc for doc in run["documents"])
    assert json.dumps(run["heads_of_marks"]).count("self") == 6


@pytest.mark.browser
def test_a_view_of_further_layers_shows_the_attention_of_the_run_that_it_is_of(tmp_path, opened):
    made_transformer_run(tmp_path / "run", [2, 4, 6], attention_of=(1, 2))
    made_transformer_run(tmp_path / "run" / "all-layers", [2, 4, 6])
    page = page_of(tmp_path / "run", tmp_path / "run" / "all-layers").write(tmp_path / "run" / "report.html")
    seen = [opened(page, f"#run={number}&document=2").locator(".seen-says").inner_text() for number in (0, 1)]
    assert seen[0] == seen[1] != ""
