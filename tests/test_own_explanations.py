import numpy as np
import pandas as pd
import pytest
import torch

import attnprobe
from attnprobe.base.errors import InputError
from tests.test_any_model import FirstToken, batches

TEXTS = ["we loved unbelievably plantedpos !", "word0 word1 .", "the café was naïve ."]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(2)
    return FirstToken()


@pytest.fixture(scope="module")
def classifier():
    pytest.importorskip("transformers")
    from tests.fixtures.checkpoints import bert, wordpiece

    torch.manual_seed(0)
    return bert(classifier=True, num_labels=3, initializer_range=0.7), wordpiece()


def erased_by(result, name):
    rows = result.erasures[result.erasures["ordering"] == name]
    return rows.drop(columns="ordering").reset_index(drop=True)


def test_what_attention_itself_says_is_judged_as_attention_is(model):
    plain = attnprobe.probe(model, batches())
    arrays = []
    for batch in batches():
        arrays.append(np.full(batch["mask"].shape, np.nan))  # padding's scores are nobody's
    weights = iter(plain.items["weight"])
    for array, batch in zip(arrays, batches(), strict=True):
        array[batch["mask"].numpy()] = [next(weights) for _ in range(int(batch["mask"].sum()))]
    result = attnprobe.probe(
        model, batches(), explanations={"same": arrays, "twice": [arrays, [-each for each in arrays]]}
    )
    pd.testing.assert_frame_equal(erased_by(result, "same"), erased_by(result, "attention"))
    assert result.items["rank_same"].equals(result.items["rank_attention"])
    for column in ("top_item", "js_top", "flip_other"):
        assert result.documents[f"{column}_same"].equals(result.documents[column])
    twice = erased_by(result, "twice")
    assert twice["draw"].tolist() == [0, 1] * 6
    descending, ascending = (twice[twice["draw"] == draw]["removed"].tolist() for draw in (0, 1))
    assert descending == erased_by(result, "attention")["removed"].tolist()
    assert ascending == erased_by(result, "attention_ascending")["removed"].tolist()
    assert result.brought["same_permuted"].role is attnprobe.Role.CONTROL
    assert "top_item_same_permuted" in result.documents
    others = [name for name in plain.items if name in result.items]
    pd.testing.assert_frame_equal(result.items[others], plain.items)


def test_the_orders_of_own_explanations_are_those_of_their_scores(classifier):
    model, tokenizer = classifier
    ids = [tokenizer(text)["input_ids"] for text in TEXTS]
    generator = np.random.default_rng(0)
    scores = [generator.integers(-2, 3, len(each)) for each in ids]
    result = attnprobe.probe(model, tokenizer, TEXTS, explanations={"mine": scores})
    for document, items in result.items.groupby("document"):
        expected = sorted(range(len(items)), key=lambda i: (-scores[document][i], i))
        assert items["position"].to_numpy()[np.argsort(items["rank_mine"])].tolist() == expected
        twin = np.argsort(items["rank_mine_permuted"].to_numpy())
        assert sorted(twin) == list(range(len(items)))
    first = attnprobe.probe(model, tokenizer, TEXTS, explanations={"mine": scores}, specials="first").items
    assert (first[first["token"] == "[CLS]"]["rank_mine"] == 0).all()
    assert (first[first["token"] == "[SEP]"]["rank_mine"] == 1).all()


def test_words_and_stretches_of_text_are_words_of_the_model(classifier):
    model, tokenizer = classifier
    words = [[text.index(word) for word in text.split()] for text in TEXTS]  # a word's score is where it begins
    spans = [
        [(start, start + len(word), float(start)) for start, word in zip(starts, text.split(), strict=True)]
        for starts, text in zip(words, TEXTS, strict=True)
    ]
    both = {"words": words, "spans": spans}
    items = attnprobe.probe(model, tokenizer, TEXTS, explanations=both, unit="word", specials="last").items
    assert items["rank_words"].equals(items["rank_spans"])
    shown = items.sort_values(["document", "rank_words"]).groupby("document")["token"].apply(list).tolist()
    assert shown == [[*text.split()[::-1], "[CLS]", "[SEP]"] for text in TEXTS]


