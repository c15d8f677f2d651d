from types import SimpleNamespace

import numpy as np
import pytest
import torch

from attnprobe.base.errors import InputError
from attnprobe.explanations.alignment import Listed, Spans
from attnprobe.explanations.brought import arrays_of_batches, brought_draws

TEXTS = ["so good", "never again"]
NUMBERS = [[0.5, 1.0], [2.0, 3.0, 4.0]]


def read(brought):
    """What is brought as plain lists: of each draw and text numbers, or tuples of spans."""
    return [[plain(text) for text in draw] for draw in brought_draws("mine", brought, TEXTS)]


def plain(given):
    if isinstance(given, Spans):
        return list(zip(*(column.tolist() for column in given), strict=True))
    return given.scores.tolist()


def test_lists_arrays_and_tensors_say_the_same():
    for kind in (list, tuple, np.array, torch.tensor):
        assert read([kind(text) for text in NUMBERS]) == [NUMBERS]
    square = [[1.0, 2.0], [3.0, 4.0]]
    for array in (np.array(square), torch.tensor(square, requires_grad=True), torch.tensor(square).bfloat16()):
        assert read(array) == [square]


def test_several_draws_are_a_list_of_explanations():
    assert read([NUMBERS, NUMBERS[::-1]]) == [NUMBERS, NUMBERS[::-1]]
    three = np.arange(12.0).reshape(3, 2, 2)
    assert read(three) == three.tolist()


def test_tuples_of_three_are_spans():
    spans = [[(0, 2, 1.0), (3, 7, 2.0)], []]
    assert read(spans) == [spans]
    assert read(spans[::-1]) == [spans[::-1]]
    assert read([spans, spans]) == [spans, spans]
    assert read([[0.1, 0.2, 0.3], [0.1, 0.2, 0.3]]) == [[[0.1, 0.2, 0.3]] * 2]


def test_a_table_of_attributions_and_tokens_is_summed_over_dimensions_and_loses_its_padding():
    attributions = torch.arange(12.0).reshape(2, 3, 2)
    ids, real = torch.tensor([[1, 5, 0], [1, 6, 7]]), torch.tensor([[1, 1, 0], [1, 1, 1]])
    table = {"attributions": attributions, "input_ids": ids, "attention_mask": real, "token_type_ids": real}
    (draw,) = brought_draws("mine", table, TEXTS)
    assert [text.scores.tolist() for text in draw] == [[1, 5], [13, 17, 21]]
    assert [text.tokens.tolist() for text in draw] == [[1, 5], [1, 6, 7]]
    rows = [{"attributions": [1.0, 2.0], "input_ids": [1, 5], "label": 0}] * 2
    assert [text.scores.tolist() for text in brought_draws("mine", rows, TEXTS)[0]] == [[1, 2], [1, 2]]


@pytest.mark.parametrize(
    ("brought", "sentence"),
    [
        (3, "it is int, in which there are no scores"),
        ("words", "it is str"),
        ([["a"], ["b"]], "neither a list of texts' scores nor of draws"),
        ([[0.1, "a"], [0.2]], "in text 0, there is"),
        ([[0.1], [0.1, [0.2]]], "in text 1"),
        ([[(0.5, 1, 1)], []], "in text 0, a span does not begin and end at whole numbers"),
        ([NUMBERS] * 129, "has 129 draws; 1 to 128 are needed"),
    ],
)
def test_what_is_no_explanation_is_refused(brought, sentence):
    with pytest.raises(InputError, match=f"The explanation mine.*{sentence}"):
        brought_draws("mine", brought, TEXTS)


def test_arrays_of_batches_have_the_tokens_axes():
    masks = [np.ones((2, 3), dtype=bool), np.ones((1, 2), dtype=bool)]
    arrays = [torch.ones(2, 3), [[1.0, 2.0]]]
    (draw,) = arrays_of_batches("mine", arrays, masks)
    assert [each.tolist() for each in draw] == [[[1.0] * 3] * 2, [[1.0, 2.0]]]
    assert len(arrays_of_batches("mine", [arrays, arrays], masks)) == 2
    with pytest.raises(InputError, match=r"shape \(1, 2\) of batch 0, whose tokens have the shape \(2, 3\)"):
        arrays_of_batches("mine", arrays[::-1], masks)
    with pytest.raises(InputError, match="is of 1 batches, but there are 2"):
        arrays_of_batches("mine", arrays[:1], masks)


