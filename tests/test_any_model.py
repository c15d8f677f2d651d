import numpy as np
import pandas as pd
import pytest
import torch

import attnprobe
from attnprobe.attention.calls import intercepting
from attnprobe.attention.refusals import RefusedError
from attnprobe.attention.taps import Tap
from attnprobe.attention.token_axes import TokenAxes
from attnprobe.base.errors import InputError
from attnprobe.erasure.curve_names import LIMIT_COLUMNS
from attnprobe.erasure.registered_orderings import OWN, always, chosen_orderings
from attnprobe.erasure.registered_ways import OWN as OWN_WAYS
from tests.fixtures.entries import registered, sure_above


class FirstToken(torch.nn.Module):
    """A user's own classifier: token vectors in, logits out, read from the first token."""

    def __init__(self):
        super().__init__()
        layer = torch.nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.encoder = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = torch.nn.Linear(16, 3)

    def forward(self, vectors, mask):
        return 10 * self.head(self.encoder(vectors, src_key_padding_mask=~mask)[:, 0])


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(2)
    return FirstToken()


def batches(sizes=((7, 5, 7, 4), (6, 3))):
    generator = torch.Generator().manual_seed(0)
    made = []
    for lengths in sizes:
        mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        made.append({"vectors": torch.randn(len(lengths), max(lengths), 16, generator=generator), "mask": mask})
    return made


def test_a_users_own_module_is_probed_in_batches(model):
    result = attnprobe.probe(model, batches())
    assert result.engine == "single row"
    assert result.documents["n"].tolist() == [7, 5, 7, 4, 6, 3]
    assert len(result.items) == 32
    np.testing.assert_allclose(result.items.groupby("document")["weight"].sum(), 1.0)
    everywhere = {name for name, ordering in attnprobe.ORDERINGS.items() if ordering.fits is always}
    assert set(result.erasures["ordering"]) == everywhere & set(chosen_orderings())
    more = attnprobe.probe(model, batches(), orderings=["all"])
    assert set(more.erasures["ordering"]) == set(OWN) - {"runner_up_margin", "shapley", "oracle", "greedy"}
    with pytest.raises(InputError, match="There is no ordering 'leave_one'; did you mean"):
        attnprobe.probe(model, batches(), orderings=["leave_one"])
    fractions = result.fractions()
    outcomes = fractions[["flipped_share", "emptied_share", "never_share"]]
    np.testing.assert_allclose(outcomes.sum(axis=1), 1)
    for name, rows in result.erasures.groupby("ordering", observed=True):
        erased = rows["fraction"].where((rows["removed"] > 0) & ~rows["emptied"], 1)
        assert fractions.loc[name, "restricted_mean"] == pytest.approx(np.mean(erased))


