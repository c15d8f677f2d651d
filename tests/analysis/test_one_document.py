import numpy as np
import pandas as pd
import pytest

from attnprobe.analysis.document_lengths import document_lengths
from attnprobe.analysis.one_document import one_document
from attnprobe.analysis.results import RunResults
from tests.fixtures.synthetic_runs import write_run


def test_decisions_without_items():
    weights = np.array([0.5, 0.3, 0.2])
    alone = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 4.0]])
    items = pd.DataFrame({"position": range(3), "token": list("abc"), "weight": weights})
    items["contribution_0"], items["contribution_1"] = (alone * weights[:, None]).T
    document = one_document(items.sample(frac=1, random_state=0), np.array([1]))
    assert document.texts == ["a", "b", "c"]
    assert document.top_item == 0
    logits = {
        "unerased": (1.1, 0.8),
        "without_top": (0.6 / 0.5, 0.8 / 0.5),
        "without_smallest": (0.5 / 0.7, 0.8 / 0.7),
    }
    assert document.smallest.tolist() == [False, True, False]
    for name in logits:
        p = np.exp(logits[name]) / np.exp(logits[name]).sum()
        assert getattr(document, name) == pytest.approx((p.argmax(), p.max()))


@pytest.mark.parametrize(("weights", "smallest"), [([1.0, 0.0], [1]), ([0.5, 0.5], [0, 1])])
def test_nothing_is_said_of_what_leaves_nothing(weights, smallest):
    items = pd.DataFrame({"position": [0, 1], "token": ["a", "b"], "weight": weights})
    items["contribution_0"], items["contribution_1"] = weights, [0.0, 0.0]
    assert one_document(items, smallest) is None


def test_lengths_are_those_of_the_table(tmp_path):
    write_run(tmp_path, [1, 4, 5, 7, 9, 20] * 5)
    results = RunResults.load(tmp_path)
    lengths = document_lengths(results)
    assert (lengths.mean, lengths.median, lengths.one_item, lengths.documents) == (46 / 6, 6, 5, 30)
    assert lengths.deviation == pytest.approx(results.documents["n"].std())
