import pytest
import torch

from attnprobe.identifiability import (
    dk_star,
    fixed_key_dimension,
    joint_local_dimension,
    local_dimension,
    nullity,
    realisable_dimension,
    tangent_dimension,
)


def draw(seed, *shapes):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes]


def free_logits(queries, keys):
    return queries @ keys.T / keys.shape[-1] ** 0.5


@pytest.mark.parametrize(("n", "d_v"), [(12, 4), (12, 6), (16, 4)])
@pytest.mark.parametrize("d_k", [1, 2, 3, 4, 5, 6, 8])
def test_the_count_is_the_rank_of_the_tangent_map(n, d_v, d_k):
    queries, keys, values = draw(d_k, (n, d_k), (n, d_k), (n, d_v))
    found = tangent_dimension(free_logits, (queries, keys), values)
    assert found.attention.rank == realisable_dimension(n, d_k)
    assert found.output.rank == min(realisable_dimension(n, d_k), n * d_v)
    assert found.dimension == local_dimension(n, d_k, d_v)
    assert (found.dimension == 0) == (d_k <= dk_star(n, d_v))


@pytest.mark.parametrize(
    ("heads", "n", "d_k", "d_e"), [(2, 6, 1, 4), (2, 6, 3, 4), (2, 5, 2, 8), (3, 5, 2, 6), (2, 7, 4, 6)]
)
def test_layers_are_counted_alike_for_heads_added_and_concatenated(heads, n, d_k, d_e):
    queries, keys, x, output = draw(0, (heads, n, d_k), (heads, n, d_k), (n, d_e), (d_e, d_e))
    (wide,), (narrow,) = draw(1, (heads, d_e, d_e)), draw(2, (heads, d_e, d_e // heads))
    added = x @ wide @ output
    concatenated = x @ narrow @ output.reshape(heads, d_e // heads, d_e)
    for values in (added, concatenated):
        found = tangent_dimension(lambda q, k: q @ k.transpose(-1, -2), (queries, keys), values)
        assert found.attention.rank == heads * realisable_dimension(n, d_k)
        assert found.dimension == joint_local_dimension(n, d_k, d_e, heads)


def test_projections_with_the_input_fixed():
    # An input of full row rank leaves Q and K free; a narrow one does not.
    n, d_k, d_v = 6, 3, 2
    wide, narrow, values = draw(0, (n, 8), (n, 2), (n, d_v))

    def logits_from(x):
        return lambda w_q, w_k: free_logits(x @ w_q, x @ w_k)

    free = tangent_dimension(logits_from(wide), tuple(draw(1, (8, d_k), (8, d_k))), values)
    assert free.dimension == local_dimension(n, d_k, d_v)
    bound = tangent_dimension(logits_from(narrow), tuple(draw(1, (2, d_k), (2, d_k))), values)
    assert bound.attention.rank <= 4
    assert bound.dimension == 0


def test_only_rows_that_are_read_out_count():
    # One read-out row with queries and keys free is as free as without keys, whatever their width.
    n, d_v = 9, 3
    for d_k in (1, 2, 4):
        query, keys, values = draw(d_k, (1, d_k), (n, d_k), (n, d_v))
        found = tangent_dimension(free_logits, (query, keys), values)
        assert found.attention.rank == n - 1
        assert found.dimension == n - d_v - 1


@pytest.mark.parametrize(("n", "d_k", "d_v"), [(12, 6, 4), (12, 4, 6), (9, 12, 3), (5, 3, 8)])
def test_fixed_keys_count_and_equal_the_tangent_map_of_the_query(n, d_k, d_v):
    query, keys, values = draw(n, (1, d_k), (n, d_k), (n, d_v))
    weights = torch.softmax(free_logits(query, keys), -1)[0]
    found = fixed_key_dimension(weights, values, keys)
    assert found.dimension == max(0, min(d_k, n - 1) - d_v)
    by_tangent = tangent_dimension(lambda q: free_logits(q, keys), (query,), values)
    assert found.dimension == by_tangent.dimension
    assert found.attention.rank == by_tangent.attention.rank
    assert found.output.rank == by_tangent.output.rank


def test_fixed_keys_in_padded_batches():
    query, keys, values = draw(5, (1, 6), (2, 9, 6), (2, 9, 2))
    mask = torch.arange(9) < torch.tensor([[9], [5]])
    logits = (keys @ query[0]).masked_fill(~mask, -torch.inf)
    values[~mask] = keys[~mask] = torch.nan
    batch = fixed_key_dimension(torch.softmax(logits, -1), values, keys, mask)
    assert batch.dimension.tolist() == [6 - 2, 4 - 2]


def test_repeated_tokens_must_agree():
    # Equal keys force equal scores: repetitions add to the nullity, and nothing to what keys realise.
    query, keys, values = draw(6, (3,), (6, 3), (6, 2))
    repeated = torch.tensor([0, 1, 2, 3, 4, 5, 5, 5])
    assert nullity(values[repeated]).nullity == nullity(values).nullity + 2
    for items in (torch.arange(6), repeated):
        weights = torch.softmax(keys[items] @ query, -1)
        assert fixed_key_dimension(weights, values[items], keys[items]).dimension == 1


def test_bad_input_is_named():
    queries, keys, values = draw(8, (3, 2), (4, 2), (5, 2))
    with pytest.raises(ValueError, match=r"logits have shape \(3, 4\), but \('rows', 5\) is needed"):
        tangent_dimension(free_logits, (queries, keys), values)
    with pytest.raises(ValueError, match="logits hold NaN"):
        tangent_dimension(free_logits, (queries * torch.nan, keys), values[:4])
