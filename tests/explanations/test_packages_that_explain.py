"""Real objects of packages that explain, where these are installed: what they say of a token is what is erased by."""

import numpy as np
import pytest
import torch

import attnprobe

pytest.importorskip("transformers")

from tests.fixtures.checkpoints import bert, byte_level, gpt2, wordpiece

TEXTS = ["we loved unbelievably plantedpos !", "word0 word1 .", "the café was naïve ."]


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(0)
    return bert(classifier=True, num_labels=3, initializer_range=0.7).eval(), wordpiece()


def encoded(tokenizer, texts):
    return dict(tokenizer(texts, return_tensors="pt", padding=True, return_token_type_ids=False))


def orders(result, name):
    """By document its items' positions, the first that was erased first."""
    return [np.argsort(items[f"rank_{name}"]).tolist() for _, items in result.items.groupby("document")]


def largest_first(scores):
    return np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable").tolist()


def assert_shown(result, name):
    """It has its twin, and a row of the answer's numbers, and the notebook's page tells of it."""
    assert {name, f"{name}_permuted"} <= set(result.fractions().index)
    assert f"{name}, permuted" in result._repr_html_()


def test_shap(classifier):
    shap = pytest.importorskip("shap")
    model, tokenizer = classifier

    def predict(texts):
        with torch.no_grad():
            return model(**encoded(tokenizer, list(map(str, texts)))).logits.softmax(-1).numpy()

    found = shap.Explainer(predict, shap.maskers.Text(tokenizer), silent=True, seed=0)(TEXTS)
    result = attnprobe.probe(model, tokenizer, TEXTS, explanations={"shap": found})
    decided = predict(TEXTS).argmax(-1)
    of_decision = [values[:, y] for values, y in zip(found.values, decided, strict=True)]
    assert orders(result, "shap") == [largest_first(each) for each in of_decision]
    assert_shown(result, "shap")


def test_ferret(classifier):
    gradient = pytest.importorskip("ferret.explainers.gradient")
    model, tokenizer = classifier
    found = [gradient.GradientExplainer(model, tokenizer)(text, 0) for text in TEXTS]
    result = attnprobe.probe(model, tokenizer, TEXTS, explanations={"ferret": found})
    assert orders(result, "ferret") == [largest_first(each.scores) for each in found]
    assert_shown(result, "ferret")


def test_inseq():
    inseq = pytest.importorskip("inseq")
    torch.manual_seed(0)
    model, tokenizer, texts = gpt2().eval(), byte_level(), ["we loved it", "the cafe was naive"]
    explained = inseq.load_model(model, "saliency", tokenizer=tokenizer, device="cpu")
    found = explained.attribute(texts, generation_args={"max_new_tokens": 2}, show_progress=False)
    result = attnprobe.probe(model, tokenizer, texts, explanations={"saliency": found})
    expected = []
    for each in found.sequence_attributions:
        of_first = each.target_attributions[: each.attr_pos_start, 0].double()
        expected.append(largest_first(of_first.reshape(len(of_first), -1).sum(-1)))
    assert orders(result, "saliency") == expected
    assert_shown(result, "saliency")


def test_what_interpreto_says_of_words_is_a_column_of_scores(classifier):
    interpreto = pytest.importorskip("interpreto")
    model, tokenizer = classifier
    found = interpreto.Saliency(model, tokenizer, batch_size=4)(TEXTS)
    words = [each.attributions[0] for each in found]
    result = attnprobe.probe(
        model, tokenizer, TEXTS, explanations={"saliency": words}, unit="word", specials="out", subwords="sum"
    )
    assert orders(result, "saliency") == [largest_first(each) for each in words]
    assert_shown(result, "saliency")