def test_special_tokens_that_are_no_items_are_never_erased(classifier):
    model, tokenizer = classifier
    result = attnprobe.probe(model, tokenizer, TEXTS, specials="out")
    inputs = dict(tokenizer(TEXTS, return_tensors="pt", padding=True, return_token_type_ids=False))
    attached = attnprobe.AttachedModel(model, inputs)
    assert not set(result.items["token"]) & {"[CLS]", "[SEP]"}
    assert np.allclose(result.items.groupby("document")["weight"].sum(), 1)
    with torch.no_grad():
        plain = torch.log_softmax(model(**inputs).logits.double(), -1)
        for row in result.items.itertuples():
            erased = torch.zeros(inputs["input_ids"].shape, dtype=torch.bool)
            erased[row.document, row.position + 1] = True
            with attached.erasing(erased, layers="last", query="first"):
                after = torch.log_softmax(model(**inputs).logits.double(), -1)
            expected = attnprobe.js_divergence(after, plain)[row.document].item()
            assert row.js == pytest.approx(expected, abs=1e-6)
    with pytest.raises(InputError, match="There is nothing but special tokens in document 1 of 2"):
        attnprobe.probe(model, tokenizer, ["word0", "[SEP]"], specials="out")


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ({"explanations": {"attention": []}}, InputError, "attention is an ordering of its own already"),
        ({"explanations": {"a": [], "a_permuted": []}}, InputError, "Two explanations are called 'a_permuted'"),
        ({"explanations": {"a b": []}}, InputError, "An explanation is called 'a b'; a name is of up to 40 letters"),
        ({"explanations": {f"a{i}": [] for i in range(30)}}, InputError, "There are 30 explanations; .* more than 64"),
        ({"explanations": [1.0]}, TypeError, "The explanations are list, but a table by name is needed"),
        ({"specials": "none"}, InputError, "specials is 'none', but one of own, first, last, out is needed"),
        ({"subwords": "max"}, InputError, "subwords is 'max', but one of sum, mean is needed"),
        ({"specials": "last"}, InputError, "Special tokens are known of texts, and of pictures"),
        ({"explanations": {"a": [torch.ones(4, 7)]}}, InputError, "a is of 1 batches, but there are 2"),
        (
            {"explanations": {"a": [torch.full((4, 7), torch.nan), torch.ones(2, 6)]}},
            InputError,
            "The explanation a, document 0: its score 0 is NaN",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused(model, given, error, sentence):
    with pytest.raises(error, match=sentence) as refused:
        attnprobe.probe(model, batches(), **given)
    assert len(str(refused.value).splitlines()) == 1


def test_captums_tensors_with_their_ids_go_in_by_one_line(classifier):
    captum = pytest.importorskip("captum.attr")
    model, tokenizer = classifier
    encoded = tokenizer(TEXTS, return_tensors="pt", padding=True, return_token_type_ids=False)

    def logits(ids, mask):
        return model(input_ids=ids, attention_mask=mask).logits

    decision = logits(**{"ids": encoded["input_ids"], "mask": encoded["attention_mask"]}).argmax(-1)
    gradients = captum.LayerIntegratedGradients(logits, model.get_input_embeddings())
    attributions = gradients.attribute(
        encoded["input_ids"], target=decision, additional_forward_args=(encoded["attention_mask"],), n_steps=4
    )
    result = attnprobe.probe(model, tokenizer, TEXTS, explanations={"ig": {"attributions": attributions, **encoded}})
    for document, items in result.items.groupby("document"):
        scores = attributions[document].sum(-1)[: len(items)].double().numpy()
        assert np.argsort(items["rank_ig"]).tolist() == np.argsort(-scores, kind="stable").tolist()
