"""Weights laid out in any way are seen as (batch, heads, queries, keys), and put back."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.attention.layouts import Layout

BATCH, HEADS, QUERIES, KEYS = 5, 3, 7, 11


def numbered(batch=BATCH, heads=HEADS, queries=QUERIES, keys=KEYS):
    return torch.arange(batch * heads * queries * keys).view(batch, heads, queries, keys).double()


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_axes_in_any_order(order):
    """Documents come before queries in it: that is what tells them apart where they are equally many."""
    own = numbered()
    laid_out = own.permute(order)
    layout = Layout.recognise(tuple(laid_out.shape), order.index(3), BATCH, (QUERIES,))
    if order.index(2) == next(axis for axis in range(4) if axis != order.index(3)):
        assert layout is None  # queries come first of all: taken for documents
        return
    assert layout.heads == HEADS
    assert torch.equal(layout.view(laid_out), own)
    assert torch.equal(layout.restore(layout.view(laid_out), like=laid_out), laid_out)


@given(st.permutations([0, 1, 2]), st.booleans(), st.integers(0, 3))
def test_documents_and_heads_in_one_axis(order, negative, missing):
    own = numbered()
    laid_out = own.flatten(0, 1).permute(order)
    axis = order.index(2)
    layout = Layout.recognise(tuple(laid_out.shape), axis - 3 * negative, BATCH, (QUERIES, 4))
    if order.index(1) == next(one for one in range(3) if one != axis):
        assert layout is None
        return
    assert torch.equal(layout.view(laid_out), own)
    shorter = layout.view(laid_out)[..., : KEYS - missing]
    back = layout.restore(shorter, like=laid_out)
    assert torch.equal(back, own[..., : KEYS - missing].flatten(0, 1).permute(order))


@given(st.permutations([0, 1, 2, 3, 4]))
def test_heads_in_two_axes(order):
    own = numbered(heads=6)
    laid_out = own.unflatten(1, (2, 3)).permute(order)
    layout = Layout.recognise(tuple(laid_out.shape), order.index(4), BATCH, (QUERIES,))
    if order.index(3) == next(axis for axis in range(5) if axis != order.index(4)):
        assert layout is None
        return
    assert layout.heads == 6
    seen = layout.view(laid_out)
    head = seen.transpose(0, 1).flatten(1)
    expected = own.transpose(0, 1).flatten(1)
    assert {tuple(one.tolist()) for one in head} == {tuple(one.tolist()) for one in expected}
    assert torch.equal(layout.restore(seen, like=laid_out), laid_out)


def test_types_come_back():
    half = numbered().half()
    layout = Layout.recognise(tuple(half.shape), -1, BATCH, (QUERIES,))
    assert layout.restore(layout.view(half).float(), like=half).dtype == torch.float16


def test_one_query_a_document():
    pooled = torch.rand(BATCH, KEYS)
    layout = Layout.recognise((BATCH, KEYS), 1, BATCH, (KEYS,))
    assert layout.query is None
    assert torch.equal(layout.view(pooled), pooled[:, None, None])
    assert torch.equal(layout.restore(layout.view(pooled), like=pooled), pooled)
    turned = Layout.recognise((KEYS, BATCH), 0, BATCH, (KEYS,))
    assert torch.equal(turned.view(pooled.T), pooled[:, None, None])
    assert torch.equal(turned.restore(turned.view(pooled.T), like=pooled.T), pooled.T)


def test_as_many_documents_heads_queries_and_keys():
    """Read in the usual order where nothing tells axes apart."""
    own = numbered(5, 5, 5, 5)
    layout = Layout.recognise((5, 5, 5, 5), -1, 5, (5,))
    assert torch.equal(layout.view(own), own)
    flat = own.flatten(0, 1)
    assert torch.equal(Layout.recognise((25, 5, 5), -1, 5, (5,)).view(flat), own)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((BATCH * QUERIES, 4), 1),  # a router of tokens put one behind another
        ((BATCH + 1, HEADS, QUERIES, KEYS), 3),
        ((7, QUERIES, KEYS), 2),  # not a multiple of the documents
        ((BATCH, HEADS, QUERIES + 1, KEYS), 3),  # no axis of queries
    ],
)
def test_what_is_not_documents_by_queries_by_keys(shape, axis):
    assert Layout.recognise(shape, axis, BATCH, (QUERIES,)) is None
