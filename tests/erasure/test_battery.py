import numpy as np
import pytest
import torch
from hypothesis import given, settings
from scipy.spatial.distance import jensenshannon

from attnprobe.erasure.battery import run_battery
from attnprobe.erasure.registered_orderings import chosen_orderings
from attnprobe.models.pooled.closed_forms import PooledErasures
from tests.fixtures.strategies import cases
from tests.reference import erasure as brute


def make_readout(case):
    linear = torch.nn.Linear(case.weight.shape[1], len(case.weight), dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(case.weight)
        linear.bias.copy_(case.bias)
    return linear


def run(case):
    values = case.values.masked_fill(~case.mask[..., None], 0.0)
    return run_battery(PooledErasures(values, case.scores, case.mask, make_readout(case)), torch.arange(len(case.mask)))


def softmax(logits):
    return torch.softmax(torch.tensor(logits), -1).numpy()


def by_hand(case, row):
    """Decision, and JS and flip of each single erasure, of one document."""
    values, weights = case.documents()[row]
    readout = case.readout()
    plain = brute.logits_after(values, weights, [], *readout)
    after = [brute.logits_after(values, weights, [item], *readout) for item in range(len(weights))]
    js = [jensenshannon(softmax(logits), softmax(plain)) ** 2 for logits in after]
    return brute.decide(plain), js, [brute.decide(logits) != brute.decide(plain) for logits in after], weights, plain


@settings(max_examples=40)
@given(cases(dtype=torch.float64, max_gap=10.0))
def test_every_column_equals_a_plain_loop(case):
    result = run(case)
    documents, items = result.documents, result.items
    for row in range(len(case.mask)):
        decision, js, flips, weights, plain = by_hand(case, row)
        n = len(weights)
        assert documents["decision"][row] == decision
        assert documents["n"][row] == n
        assert documents["p_decision"][row].item() == pytest.approx(max(softmax(plain)))
        np.testing.assert_allclose(items["js"][row, :n], js, atol=1e-8)
        assert items["flips"][row, :n].tolist() == flips
        assert not items["flips"][row, n:].any()
        np.testing.assert_allclose(items["weight"][row, :n], weights, atol=1e-12)
        top = int(np.argmax(weights))
        assert documents["top_item"][row] == top
        assert documents["flip_top"][row] == flips[top]
        if n == 1:
            assert all(documents[c][row].isnan() for c in ("js_other", "flip_other", "js_second", "js_lowest"))
            continue
        others = [item for item in range(n) if item != top]
        assert documents["js_other"][row].item() == pytest.approx(np.mean([js[r] for r in others]), abs=1e-8)
        assert documents["flip_other"][row].item() == pytest.approx(np.mean([flips[r] for r in others]))
        exact = items["js"][row]
        difference = np.array([(exact[top] - exact[r]).item() for r in others])
        clear = np.abs(difference) > 1e-6 * exact.max().item()
        if clear.all():
            assert documents["delta_js_negative"][row].item() == pytest.approx(np.mean(difference < 0))
            assert documents["delta_js_zero"][row] == 0
        by_weight = sorted(range(n), key=lambda i: (-weights[i], i))
        for name, item in (("second", by_weight[1]), ("lowest", by_weight[-1]), ("second_lowest", by_weight[-2])):
            assert documents[f"weight_{name}"][row].item() == pytest.approx(weights[item])
            assert documents[f"js_{name}"][row].item() == pytest.approx(js[item], abs=1e-8)
            assert documents[f"flip_{name}"][row] == flips[item]
        entropy = -sum(w * np.log(w) for w in weights if w > 0)
        assert documents["attention_entropy"][row].item() == pytest.approx(entropy, abs=1e-9)
        normalised = documents["attention_entropy_normalised"][row].item()
        assert normalised == pytest.approx(entropy / np.log(n), abs=1e-9)
        assert documents["attention_kl_uniform"][row].item() == pytest.approx(np.log(n) - entropy, abs=1e-9)


@settings(max_examples=20)
@given(cases(dtype=torch.float64, max_gap=10.0))
def test_contributions_make_the_logits_of_any_erasure(case):
    result = run(case)
    generator = np.random.default_rng(0)
    for row, (values, weights) in enumerate(case.documents()):
        erased = generator.random(len(weights)) < 0.5
        kept = np.append(~erased, np.zeros(case.mask.shape[1] - len(weights), dtype=bool))
        if not kept.any():
            continue
        logits = result.contributions[row][:, kept].sum(-1) / result.items["weight"][row, kept].sum()
        expected = brute.logits_after(values, weights, np.flatnonzero(erased), *case.readout())
        np.testing.assert_allclose(logits, expected, atol=1e-9)


def test_erasures_hold_every_ordering_every_draw_and_the_oracle():
    torch.manual_seed(0)
    values, scores = torch.randn(3, 6, 4), torch.randn(3, 6)
    mask = torch.ones(3, 6, dtype=torch.bool)
    result = run_battery(PooledErasures(values, scores, mask, torch.nn.Linear(4, 3)), torch.arange(3))
    assert {name for name, _ in result.erasures} == set(chosen_orderings()) - {"greedy"}
    assert [draw for name, draw in result.erasures if name == "random"] == [0, 1, 2, 3, 4]
    for columns in result.erasures.values():
        never = columns["removed"] == -1
        assert torch.equal(columns["fraction"].isnan(), never)
        assert torch.equal(columns["mass"].isnan(), never)
        assert torch.equal(columns["fraction"][~never], (columns["removed"].double() / 6)[~never])


def test_copies_of_one_word_differ_by_nothing():
    """Equal items have equal JS but for rounding, and their difference counts as zero, never as negative."""
    torch.manual_seed(0)
    values = torch.randn(1, 3, 4)[:, [0, 1, 1, 1, 2]]
    scores = torch.tensor([[0.3, 2.1, 2.1, 2.1, 0.9]])
    mask = torch.ones(1, 5, dtype=torch.bool)
    result = run_battery(PooledErasures(values, scores, mask, torch.nn.Linear(4, 3)), torch.zeros(1, dtype=torch.long))
    assert result.documents["top_item"].item() == 1
    assert result.documents["delta_js_zero"].item() == pytest.approx(2 / 4)


@given(cases(dtype=torch.float64, max_gap=10.0))
def test_the_places_kept_of_an_ordering_are_those_that_were_erased(case):
    """Erasing the items that stand before the first flip flips the decision, one item fewer does not."""
    result = run(case)
    for row, (values, weights) in enumerate(case.documents()):
        decision = brute.decide(brute.logits_after(values, weights, [], *case.readout()))
        for (name, draw), columns in result.erasures.items():
            if draw:
                continue
            rank = result.items[f"rank_{name}"][row, : len(weights)].tolist()
            removed = int(columns["removed"][row])
            places = [item for item in sorted(range(len(weights)), key=rank.__getitem__) if rank[item] >= 0]
            assert [rank[item] for item in places] == list(range(len(places)))
            assert len(places) == (max(removed, 0) if name == "oracle" else len(weights))
            after = [
                brute.decide(brute.logits_after(values, weights, places[:count], *case.readout()))
                for count in range(1, len(places) + 1)
            ]
            if removed > 0:
                assert after[removed - 1] != decision
                assert decision in (after[removed - 2], decision if removed == 1 else None)
            elif name != "oracle":
                assert set(after) == {decision}
