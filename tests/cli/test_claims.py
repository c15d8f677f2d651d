import pandas as pd

from tests.fixtures import planted_claims as planted
from tests.fixtures.commands import attnprobe


def test_the_scorecard_is_printed_and_written(tmp_path):
    planted.write_run(tmp_path / "runs", planted.one_word_decides_and_is_attended())
    planted.write_run(tmp_path / "runs", planted.attention_looks_elsewhere(), model="flan-conv")
    status, out, errors = attnprobe("claims", "runs", "--out", "card", cwd=tmp_path)
    assert status == 0, errors
    assert "2 runs." in out
    assert "NOT TESTED" in out
    assert {path.name for path in (tmp_path / "card").iterdir()} == {
        "claims.md",
        "claims.csv",
        "claims.tex",
        "runs.csv",
        "seeds.csv",
    }
    assert set(pd.read_csv(tmp_path / "card" / "claims.csv")["flips"].dropna()) == {"while something is left"}
    one = next((tmp_path / "runs").rglob("config.json")).parent
    status, out, errors = attnprobe("claims", one, "--out", "released", "--as-released", cwd=tmp_path)
    assert status == 0, errors
    assert "1 run." in out
    assert "With flips while something is left: " in out
    assert set(pd.read_csv(tmp_path / "released" / "claims.csv")["flips"].dropna()) == {"as released"}
    runs = pd.read_csv(tmp_path / "card" / "runs.csv")
    assert runs.model.tolist() == ["flan-conv", "flan-rnn"]
    assert runs.top_flips.tolist() == [0, 1]
    seeds = pd.read_csv(tmp_path / "card" / "seeds.csv")
    top = seeds[(seeds.statistic == "top_flips") & (seeds.model == "flan-rnn")]
    assert top["mean"].tolist() == [1]
    assert top["low"].isna().all()


def test_no_runs(tmp_path):
    status, _, errors = attnprobe("claims", tmp_path, cwd=tmp_path)
    assert status == 2
    assert "no finished run" in errors
