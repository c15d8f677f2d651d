import itertools

import numpy as np
import pandas as pd
import pytest

from attnprobe.analysis.document_lengths import document_lengths
from attnprobe.analysis.one_document import one_document, smallest_set
from attnprobe.analysis.results import RunResults
from tests.analysis.synthetic import write_run


def brute_force(contributions):
    n = len(contributions)
    decision = contributions.sum(axis=0).argmax()
    for size in range(1, n):
        for erased in itertools.combinations(range(n), size):
            if np.delete(contributions, erased, axis=0).sum(axis=0).argmax() != decision:
                return size
    return None


@pytest.mark.parametrize("seed", range(60))
def test_smallest_set_is_that_of_all_subsets(seed):
    generator = np.random.default_rng(seed)
    n, classes = generator.integers(1, 8), generator.integers(2, 5)
    contributions = generator.integers(-8, 9, size=(n, classes)) / 4  # ties, and exact sums
    contributions[:, 0] += generator.integers(0, 3)
    found = smallest_set(contributions)
    expected = brute_force(contributions)
    assert (None if found is None else found.sum()) == expected
    if found is not None:
        assert contributions[~found].sum(axis=0).argmax() != contributions.sum(axis=0).argmax()


def test_decisions_without_items():
    weights = np.array([0.5, 0.3, 0.2])
    alone = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 4.0]])
    items = pd.DataFrame({"position": range(3), "token": list("abc"), "weight": weights})
    items["contribution_0"], items["contribution_1"] = (alone * weights[:, None]).T
    document = one_document(items.sample(frac=1, random_state=0))
    assert document.texts == ["a", "b", "c"]
    assert document.top_item == 0
    logits = {
        "unerased": (1.1, 0.8),
        "without_top": (0.6 / 0.5, 0.8 / 0.5),
        "without_smallest": (0.6 / 0.5, 0.8 / 0.5),
    }
    assert document.smallest.tolist() == [False, True, False] or document.smallest.sum() == 1
    for name in ("unerased", "without_top"):
        p = np.exp(logits[name]) / np.exp(logits[name]).sum()
        assert getattr(document, name) == pytest.approx((p.argmax(), p.max()))
    assert document.without_smallest.label == 1


def test_no_set_flips():
    items = pd.DataFrame({"position": [0, 1], "token": ["a", "b"], "weight": [0.5, 0.5]})
    items["contribution_0"], items["contribution_1"] = [1.0, 1.0], [0.0, 0.0]
    assert one_document(items) is None


def test_lengths_are_those_of_the_table(tmp_path):
    write_run(tmp_path, [1, 4, 5, 7, 9, 20] * 5)
    results = RunResults.load(tmp_path)
    lengths = document_lengths(results)
    assert (lengths.mean, lengths.median, lengths.one_item, lengths.documents) == (46 / 6, 6, 5, 30)
    assert lengths.deviation == pytest.approx(results.documents["n"].std())
