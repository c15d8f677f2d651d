import json

import numpy as np
import pandas as pd
import pytest

from attnprobe.analysis.intervals import wilson
from attnprobe.analysis.never_flips import class_of_bias, never_flips
from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from tests.fixtures.synthetic_runs import write_run

SIZES = np.random.default_rng(9).integers(1, 7, size=80)


@pytest.fixture
def folder(tmp_path):
    write_run(tmp_path, SIZES, never=0.4)
    return tmp_path


def test_they_equal_a_loop(folder):
    results = RunResults.load(folder)
    documents = results.documents[results.documents["n"] > 1]
    written = pd.read_parquet(folder / "erasures.parquet")
    for name, never in never_flips(results).by_ordering.items():
        rows = written[(written["ordering"] == name) & (written["n"] > 1)]
        share = (rows["removed"] < 0).groupby(rows["document"]).mean()
        assert never.share.value == pytest.approx(share.mean())
        assert never.in_any_draw == wilson(int((share > 0).sum()), len(share))
        for kind, by_class in (("decision", never.by_decision), ("label", never.by_label)):
            assert list(by_class) == ["no", "yes"]
            for number, label in enumerate(by_class):
                inside = documents["document"][documents[kind] == number]
                assert by_class[label].value == pytest.approx(share[inside].mean())
                assert by_class[label].n == len(inside)
        entropy = documents.set_index("document")["output_entropy"]
        weighted = np.average(entropy, weights=share), np.average(entropy, weights=1 - share)
        assert never.output_entropy.first.value == pytest.approx(weighted[0])
        assert never.output_entropy.second.value == pytest.approx(weighted[1])
        assert never.output_entropy.difference.value == pytest.approx(weighted[0] - weighted[1])
        if name != "random":
            assert never.share == wilson(int(share.sum()), len(share))


def test_the_class_of_the_bias_and_who_violates_it(folder):
    results = RunResults.load(folder)
    assert never_flips(results)[:3] == (None, None, None)
    (folder / "summary.json").write_text('{"labels": []}')
    assert class_of_bias(results) is None
    (folder / "summary.json").write_text(json.dumps({"readout_bias": [0.1, 0.3]}))
    found = never_flips(results)
    several = results.several
    assert found.bias_class == "yes"
    assert found.decided_as_bias_class == wilson(int((several["decision"] == 1).sum()), len(several))
    written = pd.read_parquet(folder / "erasures.parquet")
    never = written[(written["removed"] < 0) & (written["n"] > 1)]["document"].unique()
    assert found.violations == np.count_nonzero(several.set_index("document")["decision"][never] != 1)
    assert found.violations > 0


def test_equal_biases_are_the_first_class_and_a_broken_summary_is_named(folder):
    results = RunResults.load(folder)
    (folder / "summary.json").write_text('{"readout_bias": [0.3, 0.3]}')
    assert class_of_bias(results) == 0
    for broken in ('{"readout_bias": "x', '{"readout_bias": []}', "[1]"):
        (folder / "summary.json").write_text(broken)
        if broken == "[1]":
            assert class_of_bias(results) is None
            continue
        with pytest.raises(InputError, match=r"summary.json"):
            class_of_bias(results)


def test_all_and_none(tmp_path):
    for never in (0, 1):
        write_run(tmp_path, [3] * 12, never=never)
        for name, found in never_flips(RunResults.load(tmp_path)).by_ordering.items():
            assert found.share.value == never
            assert name == "random" or found.share.low < found.share.high
            assert np.isnan(found.output_entropy[never].value)
            assert np.isnan(found.output_entropy.difference.low)
