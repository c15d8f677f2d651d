"""Text of a dataset is data: it shows as text and does nothing."""

import json
import re

import pytest

from attnprobe.reports.page.embedding import content_hash
from tests.fixtures.page_reading import erased, until
from tests.fixtures.page_runs import MadeRun
from tests.reports.page.conftest import page_of

HOSTILE = [
    "<script>alert(1)</script>",
    "</script>",
    "<!--",
    "-->",
    "\"'`",
    "javascript:alert(1)",
    "<img src=x onerror=alert(1)>",
    "\u202egnp.exe",
    "a\u2028b\u2029c",
    "\x00\x07\x1b[31m",
    "{{ 7 * 7 }}",
    "👩‍👧‍👦",
    "שלום",
    "&lt;b&gt;&amp;",
    "]]>",
]
LABELS = ["</script><b>", "{{ label }}", "\u202eevil"]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile") / "run"
    texts = [HOSTILE, HOSTILE[::-1], ["<b>", "bold"], HOSTILE[:5] * 3]
    run = MadeRun(folder, texts, labels=LABELS, dataset='<i>x</i> & "y" </title><script>alert(2)</script>')
    return page_of(folder).write(run.folder / "report.html")


@pytest.mark.browser
def test_hostile_texts_stay_text(hostile, opened):
    page = opened(hostile, "#run=0&document=0")
    shown = page.locator(".words .item").all_inner_texts()
    assert len(shown) == len(HOSTILE)
    for text, item in zip(HOSTILE, shown, strict=True):
        if not re.search("[\x00-\x1f\u2028-\u202e]", text):
            assert item == text
    assert shown[HOSTILE.index("\u202egnp.exe")] == "⟦U+202E⟧gnp.exe"
    assert page.locator("main script, main img, main b b, main i").count() == 0
    assert page.locator("h1").inner_text().startswith('<i>x</i> & "y" </title><script>')
    assert "</script><b>" in page.locator(".distribution").inner_text()
    page.locator(".words [data-at='0']").click()
    assert erased(page) == [0]


def test_the_file_carries_a_policy_that_allows_its_own_script_and_style_only(hostile):
    text = hostile.read_text(encoding="utf-8")
    policy = re.search('http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1].replace("&#39;", "'")
    scripts = re.findall("<script>(.*?)</script>", text, re.DOTALL)
    styles = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    assert len(scripts) == len(styles) == 1
    assert policy.startswith("default-src 'none'; ")
    assert f"script-src '{content_hash(scripts[0])}'" in policy
    assert f"style-src '{content_hash(styles[0])}'" in policy
    assert "unsafe" not in policy
    markup = text.replace(scripts[0], "").replace(styles[0], "")
    markup = re.sub('<script type="application/json" id="data">.*?</script>', "", markup, flags=re.DOTALL)
    assert not re.search(r"\s(on\w+|style|src)\s*=", re.sub("&[^;]+;", "", markup))
    assert set(re.findall('href="([^"]{1,6})', markup)) <= {"#overv", "#docum", "#show="}


@pytest.mark.browser
def test_a_policy_breach_would_be_noticed(hostile, opened, chromium):
    page = chromium.new_page()
    blocked = []
    page.on("console", lambda message: blocked.append(message.text))
    page.goto(hostile.as_uri())
    page.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'window.broken = 1';
            document.body.append(script);
        }"""
    )
    assert page.evaluate("() => window.broken") is None
    assert any("Content Security Policy" in text for text in blocked)
    page.close()


def test_data_cannot_end_its_element(hostile):
    text = hostile.read_text(encoding="utf-8")
    data = re.search('id="data">(.*?)</script>', text, re.DOTALL)[1]
    assert not set("<>&\u2028\u2029\u202e\x1b") & set(data)
    tokens = json.loads(data)["runs"][0]["documents"][0]["tokens"]
    assert tokens[0] == HOSTILE[0]


@pytest.mark.browser
@pytest.mark.parametrize("many", [10_000, pytest.param(50_000, marks=pytest.mark.slow)])
@pytest.mark.slow
def test_ten_thousands_of_words_are_shown_and_erased(tmp_path, opened, many):
    words = [f"w{j}" for j in range(many)]
    run = MadeRun(tmp_path / "run", [words, words[:3]], classes=2)
    path = page_of(run.folder).write(run.folder / "report.html")
    assert path.stat().st_size < 500_000 + 90 * many
    page = opened(path, "#run=0&document=0")
    until(page, f"document.querySelectorAll('.words .item').length === {many}")
    page.locator(".words [data-at='12']").click()
    assert erased(page) == [12]
    page.get_by_role("button", name="Smallest set that flips it").click()
    assert "The decision flips" in page.locator(".state").inner_text()
