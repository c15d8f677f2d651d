import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.identifiability import joint_nullity, nullity, published_rank
from tests.fixtures.attention_rows import rows


def brute_rank(values):
    return np.linalg.matrix_rank(np.column_stack([values - values.mean(0), np.ones(len(values))]))


@given(rows())
def test_rank_is_that_of_values_with_a_column_of_ones(row):
    found = nullity(row.values)
    assert found.rank == brute_rank(row.values)
    assert found.nullity == len(row.values) - found.rank
    assert found.distinct == len(np.unique(row.values, axis=0))
    assert found.nullity_of_distinct == found.distinct - found.rank >= 0


@pytest.mark.parametrize(("n", "d"), [(3, 1), (10, 32), (33, 32), (34, 32), (128, 64), (5, 5), (1, 4)])
def test_generic_nullity_counts(n, d):
    generator = torch.Generator().manual_seed(n)
    found = nullity(torch.randn(n, d, generator=generator))
    assert found.nullity == max(n - d - 1, 0)


def test_closed_forms():
    assert nullity(torch.tensor([[0.0], [1.0], [2.0]])).nullity == 1
    unique = nullity(torch.eye(5))
    assert (unique.nullity, unique.rank) == (0, 5)
    assert unique.gap > 1e12
    nothing = nullity(torch.zeros(5, 3))
    assert (nothing.nullity, nothing.rank, nothing.distinct) == (4, 1, 1)
    assert nothing.nullity_of_distinct == 0
    assert torch.isnan(nothing.gap)


def test_a_common_shift_and_the_scale_change_nothing():
    # The null space of [V, 1] is blind to a value bias; that of V alone is not.
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    values -= values.mean(0)
    shifted = values + torch.randn(4, generator=generator)
    for other in (shifted, 1e8 * values, 1e-8 * values):
        assert nullity(other).nullity == nullity(values).nullity == 1
    assert published_rank(values).rank == published_rank(shifted).rank == 4
    flat = torch.ones(6, 4) * 0.1
    assert nullity(flat).rank == 1
    assert published_rank(flat).rank == 1
    assert published_rank(torch.zeros(6, 4)).rank == 0


def test_repeated_tokens_add_to_nullity_but_not_to_that_of_distinct_ones():
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(4, 16, generator=generator)
    found = nullity(values[[0, 1, 2, 3, 3, 0, 0]])
    assert (found.nullity, found.distinct, found.nullity_of_distinct) == (3, 4, 0)


@given(st.integers(0, 2**32))
def test_padding_and_batching_change_nothing(seed):
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.randint(0, 7, (4,), generator=generator)
    mask = torch.arange(9) < sizes[:, None]
    values = torch.randint(-1, 2, (4, 9, 3), generator=generator).double()
    values[~mask] = float("nan")
    batch = nullity(values, mask)
    for row, size in enumerate(sizes.tolist()):
        if size == 0:
            assert batch.rank[row] == batch.items[row] == batch.nullity[row] == batch.distinct[row] == 0
            continue
        alone = nullity(values[row, :size])
        for field in ("nullity", "rank", "items", "distinct"):
            assert getattr(batch, field)[row] == getattr(alone, field)
        torch.testing.assert_close(batch.practical_ranks[row], alone.practical_ranks)


def test_practical_ranks_leave_small_directions_out():
    generator = torch.Generator().manual_seed(2)
    left = torch.linalg.qr(torch.randn(12, 4, generator=generator, dtype=torch.float64) - 0.1)[0]
    left = torch.linalg.qr(left - left.mean(0))[0]
    values = left @ torch.diag(torch.tensor([1.0, 0.5, 5e-3, 5e-4], dtype=torch.float64))
    found = nullity(values)
    assert found.rank == 5
    assert found.tolerances == (1e-3, 1e-2)
    assert found.practical_ranks.tolist() == [4, 3]
    assert nullity(values, tolerances=(0.1,)).practical_ranks.tolist() == [3]
    assert nullity(values[:, :3] @ torch.ones(3, 1, dtype=torch.float64)).gap == torch.inf


def test_joint_nullity_is_that_of_the_stacked_heads():
    generator = torch.Generator().manual_seed(3)
    for heads, n, d in ((2, 5, 3), (3, 4, 6), (4, 3, 2)):
        values = torch.randn(heads, n, d, generator=generator, dtype=torch.float64)
        blocks = torch.block_diag(*[torch.ones(n, 1, dtype=torch.float64)] * heads)
        expected = torch.linalg.matrix_rank(torch.cat([values.flatten(0, 1), blocks], 1))
        found = joint_nullity(values)
        assert found.rank == expected
        assert found.nullity == heads * n - expected == max(heads * n - d - heads, 0)


@pytest.mark.parametrize(("n", "joint"), [(10, 4), (16, 28), (24, 60), (32, 92)])
def test_adding_heads_does_not_make_a_layer_more_identifiable(n, joint):
    # d_e 32, 4 heads: added heads are unique each and not together; concatenated heads are no better and no worse.
    generator = torch.Generator().manual_seed(n)
    d_e, heads = 32, 4
    x = torch.randn(n, d_e, generator=generator, dtype=torch.float64)
    output = torch.randn(d_e, d_e, generator=generator, dtype=torch.float64)
    added = torch.stack(
        [x @ torch.randn(d_e, d_e, generator=generator, dtype=torch.float64) @ output.T for _ in range(heads)]
    )
    width = d_e // heads
    concatenated = torch.stack(
        [
            x
            @ torch.randn(d_e, width, generator=generator, dtype=torch.float64)
            @ output[:, h * width : (h + 1) * width].T
            for h in range(heads)
        ]
    )
    assert joint_nullity(added).nullity == joint_nullity(concatenated).nullity == joint == heads * n - d_e - heads
    assert nullity(added).nullity.tolist() == [max(n - d_e - 1, 0)] * heads
    assert nullity(concatenated).nullity.tolist() == [n - width - 1] * heads
    # Concatenated, the joint null space is the direct sum of the heads' own.
    assert nullity(concatenated).nullity.sum() == joint


def test_joint_nullity_of_padded_layers():
    generator = torch.Generator().manual_seed(4)
    values = torch.randn(2, 3, 7, 4, generator=generator)
    mask = torch.arange(7) < torch.tensor([[7], [4]])
    batch = joint_nullity(values, mask)
    assert batch.nullity.tolist() == [3 * 7 - 4 - 3, 3 * 4 - 4 - 3]
    assert batch.items.tolist() == [21, 12]
    assert batch.rank[1] == joint_nullity(values[1, :, :4]).rank


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="NaN or infinite numbers in document 1"):
        nullity(torch.tensor([[[0.0], [1.0]], [[torch.nan], [1.0]]]))
    with pytest.raises(ValueError, match="items, dim"):
        nullity(torch.zeros(3))
    with pytest.raises(ValueError, match=r"shape \(0, 3\), but \(…, items, dim\), with items"):
        nullity(torch.zeros(0, 3))
    with pytest.raises(ValueError, match="heads, items, dim"):
        joint_nullity(torch.zeros(3, 2))
    with pytest.raises(ValueError, match="mask has shape"):
        nullity(torch.zeros(3, 2), torch.ones(4))