def inseq_output(**named):
    """Shaped as inseq 0.7's FeatureAttributionOutput of one text."""
    tokens = [SimpleNamespace(token=str(number), id=number) for number in (4, 5, 6)]
    empty = {"source": tokens, "target": tokens, "source_attributions": None, "target_attributions": None}
    return SimpleNamespace(sequence_attributions=[SimpleNamespace(**empty | {"attr_pos_start": 2} | named)])


def test_the_first_generated_token_of_inseqs_output_counts():
    scores = torch.arange(12.0).reshape(3, 2, 2)
    for named, expected in (
        ({"source_attributions": scores}, ([1, 9, 17], [4, 5, 6])),
        ({"target_attributions": scores}, ([1, 9], [4, 5])),
    ):
        ((text,),) = brought_draws("mine", inseq_output(**named), TEXTS[:1])
        assert (text.scores.tolist(), text.tokens.tolist()) == expected


def test_ferrets_explanations_are_of_a_text_each():
    each = [
        SimpleNamespace(text=text, tokens=["a"] * len(scores), scores=np.array(scores), explainer="LIME", target=1)
        for text, scores in zip(TEXTS, NUMBERS, strict=True)
    ]
    assert read(each) == [NUMBERS]
    with pytest.raises(InputError, match="the ferret explanation is of another text"):
        read(each[::-1])


def shap_explanation(values, data, base=0.0):
    return SimpleNamespace(values=values, data=data, base_values=base)


def test_shaps_values_of_the_largest_output_count():
    """An explanation's values and base values add up to what the model gives."""
    values = np.empty(2, dtype=object)
    values[:] = [np.array([[0, 0], [1, 2], [3, 1], [0, 0]]), np.array([[0, 0], [5, 4], [0, 0]])]
    data = (np.array(["", "so ", "good", ""], dtype=object), np.array(["", "never again", ""], dtype=object))
    assert read(shap_explanation(values, data, np.array([[0, 0.5], [0, 2]]))) == [[[0, 1, 3, 0], [0, 4, 0]]]
    words = [np.array([1.0, 2.0]), np.array([3.0, 4.0])]
    data = (["so ", "good"], ["never ", "again"])
    assert read(shap_explanation(words, data)) == [[[(0, 2, 1.0), (3, 7, 2.0)], [(0, 5, 3.0), (6, 11, 4.0)]]]
    assert read([shap_explanation(*each) for each in zip(words, data, strict=True)]) == read(
        shap_explanation(words, data)
    )
    with pytest.raises(InputError, match=r"the shap\.Explanation is of 1 texts, but there are 2"):
        read(shap_explanation(words[:1], data[:1]))


def test_lime_weighs_every_occurrence_of_a_word_in_favour_of_what_is_predicted():
    lime_text = pytest.importorskip("lime.lime_text")
    text = "good bad good"
    odds = lambda texts: np.array([[0.3 + 0.2 * t.count("good"), 0.7 - 0.2 * t.count("good")] for t in texts])  # noqa: E731
    explained = lime_text.LimeTextExplainer(random_state=0).explain_instance(text, odds, num_samples=50)
    (((spans,),)) = (brought_draws("mine", [explained], [text]),)
    weights = {(start, end): score for start, end, score in plain(spans[0])}
    assert set(weights) == {(0, 4), (5, 8), (9, 13)}
    assert weights[0, 4] == weights[9, 13] > 0.2 > abs(weights[5, 8])
    with pytest.raises(InputError, match="the lime explanation is of another text"):
        brought_draws("mine", [explained], ["bad"])


def test_shap_itself_goes_in_by_tokens_and_by_words():
    shap = pytest.importorskip("shap")
    from tests.fixtures.checkpoints import wordpiece

    length = lambda texts: np.array([[len(text) / 10, 0.0] for text in texts])  # noqa: E731
    texts = ["word1 word2 plantedpos .", "the café was naïve"]
    for masker, kind in ((wordpiece(), Listed), (r"\W+", Spans)):
        explained = shap.Explainer(length, shap.maskers.Text(masker), silent=True)(texts)
        (draw,) = brought_draws("mine", explained, texts)
        assert [type(text) for text in draw] == [kind, kind]
        for text, values in zip(draw, explained.values, strict=True):
            np.testing.assert_allclose(text.scores, values[:, 0])
        if kind is Listed:
            assert [len(text.scores) for text in draw] == [len(wordpiece()(text)["input_ids"]) for text in texts]
