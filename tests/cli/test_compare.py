"""`attnprobe compare` as its user runs it."""

import pandas as pd

from tests.fixtures.commands import attnprobe
from tests.fixtures.planted_explanations import write_planted_run


def test_a_leaderboard_is_printed_and_written(tmp_path):
    for seed in (0, 1):
        write_planted_run(tmp_path / "runs" / f"seed-{seed}", seed=seed)
    status, out, errors = attnprobe("compare", "runs", "--out", "board", cwd=tmp_path)
    assert status == 0, errors
    assert "planted, 2 runs of 1 model: orderings by normalised AOPC (larger is better)" in " ".join(out.split())
    assert "differences" in out
    places = pd.read_csv(tmp_path / "board" / "leaderboard.csv")
    assert places.groupby("measure").ordering.first().unique().tolist() == ["truth"]
    assert (tmp_path / "board" / "stability.csv").exists()
    status, out, _ = attnprobe("compare", "runs/seed-0", "--out", "one", cwd=tmp_path)
    assert status == 0
    assert "planted · flan-rnn · seed 0" in out
    assert not (tmp_path / "one" / "stability.csv").exists()


def test_what_cannot_be_compared_is_refused_and_nothing_is_written(tmp_path):
    write_planted_run(tmp_path / "one", seed=0)
    write_planted_run(tmp_path / "two", seed=1, settings={"dataset": "another", "model": "flan-rnn", "seed": 1})
    status, out, errors = attnprobe("compare", "one", "two", "--out", "board", cwd=tmp_path)
    assert (status, out) == (2, "")
    assert len(errors.strip().splitlines()) == 1
    assert "are of different datasets, planted and another" in errors
    assert not (tmp_path / "board").exists()
    status, _, errors = attnprobe("compare", tmp_path / "nowhere", cwd=tmp_path)
    assert status == 2
    assert "is not a folder" in errors
