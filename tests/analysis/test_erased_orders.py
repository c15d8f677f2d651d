from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from attnprobe.analysis.erased_orders import erased_order, follows, ranked_orderings
from attnprobe.base.errors import InputError

PATH = Path("run/items.parquet")


def items(*places):
    return pd.DataFrame({"document": 7, "rank_mine": pd.array(places, "Int32")})


@given(st.integers(0, 12), st.integers(0, 12), st.randoms())
def test_places_are_read_as_far_as_they_go(ranked, rest, random):
    assume(ranked + rest > 0)
    order = random.sample(range(ranked + rest), ranked)
    places = [order.index(item) if item in order else None for item in range(ranked + rest)]
    assert erased_order(items(*places), "mine", PATH).tolist() == order


def test_a_column_that_is_not_there_says_nothing():
    table = items(1, 0)
    assert erased_order(table, "other", PATH) is None
    assert ranked_orderings(table) == ["mine"]


@pytest.mark.parametrize("places", [(0, 0), (1, 2), (0, 2, None), (-1, 0), (None, 1)])
def test_what_is_no_order_is_named(places):
    with pytest.raises(InputError, match=r"run/items\.parquet, document 7: rank_mine does not hold the places"):
        erased_order(items(*places), "mine", PATH)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=9), st.randoms())
def test_an_order_follows_numbers_that_fall_along_it(numbers, random):
    order = np.array(random.sample(range(len(numbers)), len(numbers)))
    numbers = np.array(numbers, dtype=float)
    falling = all(a >= b for a, b in zip(numbers[order][:-1], numbers[order][1:], strict=True))
    assert follows(order, numbers) == falling
    assert follows(np.argsort(-numbers), numbers * (1 + 1e-8 * np.arange(len(numbers))))