def test_whole_curves_and_limits_are_asked_for_as_of_a_run(model):
    plain, curved = attnprobe.probe(model, batches()), attnprobe.probe(model, batches(), curves=True)
    limited = attnprobe.probe(model, batches(), limits=4)
    assert plain.curves is None
    pd.testing.assert_frame_equal(curved.curves, limited.curves)
    for other in (curved, limited):
        for before, after in (
            (getattr(of, name) for of in (plain, other)) for name in ("documents", "erasures", "items")
        ):
            pd.testing.assert_frame_equal(before, after[before.columns])
    assert not set(curved.documents) & set(LIMIT_COLUMNS)
    keys = ["document", "ordering", "draw"]
    rows = limited.curves.groupby(keys, observed=True)["removed"].agg(list)
    assert rows.tolist() == [list(range(n + 1)) for n in plain.documents["n"] for _ in range(len(rows) // 6)]
    ends = limited.documents.set_index("document")[list(LIMIT_COLUMNS)].dropna()
    assert ends.shape == (4, 8)
    for score in ("probability", "logit"):
        fall = limited.curves.groupby(keys, observed=True)[score].agg(lambda of: of.iloc[0] - of.iloc[1:].mean())
        for document, area in zip(fall.index.get_level_values("document"), fall, strict=True):
            if document in ends.index:
                least, most = (ends.loc[document, f"aopc_{score}_{end}"] for end in ("lower_low", "upper_high"))
                assert least - 1e-5 <= area <= most + 1e-5
    with pytest.raises(InputError, match=r"limits is -1, but a whole number of at least 0 is needed\."):
        attnprobe.probe(model, batches(), limits=-1)
    with pytest.raises(TypeError, match="curves is str, but True or False is needed"):
        attnprobe.probe(model, batches(), curves="yes")  # type: ignore[arg-type]


def test_the_results_are_those_of_erasing_by_hand(model):
    batch = batches()[0]
    result = attnprobe.probe(model, [batch], layers="all", greedy=True)
    attached = attnprobe.AttachedModel(model, batch)
    with torch.no_grad():
        decision = model(**batch).argmax(-1)
    for row in result.items.itertuples():
        erased = torch.zeros_like(batch["mask"])
        erased[row.document, row.position] = True
        with torch.no_grad(), attached.erasing(erased, layers="all"):
            after = model(**batch).argmax(-1)
        assert row.flips == bool(after[row.document] != decision[row.document])
    greedy = result.erasures[result.erasures["ordering"] == "greedy"]
    assert len(greedy) == len(batch["mask"])


class Zeroed(Tap):
    def __init__(self, erased):
        self._keys = erased[:, None, None]

    def edit(self, weights, scores):
        return weights.masked_fill(self._keys, 0.0)


def test_another_way_and_decision_are_those_of_erasing_by_hand(model):
    batch = batches()[0]
    with registered(sure=sure_above(0.85)):
        result = attnprobe.probe(model, [batch], erase_by="zero", decision="sure")
    site = attnprobe.AttachedModel(model, batch).sites[-1]
    sure = {}
    for item in (None, *range(7)):
        erased = torch.zeros_like(batch["mask"])
        if item is not None:
            erased[:, item] = True
        with torch.no_grad(), intercepting(model, dict([site.tapped(Zeroed(erased))])):
            sure[item] = model(**batch).softmax(-1).amax(-1) > 0.85
    assert result.documents["decision"].tolist() == sure[None].tolist()
    for row in result.items.itertuples():
        assert row.flips == bool(sure[row.position][row.document] != sure[None][row.document])
    assert result.items["flips"].any()
    assert "not to renormalise, but “Zero” (zero)" in result._repr_html_()


def test_the_page_of_several_ways_is_that_of_the_first(model):
    result = attnprobe.probe(model, batches(), erase_by=["zero", "renormalise"])
    assert "not to renormalise, but “Zero” (zero)" in result._repr_html_()


def test_further_ways_are_measured_beside_the_first_as_they_are_alone(model):
    reference = batches(((5, 6, 4), (8, 3)))
    several = attnprobe.probe(model, batches(), erase_by=list(OWN_WAYS), reference=reference)
    assert several.erasures["erase_by"].unique().tolist() == list(OWN_WAYS)
    for way in OWN_WAYS:
        asked = ["zero", way] if way == "resample" else way
        given = {"reference": reference} if way in ("corpus_mean", "resample") else {}
        alone = attnprobe.probe(model, batches(), erase_by=asked, **given)
        pd.testing.assert_frame_equal(several.fractions(way), alone.fractions(way))
        suffix = "" if way == "renormalise" else f"_{way}"
        own = f"_{way}" if way == "resample" else ""
        for column in ("js_top", "flip_other"):
            one, other = several.documents[column + suffix], alone.documents[column + own]
            np.testing.assert_allclose(one.astype(float), other.astype(float), rtol=1e-3, atol=1e-8)
        np.testing.assert_allclose(several.items[f"js{suffix}"], alone.items[f"js{own}"], rtol=1e-3, atol=1e-8)
    assert len({tuple(several.items[f"js{suffix}"]) for suffix in ("", "_zero", "_document_mean", "_corpus_mean")}) == 4
    with pytest.raises(InputError, match="Nothing was erased by 'halve'; what was asked for: renormalise, zero"):
        several.fractions("halve")


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        (
            {"erase_by": "renormalize"},
            InputError,
            "There is no way of erasing 'renormalize'; did you mean",
        ),
        ({"decision": "classes"}, InputError, "There is no decision 'classes'; did you mean"),
        ({"erase_by": None}, TypeError, "erase_by is NoneType, but a name is needed, or several"),
        ({"erase_by": []}, InputError, "erase_by names no way of erasing: name one, as renormalise, or several"),
        ({"erase_by": ["zero", "zero"]}, InputError, "erase_by names a way of erasing twice"),
        ({"erase_by": "resample"}, InputError, "several vectors are drawn for it, so that it is only measured beside"),
        (
            {"erase_by": ["renormalise", "corpus_mean"]},
            InputError,
            "corpus_mean puts what attention gives of training documents in the place of what is erased: give some of",
        ),
        ({"decision": 3}, TypeError, "decision is int, but a name is needed"),
    ],
)
def test_a_way_or_decision_that_there_is_not_is_told(model, given, error, sentence):
    with pytest.raises(error, match=sentence):
        attnprobe.probe(model, batches(), **given)


