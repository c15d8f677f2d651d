import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.erasure.erasable import Erasable
from attnprobe.explanations.item_scores import ItemScores, explanation
from attnprobe.models.pooled.closed_forms import PooledErasures


def batch_of(sizes, documents):
    mask = torch.arange(max(sizes)) < torch.tensor(sizes)[:, None]
    values, readout = torch.zeros(*mask.shape, 2), torch.nn.Linear(2, 2)
    return Erasable(PooledErasures(values, torch.zeros(mask.shape), mask, readout), torch.tensor(documents))


cases = st.lists(
    st.lists(st.tuples(st.integers(-2, 2), st.sampled_from([0, 0, 0, 1, -1])), min_size=1, max_size=6),
    min_size=1,
    max_size=4,
)


def made(documents):
    sizes = np.array([len(each) for each in documents])
    scores, places = np.array([pair for each in documents for pair in each]).T
    numbers = np.arange(len(documents)) * 3 + 1
    return ItemScores(numbers, sizes, np.stack([scores, -scores]).astype(float), places.astype(np.int8))


@given(cases, st.randoms())
def test_orders_are_by_place_then_score_then_position_whatever_the_batch(documents, random):
    scores = made(documents)
    rows = list(range(len(documents)))
    random.shuffle(rows)
    batch = batch_of([len(documents[row]) for row in rows], scores.numbers[rows].tolist())
    orders = scores.order(batch)
    for draw, sign in enumerate((1, -1)):
        for row, order in zip(rows, orders[draw].tolist(), strict=True):
            items = documents[row]
            expected = sorted(range(len(items)), key=lambda i: (-items[i][1], -sign * items[i][0], i))
            assert order[: len(items)] == expected


@given(cases)
def test_the_twin_has_the_same_scores_of_the_same_items_but_shuffled(documents):
    scores = made(documents)
    twin = explanation("mine", scores)["mine_permuted"]
    batch = batch_of(scores.sizes.tolist(), scores.numbers.tolist())
    seeds = torch.arange(len(documents)) + 7
    orders = twin.rank(batch, seeds)
    own = scores.order(batch)
    assert orders.shape == own.shape
    for row, items in enumerate(documents):
        for order, plain in zip(orders[:, row].tolist(), own[:, row].tolist(), strict=True):
            real = order[: len(items)]
            assert sorted(real) == list(range(len(items)))
            assert [items[i][1] for i in real] == [items[i][1] for i in plain[: len(items)]]  # places are kept
        alone = batch_of([len(items)], [int(scores.numbers[row])])
        assert torch.equal(twin.rank(alone, seeds[row : row + 1])[:, 0], orders[:, row, : len(items)])


def test_every_permutation_is_as_likely_and_another_name_shuffles_otherwise():
    documents = [[(3, 0), (2, 0), (1, 0)]] * 3000
    scores = made(documents)
    batch, seeds = batch_of([3] * 3000, scores.numbers.tolist()), torch.arange(3000)
    one, other = (explanation(name, scores)[f"{name}_permuted"].rank(batch, seeds)[0] for name in ("one", "other"))
    _, counts = one.unique(dim=0, return_counts=True)
    assert len(counts) == 6
    assert (counts - 500).abs().max() < 100  # five standard deviations
    assert (one == other).all(-1).float().mean() < 0.22
