"""The map of knock-outs that lies beside a run, and what is said where there is none."""

import itertools
import json

import pytest

from attnprobe.base.errors import InputError
from attnprobe.reports.page.panels.knockout import SHADES, SUMMARY, knockout_panel
from tests.fixtures.page_runs import made_transformer_run
from tests.reports.page.conftest import page_of

HOSTILE = "</script><b>\u202e"
LEGIBLE = "</script><b>⟦U+202E⟧"
CHANGES = {("first", 0): -2.0, ("first", 1): -0.5, (HOSTILE, 0): 1.0, (HOSTILE, 1): 0.0}


def estimate(value, reach=0.25):
    return {"value": value, "low": value - reach, "high": value + reach, "n": 30}


def summary():
    """Of two sources and two targets, cut in two windows of a layer."""
    return {
        "prompts": 30,
        "routes": [
            {
                "source": source,
                "target": target,
                "layer": layer,
                "first_layer": layer,
                "last_layer": layer + 1,
                "head": -1,
                "delta_log_probability": estimate(change),
                "flipped": estimate(0.5),
            }
            for target, ((source, layer), change) in itertools.product(("last", "rest"), CHANGES.items())
        ],
    }


def written(folder, content):
    (folder / SUMMARY).parent.mkdir(parents=True)
    (folder / SUMMARY).write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_a_cell_a_route_is_shaded_by_its_change_and_dotted_where_its_interval_holds_zero(tmp_path):
    panel = knockout_panel(written(tmp_path, summary()))
    assert panel is not None
    assert (panel.prompts, panel.largest) == (30, "2")
    assert [each.target for each in panel.maps] == ["last", "rest"]
    for each in panel.maps:
        assert each.windows == ["0–1", "1–2"]
        assert [name for name, _ in each.rows] == ["first", LEGIBLE]
        for (_, cells), source in zip(each.rows, ("first", HOSTILE), strict=True):
            for layer, cell in enumerate(cells):
                change = CHANGES[source, layer]
                assert cell is not None
                assert cell.shade == round(SHADES * change / 2)
                assert cell.told_apart == (abs(change) > 0.25)


def test_without_a_knock_out_there_is_no_map(tmp_path):
    assert knockout_panel(tmp_path) is None


def _without(field):
    content = summary()
    del content["routes"][1][field]
    return content


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"routes": 3, "prompts": 1},
        {"prompts": 30, "routes": [{"source": 1}]},
        _without("head"),
        _without("flipped"),
        summary() | {"prompts": "many"},
    ],
)
def test_what_is_no_knock_out_is_refused_by_name(tmp_path, content):
    with pytest.raises(InputError, match=r"summary\.json is no summary of a knock-out"):
        knockout_panel(written(tmp_path, content))


@pytest.mark.browser
def test_the_page_has_the_map_and_names_in_it_do_nothing(tmp_path, opened):
    made_transformer_run(tmp_path / "run", [2, 4, 6])
    written(tmp_path / "run", summary())
    page = opened(page_of(tmp_path / "run").write(tmp_path / "run" / "report.html"))
    assert page.locator(".knockout").count() == 2
    assert page.locator(".knockout tr th[scope=row]").all_inner_texts()[:2] == ["first", LEGIBLE]
    page.locator(".knockout td").first.click()
    said = page.locator(".cell-says").inner_text()
    assert said.startswith("first → last, layers 0–1: log p changes by −2.000 [−2.250, −1.750] nats")
    assert page.locator(".panel:has(.knockout) b").count() == 0


def test_a_run_of_a_checkpoint_says_that_it_was_not_computed(tmp_path):
    made_transformer_run(tmp_path / "run", [2, 4, 6])
    path = tmp_path / "run" / "config.json"
    config = json.loads(path.read_text()) | {"checkpoint": {"name": "tiny", "content": "0"}}
    path.write_text(json.dumps(config))
    text = page_of(tmp_path / "run").html()
    assert 'data-ask="knockout"' in text
    assert "<code>attnprobe knockout RUN</code>" in text
