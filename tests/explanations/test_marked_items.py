"""Marks on items: on those into which a span reaches, whatever words a tokeniser makes of given tokens."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.base.errors import InputError
from attnprobe.data.datasets import load_dataset
from attnprobe.data.rationales import MarkedSpans, Rationales
from attnprobe.explanations.item_parts import ItemParts
from attnprobe.explanations.marked_items import marked_items
from tests.fixtures.dataset_folders import write_folder, write_tsv
from tests.fixtures.rationale_files import write_rationales

TEXT = "It wasn't good (not at-all). He said: don't!"


def spans_of(*documents):
    """Of (number, [(start, end), …])."""
    counts = [len(spans) for _, spans in documents]
    ends = np.array([span for _, spans in documents for span in spans], dtype=np.int64).reshape(-1, 2)
    numbers = np.array([number for number, _ in documents], dtype=np.int64)
    return MarkedSpans(numbers, np.cumsum([0, *counts]), ends[:, 0], ends[:, 1])


@st.composite
def cases(draw):
    """Items of some documents, one after another in the text with gaps, some no part of it; and spans."""
    documents = draw(st.integers(1, 4))
    items, spans = [], []
    for number in range(documents):
        ends = sorted(draw(st.sets(st.integers(0, 30), min_size=2, max_size=8)))
        items.append([(a, b) for a, b in zip(ends[::2], ends[1::2], strict=False)] + [(-1, -1)])
        if draw(st.booleans()):
            starts = draw(st.lists(st.integers(0, 29), max_size=3))
            spans.append((number, [(start, start + draw(st.integers(1, 9))) for start in starts]))
    return items, spans


@given(cases())
def test_an_item_is_marked_where_a_span_has_a_character_of_it(case):
    items, spans = case
    sizes = np.array([len(each) for each in items])
    starts, ends = np.array([item for each in items for item in each]).T
    parts = ItemParts.of_items(sizes, starts, ends, ["x" * 40] * len(items))
    found = marked_items(Rationales("", {"first": spans_of(*spans)}), parts, np.arange(len(items)))
    looked_at = dict(spans)
    expected = [
        int(any(set(range(*item)) & set(range(*span)) for span in looked_at[number])) if number in looked_at else -1
        for number, each in enumerate(items)
        for item in each
    ]
    assert found.by_annotator["first"].tolist() == expected
    mask = torch.arange(max(sizes) + 2) < torch.tensor(sizes)[:, None]
    batch = found.of_batch(np.arange(len(items)), mask)["first"]
    assert batch[mask].tolist() == expected
    assert (batch[~mask] == -1).all()


@pytest.mark.parametrize("given_tokens", [True, False])
def test_every_span_of_given_tokens_fits_the_words_that_a_model_reads(tmp_path, given_tokens):
    """Given tokens are marked one by one; words that the tokeniser makes are those within the tokens, no others."""
    tokens = TEXT.split()
    rows = [(label, TEXT) for _ in range(len(tokens)) for label in "xy"][: len(tokens)]
    write_folder(tmp_path, train=rows, dev=rows)
    write_tsv(tmp_path / "test.tsv", rows)
    write_rationales(tmp_path, [{"row": row, "spans": [[row, len(tokens)]]} for row in range(len(tokens))])
    dataset = load_dataset(str(tmp_path), given_tokens=given_tokens)
    documents = dataset.splits["test"].documents()
    parts = ItemParts.of_items(
        documents.words_per_document, documents.word_starts, documents.word_ends, documents.texts
    )
    marks = marked_items(dataset.rationales, parts, np.arange(len(rows))).by_annotator["first"].reshape(len(rows), -1)
    for row in range(len(rows)):
        words = [word for word, mark in zip(documents.words_of(row), marks[row], strict=True) if mark == 1]
        assert "".join(words) == "".join(tokens[row:])
        assert given_tokens is (words == tokens[row:]) or row == len(tokens)


def test_where_items_are_nowhere_spans_are_refused_in_a_sentence():
    parts = ItemParts.of_items(np.array([2, 2]), np.full(4, -1), np.full(4, -1), ["a b", "c d"])
    rationales = Rationales("", {"anna": spans_of((8, [(0, 1)]))})
    with pytest.raises(InputError, match="The rationales of the annotator anna, document 8: its spans cannot be used"):
        marked_items(rationales, parts, np.array([5, 8]))
