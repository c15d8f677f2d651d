"""Results of a run that erases in several ways: those of the first unless asked for, and each as if it were alone."""

import json

import numpy as np
import pandas as pd
import pytest

from attnprobe.analysis.delta_js import delta_js_pairs
from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.papers.serrano2019.claims.scorecard import judge_claims
from tests.fixtures.synthetic_runs import write_run

SIZES = [4, 1, 6, 5, 3, 9]
WAYS = ["renormalise", "zero", "resample"]


@pytest.fixture
def both(tmp_path):
    """A run of one way, one of three, and what is in the tables of the first."""
    alone, several = tmp_path / "alone", tmp_path / "several"
    for folder in (alone, several):
        folder.mkdir()
        documents, erasures, items = write_run(folder, SIZES, never=0.2)
    later = erasures.assign(
        erase_by="zero",
        removed=np.where(erasures["removed"] > 0, erasures["n"], erasures["removed"]),
        fraction=erasures["fraction"].where(erasures["removed"] < 0, 1.0),
        emptied=False,
    )
    drawn = [later.assign(erase_by="resample", draw=draw)[later["ordering"] != "random"] for draw in range(5)]
    others = pd.concat([later, *drawn, later.assign(erase_by="resample")[later["ordering"] == "random"]])
    first = erasures.assign(erase_by="renormalise", sufficient=1)
    rows = pd.concat([first, others]).sort_values("document", kind="stable", ignore_index=True)
    rows["sufficient"] = rows["sufficient"].astype("Int64")
    rows.to_parquet(several / "erasures.parquet")
    by_way = [name for name in documents if name.startswith(("js_", "flip_", "delta_js_"))]
    more = {f"{name}_{way}": documents[name] for name in by_way for way in WAYS[1:]}
    more["flip_top_zero"] = ~documents["flip_top"].astype(bool)
    more["flip_top_resample"] = np.full(len(documents), 0.4)
    more["js_top_zero"] = documents["js_top"] / 2
    more["delta_js_zero_zero"] = documents["delta_js_zero"] / 2
    documents.assign(**more).to_parquet(several / "documents.parquet")
    items = items.assign(js_zero=items["js"] / 2, flips_zero=items["flips"])
    items.assign(js_resample=items["js"], flips_resample=0.4).to_parquet(several / "items.parquet")
    config = json.loads((several / "config.json").read_text())
    config["settings"]["erase_by"] = WAYS
    (several / "config.json").write_text(json.dumps(config))
    return RunResults.load(alone), RunResults.load(several)


def test_results_are_of_the_first_way(both):
    alone, several = both
    assert list(several.ways) == WAYS
    assert list(alone.ways) == WAYS[:1]
    assert list(several.documents) == list(alone.documents)
    pd.testing.assert_frame_equal(several.documents, alone.documents)
    shared = [name for name in alone.erasures if name in several.erasures]
    assert len(several.erasures) == len(alone.erasures)
    pd.testing.assert_frame_equal(several.erasures[shared], alone.erasures[shared], check_dtype=False)
    for name, flip in alone.first_flips.items():
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(flip, several.first_flips[name], strict=True))
    first, same = (judge_claims([run]) for run in both)
    assert [(each.claim.id, each.verdict) for each in first] == [(each.claim.id, each.verdict) for each in same]


def test_those_of_another_way_are_asked_for_by_name(both):
    alone, several = both
    zero = several.under("zero")
    assert set(zero.documents) <= set(alone.documents)
    assert (zero.documents["flip_top"].astype(bool) != alone.documents["flip_top"].astype(bool)).all()
    pd.testing.assert_series_equal(zero.documents["delta_js_zero"], alone.documents["delta_js_zero"] / 2)
    assert "sufficient" not in zero.erasures
    assert np.nanmin(zero.first_flips["attention"].fraction) == 1.0
    pairs, of_first = delta_js_pairs(zero), delta_js_pairs(alone)
    np.testing.assert_allclose(pairs["delta_js"], of_first["delta_js"] / 2)
    np.testing.assert_allclose(zero.items(["document", "js"])["js"], alone.items(["document", "js"])["js"] / 2)
    assert zero.curves() is None


def test_draws_of_what_stands_in_are_draws_of_an_ordering(both):
    drawn = both[1].under("resample")
    assert drawn.first_flips["attention"].fraction.shape == (5, 5)
    assert drawn.several["flip_top"].dtype == float


def test_a_way_that_there_is_not_is_told(both):
    with pytest.raises(InputError, match="has no results of the way of erasing 'corpus_mean', but of renormalise"):
        both[1].under("corpus_mean")


def test_a_run_of_before_that_is_asked_for_further_ways_has_those_that_its_table_tells(both):
    alone, _ = both
    config = json.loads((alone.folder / "config.json").read_text())
    config["settings"]["erase_by"] = WAYS
    (alone.folder / "config.json").write_text(json.dumps(config))
    assert list(RunResults.load(alone.folder).ways) == ["renormalise"]


@pytest.mark.parametrize("named", [[], ["zero", "zero"], [3], "", {"a": 1}])
def test_names_that_are_none_are_refused(both, named):
    folder = both[0].folder
    config = json.loads((folder / "config.json").read_text())
    config["settings"]["erase_by"] = named
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"the entry 'settings\.erase_by' is not a name, or a list of at most"):
        RunResults.load(folder)
