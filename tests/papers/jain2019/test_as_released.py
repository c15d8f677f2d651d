"""The released code of Jain & Wallace (2019) where it differs from what it says, beside what is meant."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from attnprobe.analysis.top_lists import likeness
from attnprobe.erasure.correlation_names import ATTENTION_GRADIENT, ATTENTION_LEAVE_ONE_OUT, CORRELATIONS
from attnprobe.papers.jain2019.as_released import (
    PENALISED_ABOVE,
    RELEASED_NAMES,
    REPORTED_UP_TO,
    is_allowed,
    kept_by_length,
    top_k_distance_as_released,
)


def intended(first, second, k, p):
    """Fagin, Kumar & Sivakumar's distance of the k largest."""
    places = np.stack([(-numbers).argsort().argsort() for numbers in (first, second)])
    return float(likeness(places, k, p).distance[0, 1])


def lists(k, disjoint):
    """Two lists of 2 k items whose k largest are disjoint, or the same in the same order."""
    first = np.arange(2 * k, dtype=np.float64)
    return first, np.roll(first, k) if disjoint else first


@pytest.mark.parametrize(("p", "released"), [(0.5, 0.1125), (0.0, 0.0)])
def test_disjoint_lists_are_as_far_apart_as_can_be_and_released_they_are_not(p, released):
    first, second = lists(10, disjoint=True)
    assert intended(first, second, 10, p) == 1
    assert top_k_distance_as_released(first, second, 10, p) == pytest.approx(released)


@pytest.mark.parametrize("distance", [intended, top_k_distance_as_released])
def test_the_same_list_is_at_0(distance):
    assert distance(*lists(10, disjoint=False), 10, 0.5) == 0


@given(st.permutations(range(8)), st.permutations(range(8)))
def test_of_whole_lists_the_released_one_is_kendalls(first, second):
    """No item is in one list alone: then it is half of one less tau. What is meant is over fewer pairs at the most."""
    first, second = np.array(first, dtype=np.float64), np.array(second, dtype=np.float64)
    tau = kendalltau(first, second).statistic
    assert top_k_distance_as_released(first, second, 8) == pytest.approx((1 - tau) / 2)
    assert intended(first, second, 8, 0.5) * (64 + 28) == pytest.approx((1 - tau) / 2 * 28)


def test_the_labels_of_attention_with_gradient_and_with_leaving_out_are_exchanged():
    """As released: three correlations of a document in which attention goes with the gradient alone."""
    attention, gradient, left_out = np.array([0.6, 0.3, 0.1]), np.array([3.0, 2.0, 1.0]), np.array([1.0, 2.0, 3.0])
    meant = {
        ATTENTION_GRADIENT: kendalltau(attention, gradient).statistic,
        ATTENTION_LEAVE_ONE_OUT: kendalltau(attention, left_out).statistic,
        "tau_gradient_leave_one_out": kendalltau(gradient, left_out).statistic,
    }
    assert meant[ATTENTION_GRADIENT] == 1
    assert {name: meant[of] for name, of in RELEASED_NAMES.items()} == {"gl": -1, "ag": -1, "al": 1}
    assert set(RELEASED_NAMES.values()) == set(CORRELATIONS)


def test_what_is_penalised_in_the_search_is_counted_in_the_report():
    moved = np.array([0.0, 0.01, 0.02, 0.05, 0.051])
    assert PENALISED_ABOVE < REPORTED_UP_TO
    assert is_allowed(moved, as_released=False).tolist() == [True, True, False, False, False]
    assert is_allowed(moved, as_released=True).tolist() == [True, True, True, True, False]


def test_the_longest_documents_are_dropped_where_no_length_is_given():
    words = [3, 5, 9, 9, 7, 3]
    assert kept_by_length(words, as_released=False).all()
    assert kept_by_length(words, as_released=True).tolist() == [False, True, False, False, True, False]
    assert kept_by_length(words, shortest=2, longest=10, as_released=True).all()
    assert kept_by_length(words, shortest=5, as_released=True).tolist() == [False, False, False, False, True, False]
    assert kept_by_length(words, shortest=5, as_released=False).tolist() == [False, True, True, True, True, False]
