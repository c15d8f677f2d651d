import numpy as np
import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.significance import sign_flip_tests
from attnprobe.analysis.single_weight_tests import single_weight_tests
from tests.fixtures.synthetic_runs import write_run


def test_leads_equal_a_loop_over_every_pair(tmp_path):
    sizes = np.random.default_rng(4).integers(1, 8, size=40)
    documents, _, items = write_run(tmp_path, sizes)
    for name, test in single_weight_tests(RunResults.load(tmp_path)).items():
        tops = documents[f"top_item{'' if name == 'attention' else '_' + name}"]
        flips, js = [], []
        for document in np.flatnonzero(sizes > 1):
            group = items[items["document"] == document].reset_index()
            top, others = tops[document], [r for r in range(len(group)) if r != tops[document]]
            flips.append(np.mean([float(group["flips"][top]) - float(group["flips"][r]) for r in others]))
            js.append(np.mean([np.sign(round(group["js"][top] - group["js"][r], 9)) for r in others]))
        assert test.flip_lead.value == pytest.approx(np.mean(flips))
        assert test.js_lead.value == pytest.approx(np.mean(js))
        assert test.flip_test.p == pytest.approx(sign_flip_tests({0: np.array(flips)})[0].p)
        assert test.js_test.n == test.flip_test.n == len(js)


def test_more_weight_more_effect(tmp_path):
    write_run(tmp_path, [6] * 40, js_of_weight=True)
    test = single_weight_tests(RunResults.load(tmp_path))["attention"]
    assert test.js_lead.value == 1
    assert test.js_rank_biserial == 1
    assert test.js_test.p == pytest.approx(1 / 10_001)
