"""What single heads do: in the statistics, the answer, the table, the figure and the paragraph of methods."""

import numpy as np
import pandas as pd
import pytest

from attnprobe.analysis.head_effects import head_effects
from attnprobe.analysis.intervals import wilson
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.significance import holm, sign_flip_tests
from attnprobe.analysis.summary import summarise
from attnprobe.base.errors import InputError
from attnprobe.reports.answer import answer
from attnprobe.reports.figures import FIGURES
from attnprobe.reports.methods import methods
from attnprobe.reports.tables import write_tables
from tests.fixtures.transformer_runs import write_transformer_run
from tests.reference.answer import answer as recomputed
from tests.reference.answer_text import read

SHAPE = [("encoder", 1, 2), ("cross", 2, 3)]


@pytest.fixture
def run(tmp_path):
    """(folder, its table of what heads do)."""
    faithful = [("cross", 1, 2)]
    return tmp_path, write_transformer_run(tmp_path, [5, 6, 1, 7] * 12, heads=SHAPE, faithful=faithful, effects=True)[
        -1
    ]


def test_every_statistic_is_that_of_the_heads_rows(run):
    folder, table = run
    heads = head_effects(RunResults.load(folder))
    assert [(head.stack, head.layer, head.head) for head in heads] == [
        *(("encoder", 0, head) for head in range(2)),
        *(("cross", layer, head) for layer in range(2) for head in range(3)),
    ]
    table = table[table["n"] > 1]
    deltas = {}
    for head in heads:
        key = (head.stack, head.layer, head.head)
        rows = table[[each == key for each in zip(table["stack"], table["layer"], table["head"], strict=True)]]
        deltas[key] = (rows["js_top"] - rows["js_other"]).to_numpy()
        assert head.documents == len(rows) == 36
        for name in ("flip_whole", "flip_top", "flip_other"):
            assert getattr(head, name) == wilson(int(rows[name].sum()), len(rows))
        for name in ("js_whole", "js_top", "js_other"):
            assert getattr(head, name).value == pytest.approx(rows[name].mean())
        assert head.delta_js.value == pytest.approx(deltas[key].mean())
    p = holm({key: test.p for key, test in sign_flip_tests(deltas).items()})
    assert [head.delta_js_p for head in heads] == pytest.approx([p[key] for key in deltas], abs=0.01)


def test_it_is_told_and_drawn_and_nothing_of_orders_is(run):
    folder, _ = run
    results = RunResults.load(folder)
    summary = summarise(results)
    assert summary["heads"] is None
    assert head_effects(RunResults.load(folder))[0].js_whole.value == summary["head_effects"][0]["js_whole"]["value"]
    text = answer(summary)
    assert read(text, recomputed(folder)).faults() == []
    assert "most often without cross attention layer 1 head 2" in " ".join(text.split())
    assert "takes --head-map full" in " ".join(text.split())
    assert "Each of 8 attention heads was also erased by itself in 36 documents: whole" in " ".join(
        methods(results, summary).split()
    )
    written = {path.name: path for path in write_tables(results, summary, folder / "tables")}
    assert "heads.csv" not in written
    assert len(pd.read_csv(written["head_effects.csv"])) == 8
    assert "cross 1.2" in written["head_effects.tex"].read_text(encoding="utf-8")
    assert FIGURES["head_map"](results) is None
    flips, js, delta, *_ = [axes for axes in FIGURES["head_effects"](results).axes if axes.get_ylabel() == "layer"][
        1::2
    ]
    for axes, name, factor in ((flips, "flip_whole", 100), (js, "js_whole", 1), (delta, "delta_js", 1)):
        shown = np.ma.getdata(axes.collections[0].get_array()).ravel()
        cross = [row[name]["value"] for row in summary["head_effects"] if row["stack"] == "cross"]
        assert shown == pytest.approx(factor * np.array(cross))


def test_where_nothing_flips_no_head_is_named(tmp_path):
    table = write_transformer_run(tmp_path, [5] * 9, effects=True)[-1]
    table.assign(flip_whole=False).to_parquet(tmp_path / "head_effects.parquet")
    text = " ".join(answer(summarise(RunResults.load(tmp_path))).split())
    assert "no decision changes without any one of them" in text


def test_what_is_wrong_with_the_table_is_said(tmp_path):
    table = write_transformer_run(tmp_path, [3, 4, 5], effects=True)[-1]
    table[1:].to_parquet(tmp_path / "head_effects.parquet")
    with pytest.raises(InputError, match=r"head_effects\.parquet has other documents of some heads than of others"):
        head_effects(RunResults.load(tmp_path))