def test_batches_change_rounding_only(model):
    whole, parts = batches()[0], []
    for row, size in enumerate((7, 5, 7, 4)):
        parts.append({name: tensor[row : row + 1, :size] for name, tensor in whole.items()})
    pairs = [{name: torch.cat([part[name] for part in (parts[0], parts[2])]) for name in whole}, parts[1], parts[3]]
    one = attnprobe.probe(model, [whole], seed=3)
    other = attnprobe.probe(model, pairs, seed=3)
    order = [0, 2, 1, 3]
    np.testing.assert_allclose(one.documents["js_top"].to_numpy()[order], other.documents["js_top"], atol=1e-5)
    removed = one.erasures.pivot(index="document", columns=["ordering", "draw"], values="removed")
    again = other.erasures.pivot(index="document", columns=["ordering", "draw"], values="removed")
    assert (removed.to_numpy()[order] == again.to_numpy()).all()  # the random draws too: they are the document's own


def test_what_cannot_be_probed_is_refused_in_one_sentence(model):
    with pytest.raises(InputError, match="no batches"):
        attnprobe.probe(model, [])
    with pytest.raises(InputError, match="tokenizer and texts"):
        attnprobe.probe(model, batches(), unit="word")
    with pytest.raises(InputError, match="there is no 9"):
        attnprobe.probe(model, batches(), heads="9")
    with pytest.raises(RefusedError, match="no softmax attention"):
        attnprobe.probe(
            torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(3)), [{"input": torch.ones(4, 3, 2)}]
        )


@pytest.mark.parametrize("name", ["mask", "attention_mask", "src_key_padding_mask", "decoder_attention_mask"])
def test_a_mask_among_the_inputs_holds_zeros_and_ones(name):
    """Or what is added to scores: 0 where a token is real, −∞ where it is not."""
    real = torch.tensor([[1, 1, 1], [1, 1, 0]])
    inputs = {"input_ids": real} | ({"decoder_input_ids": real} if name.startswith("decoder") else {})
    marks = 1 - real if "padding" in name else real
    for kind in (marks, marks.bool(), marks.double(), real.double().log(), (real - 1) * torch.finfo().max):
        axes = TokenAxes.of(inputs | {name: kind}, torch.nn.Identity())
        found = axes.target if name.startswith("decoder") else axes.source
        assert torch.equal(found, real == 1)
    for wrong, sentence in (
        (real.double() * -0.5, "0 and 1 or Booleans"),
        (real * 7, "holds 7"),
        (real.tolist(), "is list"),
    ):
        with pytest.raises(InputError, match=rf"{name} .*{sentence}"):
            TokenAxes.of(inputs | {name: wrong}, torch.nn.Identity())


