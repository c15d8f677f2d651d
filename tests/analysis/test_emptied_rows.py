import numpy as np
import pytest

from attnprobe.analysis.emptied_rows import emptied_rows
from attnprobe.analysis.intervals import wilson
from attnprobe.analysis.results import RunResults
from tests.fixtures.synthetic_runs import write_run
from tests.fixtures.transformer_runs import write_transformer_run

SIZES = np.random.default_rng(4).integers(1, 7, size=50)


def test_shares_equal_a_loop_over_the_flips(tmp_path):
    _, erasures, _, _ = write_transformer_run(tmp_path, SIZES, never=0.3)
    found = emptied_rows(RunResults.load(tmp_path))
    assert set(found) == set(erasures["ordering"])
    for name, share in found.items():
        flips = erasures[(erasures["ordering"] == name) & (erasures["removed"] > 0) & (erasures["n"] > 1)]
        flips = flips[~flips["emptied"]]
        assert 0 < share.value < 1
        assert share.value == pytest.approx((flips["emptied_rows"] > 0).mean())
        assert name == "random" or share == wilson(int((flips["emptied_rows"] > 0).sum()), len(flips))


def test_where_none_were_counted_there_are_no_shares(tmp_path):
    write_run(tmp_path, [3, 4])
    assert emptied_rows(RunResults.load(tmp_path)) == {}
    _, erasures, _, _ = write_transformer_run(tmp_path, [3, 4])
    erasures.assign(emptied_rows=None).astype({"emptied_rows": "Int32"}).to_parquet(tmp_path / "erasures.parquet")
    assert emptied_rows(RunResults.load(tmp_path)) == {}
