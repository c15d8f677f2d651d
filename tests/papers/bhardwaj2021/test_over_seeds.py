import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attnprobe.papers.bhardwaj2021.over_seeds import differences, over_seeds


def runs(accuracies, **columns):
    """One row a seed of one variant."""
    variant = {"dataset": "trec6", "combine": "add", "as_released": "", "matched": False, "d_k": 4} | columns
    return pd.DataFrame([variant | {"seed": seed, "accuracy": value} for seed, value in enumerate(accuracies)])


def test_means_have_students_interval_from_three_seeds_on():
    accuracies = [0.80, 0.84, 0.85]
    found = over_seeds(pd.concat([runs(accuracies), runs([0.5, 0.6], d_k=16)]), ["accuracy"])
    assert found["d_k"].tolist() == [4, 16]
    low, high = stats.t.interval(0.95, 2, np.mean(accuracies), stats.sem(accuracies))
    assert found.loc[0, ["accuracy", "accuracy_low", "accuracy_high"]].tolist() == pytest.approx([0.83, low, high])
    assert found.loc[1, "accuracy"] == pytest.approx(0.55)
    assert math.isnan(found["accuracy_low"][1])
    assert found["seeds"].tolist() == [3, 2]


def test_a_variant_and_seed_counts_once():
    with pytest.raises(ValueError, match="same variant and seed"):
        over_seeds(pd.concat([runs([0.5]), runs([0.6])]), ["accuracy"])


def test_differences_are_paired_by_seed():
    """Seeds spread widely and alike: only what is paired shows the difference."""
    base = np.array([0.2, 0.5, 0.8])
    table = pd.concat([runs(base + 0.01), runs(base, combine="concatenate"), runs([0.9], combine="concatenate", d_k=1)])
    found = differences(
        table.sample(frac=1, random_state=0),
        "accuracy",
        {"combine": "add"},
        {"combine": "concatenate"},
        within=("dataset", "d_k"),
    )
    assert len(found) == 1  # there is no pair at d_k 1
    row = found.iloc[0]
    assert (row["dataset"], row["d_k"], row["seeds"]) == ("trec6", 4, 3)
    assert [row["difference"], row["low"], row["high"]] == pytest.approx([0.01] * 3)


def test_without_pairs_there_is_no_row():
    found = differences(runs([0.5]), "accuracy", {"combine": "add"}, {"combine": "add_own"}, within=("dataset", "d_k"))
    assert found.empty
    assert list(found) == ["dataset", "d_k", "seeds", "difference", "low", "high"]
