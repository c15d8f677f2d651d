"""The tables and figures of 2021: from measurements, and by the script from trained encoders."""

import itertools

import numpy as np
import pandas as pd
import pytest

from attnprobe.cli import main
from attnprobe.papers.bhardwaj2021.figures import draw_confounds
from attnprobe.papers.bhardwaj2021.over_seeds import over_seeds
from attnprobe.papers.bhardwaj2021.tables import MEASURED, write_tables
from tests.fixtures.commands import ROOT, planted_folder, run_script

SCRIPT = ROOT / "figures" / "identifiable2021" / "draw.py"


def measured(variants, seeds=3):
    """Runs with accuracies .6 + .01 · seed, .1 more where heads are added and .2 less at the released scale."""
    rows = []
    for (combine, released, matched), d_k, seed in itertools.product(variants, (1, 4), range(seeds)):
        accuracy = 0.6 + 0.01 * seed + 0.1 * (combine == "add") - 0.2 * (released == "scale")
        row = {"dataset": "trec6", "seed": seed, "combine": combine, "as_released": released, "matched": matched}
        row |= {"d_k": d_k, "d_v": 4} | dict.fromkeys(MEASURED, 1.0)
        rows.append(row | {"accuracy": accuracy})
    return pd.DataFrame(rows)


PLAIN = [("concatenate", "", False), ("add", "", False)]
ALL = [*PLAIN, ("concatenate", "scale", False), ("add", "scale", False), ("concatenate", "", True)]


def test_the_table_holds_means_and_half_intervals(tmp_path):
    write_tables(measured(PLAIN).iloc[::-1], tmp_path)
    lines = (tmp_path / "table1_accuracy.tex").read_text().splitlines()
    # Student's 95 % quantile with two degrees of freedom is 4.303: .01 · 4.303 / √3 = .0248.
    assert r"trec6 & Concatenated & 61.0 $\pm$ 2.5 & 61.0 $\pm$ 2.5 \\" in lines
    assert r"trec6 & Added & 71.0 $\pm$ 2.5 & 71.0 $\pm$ 2.5 \\" in lines
    compared = pd.read_csv(tmp_path / "differences.csv")
    assert set(compared["compared"]) == {"added minus concatenated"}


def test_the_table_of_one_seed_has_no_interval_and_says_what_is_missing(tmp_path):
    runs = measured(PLAIN, seeds=1)
    write_tables(runs.iloc[:-1], tmp_path)
    lines = (tmp_path / "table1_accuracy.tex").read_text().splitlines()
    assert r"trec6 & Concatenated & 60.0 & 60.0 \\" in lines
    assert r"trec6 & Added & 70.0 & -- \\" in lines


def test_differences_say_what_each_confound_makes(tmp_path):
    write_tables(measured(ALL), tmp_path)
    found = pd.read_csv(tmp_path / "differences.csv").groupby("compared")["difference"].unique()
    assert {name: pytest.approx(float(value[0])) for name, value in found.items()} == {
        "added minus concatenated": 0.1,
        "added minus concatenated, matched": 0.1,
        "concatenated, matched minus concatenated": 0.0,
        "concatenated, released scale minus concatenated": -0.2,
        "added, released scale minus added": -0.2,
        "added minus concatenated, both with the released scale": 0.1,
    }


def test_confounds_are_drawn_where_they_were_run(tmp_path):
    assert draw_confounds(over_seeds(measured(PLAIN), MEASURED), tmp_path) == []
    paths = draw_confounds(over_seeds(measured(ALL), MEASURED), tmp_path)
    assert [path.name for path in paths] == ["figure_confounds.png", "figure_confounds.pdf"]
    assert all(path.stat().st_size > 5000 for path in paths)


def test_one_command_draws_everything_from_trained_encoders(tmp_path, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    data = planted_folder(tmp_path / "planted")
    for combine in ("concatenate", "add"):
        arguments = ["--d-e", "16", "--epochs", "1", "--combine", combine, "--dataset", str(data)]
        assert main(["train", "--model", "transformer", "--out", str(tmp_path / "runs"), *arguments]) == 0
    status, out, errors = run_script(SCRIPT, tmp_path / "runs", "--out", tmp_path / "paper")
    assert status == 0, errors
    assert sorted(map(str, (tmp_path / "paper").iterdir())) == sorted(out.splitlines())
    runs = pd.read_csv(tmp_path / "paper" / "runs.csv", keep_default_na=False)
    assert runs["combine"].tolist() == ["concatenate", "add"]
    assert runs["d_v"].tolist() == [4, 16]
    ranks = pd.read_csv(tmp_path / "paper" / "ranks.csv", keep_default_na=False)
    limits = np.minimum(ranks["items"], ranks["d_v"])
    assert (ranks["published_rank"] <= limits + 1e-9).all()
    assert (tmp_path / "paper" / "figure_rank_by_length.pdf").exists()


def test_a_folder_without_encoders_is_one_sentence(tmp_path):
    for folder, words in ((tmp_path, "no trained transformer encoder"), (tmp_path / "nowhere", "is not a folder")):
        status, _, errors = run_script(SCRIPT, folder, "--out", tmp_path / "paper")
        assert status == 2
        assert len(errors.splitlines()) == 1
        assert words in errors
