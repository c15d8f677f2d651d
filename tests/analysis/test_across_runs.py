import json
import math

import pytest
from scipy import stats

from attnprobe.analysis.across_runs import across_seeds, by_pair
from attnprobe.analysis.finding_runs import load_runs
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.single_weights import attention_entropy
from attnprobe.base.errors import InputError
from tests.fixtures.synthetic_runs import write_run


def write(folder, dataset, seed, entropy=0.5):
    write_run(folder, [3, 4, 5], seed, dataset=dataset, entropy=entropy)
    config = json.loads((folder / "config.json").read_text())
    config["settings"]["seed"] = seed
    (folder / "config.json").write_text(json.dumps(config))


def test_runs_are_grouped_and_seeds_in_order(tmp_path):
    for dataset, seed in [("b", 2), ("a", 7), ("b", 0), ("b", 11)]:
        write(tmp_path / dataset / f"seed-{seed}", dataset, seed, entropy=0.05 * seed)
    groups = by_pair(load_runs([tmp_path]))
    assert {pair: [run.seed for run in runs] for pair, runs in groups.items()} == {
        ("a", "flan-none"): [7],
        ("b", "flan-none"): [0, 2, 11],
    }
    one, three = across_seeds(load_runs([tmp_path]), attention_entropy)
    assert (one.seeds, one.points) == ([7], pytest.approx([0.35]))
    assert math.isnan(one.over_seeds.low)
    assert three.points == pytest.approx([0.0, 0.1, 0.55])
    low, high = stats.t.interval(0.95, 2, sum(three.points) / 3, stats.sem(three.points))
    assert three.over_seeds == pytest.approx((sum(three.points) / 3, low, high, 3))


def test_a_plain_number_is_a_statistic_too(tmp_path):
    write(tmp_path / "x", "x", 1)
    (only,) = across_seeds([RunResults.load(tmp_path / "x")], lambda run: run.several["n"].mean())
    assert only.points == [4.0]
    assert across_seeds([], attention_entropy) == []


def test_the_same_run_twice_is_named(tmp_path):
    for name in ("one", "other"):
        write(tmp_path / name, "x", 4)
    with pytest.raises(InputError, match=r"one and .*other are both x · flan-none · seed 4"):
        by_pair(load_runs([tmp_path]))
