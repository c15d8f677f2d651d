import numpy as np
import pytest

from attnprobe.base.errors import InputError
from attnprobe.explanations.alignment import Listed, Spans, item_scores
from attnprobe.explanations.item_parts import ItemParts

TEXTS = ["never again", "so good"]
PIECES = ItemParts(
    lengths=np.array([5, 4]),
    items=np.array([0, 1, 1, 2, 3, 0, 1, 2, 3]),
    sizes=np.array([4, 4]),
    special=np.array([True, False, False, False, True, True, False, False, True]),
    starts=np.array([-1, 0, 3, 6, -1, -1, 0, 3, -1]),
    ends=np.array([-1, 3, 5, 11, -1, -1, 2, 7, -1]),
    text_lengths=np.array([11, 7]),
    numbers=np.array([1, 10, 11, 12, 2, 1, 13, 14, 2]),
)
"""[CLS] nev|er again [SEP] and [CLS] so good [SEP], in words."""


def scores(*given, parts=PIECES, **choices):
    return item_scores("mine", [given], parts, **choices).scores[0].tolist()


def listed(*numbers, tokens=None):
    return Listed(np.array(numbers, dtype=float), None if tokens is None else np.array(tokens))


def spans(*tuples):
    starts, ends, values = zip(*tuples, strict=True)
    return Spans(np.array(starts), np.array(ends), np.array(values, dtype=float))


def test_scores_of_sub_words_are_summed_or_averaged_to_words():
    first, second = listed(1, 2, 4, 5, 6), listed(7, 8, 9, 0)
    assert scores(first, second) == [1, 6, 5, 6, 7, 8, 9, 0]
    assert scores(first, second, subwords="mean") == [1, 3, 5, 6, 7, 8, 9, 0]


def test_scores_of_words_leave_special_tokens_without_one():
    assert scores(listed(3, 5), listed(-1, 2)) == [0, 3, 5, 0, 0, -1, 2, 0]


def test_a_stretch_of_text_gives_its_score_once_to_each_item_that_it_reaches_into():
    assert scores(spans((0, 5, 2), (4, 7, 1), (5, 6, 9)), spans((0, 7, -1), (3, 7, 3))) == [0, 3, 1, 0, 0, -1, 2, 0]
    assert scores(spans((0, 5, 2), (4, 7, 1)), spans((0, 1, 0)), subwords="mean")[:4] == [0, 1.5, 1, 0]


def test_tokens_that_are_said_may_be_padded_on_either_side_and_must_be_those_that_are_read():
    right, left = (
        listed(1, 2, 4, 5, 6, 0, 0, tokens=[1, 10, 11, 12, 2, 0, 0]),
        listed(9, 7, 8, 9, 0, tokens=[0, 1, 13, 14, 2]),
    )
    assert scores(right, left) == [1, 6, 5, 6, 7, 8, 9, 0]
    with pytest.raises(InputError, match="mine, document 1: its score 1 is of the token 99, but the model reads 13"):
        scores(right, listed(7, 8, 9, 0, tokens=[1, 99, 14, 2]))


def test_special_tokens_keep_their_scores_or_go_first_or_last():
    given = [listed(1, 2, 4, 5, 6), listed(7, 8, 9, 0)]
    for specials, place in (("own", 0), ("first", 1), ("last", -1)):
        places = item_scores("mine", [given], PIECES, specials=specials).places.tolist()
        assert places == [place, 0, 0, place] * 2


def test_pieces_that_are_in_no_item_need_no_room():
    items = np.array([-1, 0, 0, 1, -1, -1, 0, 1, -1])
    out = ItemParts(**{**vars(PIECES), "items": items, "sizes": np.array([2, 2])})
    assert scores(listed(1, 2, 4, 5, 6), listed(7, 8, 9, 0), parts=out) == [6, 5, 8, 9]
    assert scores(listed(6, 5), listed(8, 9), parts=out) == [6, 5, 8, 9]


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        (listed(1, 2, 3), "document 1: it has 3 scores, but there are 4 tokens, special ones included, to score"),
        (listed(1, 2), "document 1: it has 2 scores, but there are 4 tokens"),
        (listed(1, np.nan, 3, 4), "document 1: its score 1 is NaN"),
        (listed(1, 2, -np.inf, 4), "document 1: its score 2 is infinite"),
        (spans((0, 8, 1)), r"document 1: the span \[0, 8\) is none of its text, which has 7 characters"),
        (spans((3, 3, 1)), r"document 1: the span \[3, 3\) is none"),
    ],
)
def test_what_does_not_fit_is_refused_by_document(second, sentence):
    with pytest.raises(InputError, match=f"The explanation mine, {sentence}"):
        scores(listed(1, 2, 4, 5, 6), second)


def test_a_missing_document_is_refused():
    with pytest.raises(InputError, match="scores of 1 documents, but there are 2"):
        scores(listed(1, 2, 4, 5, 6))