def test_texts_with_a_tokenizer_and_words():
    pytest.importorskip("transformers")
    from tests.fixtures.checkpoints import bert, wordpiece

    torch.manual_seed(0)
    classifier = bert(classifier=True, num_labels=3, initializer_range=0.5)
    texts = ["word0 unbelievably plantedpos .", "we loved word11 !", "naïve words cross nothing but words"]
    result = attnprobe.probe(classifier, wordpiece(), texts, unit="word")
    further = attnprobe.probe(
        classifier, wordpiece(), texts, unit="word", erase_by=("renormalise", "corpus_mean"), reference=texts[::-1]
    )
    pd.testing.assert_frame_equal(further.documents[result.documents.columns], result.documents)
    pd.testing.assert_frame_equal(further.items[result.items.columns], result.items)
    assert (further.items["js_corpus_mean"] != further.items["js"]).all()
    tokens = result.items.groupby("document")["token"].agg(list)
    assert tokens[0] == ["[CLS]", "word0", "unbelievably", "plantedpos", ".", "[SEP]"]
    assert "label" not in result.documents


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (["word0", "  "], "Text 1 is blank"),
        ("word0", "one string"),
        ([], "There are no texts"),
        (["word0", None], "Text 1 is missing: it is None"),
        ([["word0", "word1"]], "Text 0 is no string, but list"),
        (["word0 \ud83d"], "Text 0 holds half of a surrogate pair"),
    ],
)
def test_what_is_no_text_is_refused_in_a_sentence(texts, sentence):
    pytest.importorskip("transformers")
    from tests.fixtures.checkpoints import bert, wordpiece

    with pytest.raises(InputError, match=sentence):
        attnprobe.probe(bert(classifier=True), wordpiece(), texts)


@pytest.mark.parametrize("given", [np.array, lambda texts: (text for text in texts)], ids=["array", "generator"])
def test_texts_may_come_in_an_array_or_one_after_another(given):
    pytest.importorskip("transformers")
    from tests.fixtures.checkpoints import bert, wordpiece

    torch.manual_seed(0)
    classifier, texts = bert(classifier=True, num_labels=3), ["word0 word1 .", "we loved word11 !"]
    expected = attnprobe.probe(classifier, wordpiece(), texts)
    pd.testing.assert_frame_equal(attnprobe.probe(classifier, wordpiece(), given(texts)).items, expected.items)


def test_a_unit_that_there_is_none_of_is_refused():
    with pytest.raises(InputError, match="unit must be token or word, not 'sentence'"):
        attnprobe.probe(None, None, ["word0"], unit="sentence")


def test_words_are_erased_with_all_their_pieces():
    pytest.importorskip("transformers")
    from tests.fixtures.checkpoints import bert, wordpiece

    torch.manual_seed(0)
    classifier = bert(classifier=True, num_labels=3, initializer_range=0.5)
    tokenizer = wordpiece()
    text = "we loved unbelievably plantedpos !"
    result = attnprobe.probe(classifier, tokenizer, [text, "we loved it !"], unit="word")
    pieces = tokenizer(text, return_offsets_mapping=True, return_tensors="pt")
    offsets = pieces.pop("offset_mapping")[0].tolist()
    start = text.index("unbelievably")
    inside = [start <= a < b <= start + len("unbelievably") for a, b in offsets]
    assert sum(inside) > 1
    inputs = {"input_ids": pieces["input_ids"].repeat(2, 1), "attention_mask": pieces["attention_mask"].repeat(2, 1)}
    attached = attnprobe.AttachedModel(classifier, inputs)
    with torch.no_grad():
        plain = torch.log_softmax(classifier(**inputs).logits.double(), -1)
        with attached.erasing(torch.tensor([inside] * 2), layers="last"):
            after = torch.log_softmax(classifier(**inputs).logits.double(), -1)
    word = result.items[(result.items["document"] == 0) & (result.items["token"] == "unbelievably")]
    assert word["js"].item() == pytest.approx(attnprobe.js_divergence(after, plain)[0].item(), abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((torch.nn.Linear(2, 2), len), "texts are needed"),
        ((torch.nn.Linear(2, 2), 3), "int is neither a tokenizer nor batches"),
        ((torch.nn.Linear(2, 2), ["text"]), "Batch 0 is str"),
        ((torch.nn.Linear(2, 2), [{"x": torch.ones(2, 2, 2)}], ["text"]), "Texts need a tokenizer"),
        ((None, [{"x": torch.ones(2, 2, 2)}]), "The model is NoneType"),
        ((None, len, ["text"]), "The model is NoneType"),
    ],
)
def test_what_is_no_model_tokenizer_or_batch_is_told(arguments, sentence):
    with pytest.raises(TypeError, match=sentence) as refused:
        attnprobe.probe(*arguments)
    assert len(str(refused.value).splitlines()) == 1
