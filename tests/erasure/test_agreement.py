"""Agreement with marked items: by thresholds, sets and spans as ERASER and scikit-learn define it; known answers."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.erasure.agreement import average_precision, average_precision_of_set, span_f1, token_f1
from tests.reference import rationales as brute


@st.composite
def documents(draw):
    """A permutation, marked items and a chosen set, of one document, padding behind them."""
    n = draw(st.integers(1, 12))
    order = draw(st.permutations(range(n)))
    marked, chosen = (draw(st.sets(st.integers(0, n - 1), min_size=1)) for _ in range(2))
    return n, order, marked, chosen, draw(st.integers(0, 3))


def tensors(document):
    n, order, marked, chosen, padding = document
    items = torch.arange(n + padding)
    sets = (torch.tensor([int(item) in each for item in items])[None] for each in (marked, chosen))
    return torch.tensor([[*order, *range(n, n + padding)]]), *sets, torch.tensor([n])


@given(documents())
def test_the_area_under_the_curve_is_that_of_all_thresholds(document):
    n, order, marked, chosen, _ = document
    permutation, is_marked, is_chosen, sizes = tensors(document)
    scores = [-order.index(item) for item in range(n)]
    found = average_precision(permutation, is_marked)
    assert found.item() == pytest.approx(brute.average_precision(scores, marked), abs=1e-12)
    of_set = average_precision_of_set(is_chosen, is_marked, sizes)
    scores = [int(item in chosen) for item in range(n)]
    assert of_set.item() == pytest.approx(brute.average_precision(scores, marked), abs=1e-12)


@given(documents())
def test_f1_of_items_and_of_spans_is_that_of_sets(document):
    _, _, marked, chosen, _ = document
    _, is_marked, is_chosen, _ = tensors(document)
    assert token_f1(is_chosen, is_marked).item() == pytest.approx(brute.token_f1(chosen, marked), abs=1e-12)
    assert span_f1(is_chosen, is_marked).item() == pytest.approx(brute.iou_f1(chosen, marked), abs=1e-12)
    assert span_f1(is_marked, is_chosen).item() == span_f1(is_chosen, is_marked).item()


@given(documents())
def test_scikit_learn_says_the_same_where_it_is_installed(document):
    metrics = pytest.importorskip("sklearn.metrics")
    n, order, marked, chosen, _ = document
    permutation, is_marked, is_chosen, sizes = tensors(document)
    truth = [int(item in marked) for item in range(n)]
    for scores, found in (
        ([-order.index(item) for item in range(n)], average_precision(permutation, is_marked)),
        ([int(item in chosen) for item in range(n)], average_precision_of_set(is_chosen, is_marked, sizes)),
    ):
        assert found.item() == pytest.approx(metrics.average_precision_score(truth, scores), abs=1e-12)


def marks(text):
    return torch.tensor([[letter == "x" for letter in text]])


@pytest.mark.parametrize(
    ("chosen", "marked", "expected"),
    [
        ("xx..xx", "xx..xx", 1.0),
        ("xx....", "xxxx..", 1.0),  # half of the union: found
        ("x.....", "xxx...", 0.0),
        ("xx.xx.", "xxxxx.", 0.0),  # two of five each
        ("xx.xxx", "xxxxxx", 2 / 3),  # the second is half of it, the first is not
        (".x.x.x", "x.x.x.", 0.0),
    ],
)
def test_spans_are_found_by_half_of_their_union(chosen, marked, expected):
    assert span_f1(marks(chosen), marks(marked)).item() == pytest.approx(expected)


def test_orders_of_several_axes_at_once_and_nothing_marked_is_nan():
    order = torch.stack([torch.arange(6).expand(2, 6), torch.arange(5, -1, -1).expand(2, 6)])
    marked = torch.cat([marks("x....."), marks("......")])
    found = average_precision(order, marked)
    assert found[:, 0].tolist() == pytest.approx([1.0, 1 / 6])
    assert all(map(math.isnan, found[:, 1].tolist()))


def test_the_first_of_as_many_items_have_an_f1_that_is_their_precision():
    generator = np.random.default_rng(0)
    for _ in range(20):
        n = int(generator.integers(2, 30))
        marked = generator.choice(n, int(generator.integers(1, n)), replace=False)
        first = generator.permutation(n)[: len(marked)]
        both = torch.zeros(2, 1, n, dtype=torch.bool)
        both[0, 0, first], both[1, 0, marked] = True, True
        assert token_f1(*both).item() == pytest.approx(len({*first} & {*marked}) / len(marked))
