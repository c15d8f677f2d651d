"""What any ordering of a transformer's documents can reach, against all orders by the slow reference."""

import itertools

import numpy as np
import pytest
import torch

from attnprobe.engines.attention_erasures import AttentionErasures
from attnprobe.erasure.curve_names import SCORES
from attnprobe.erasure.meaning import Meaning
from tests.fixtures.attached_models import attached, engines_of, key_mask, logits_by_hand, sets_to_tokens, words
from tests.fixtures.entries import registered, sure_above

MODELS = [("bert", "classification"), ("gpt2", "language-modelling"), ("torch", "mean-classification")]


def areas_by_hand(case, selected, items, decision):
    """Of each document the AOPC of all orders, of probability and logit (orders, 2), by a run a set."""
    sizes, scores = items.sizes.tolist(), [{} for _ in items.sizes]
    for chosen in itertools.chain(*(itertools.combinations(range(max(sizes)), k) for k in range(max(sizes) + 1))):
        logits = logits_by_hand(case, selected, sets_to_tokens(items, [set(chosen)] * len(sizes))).double()
        for document, size in enumerate(sizes):
            if not chosen or max(chosen) < size:
                y = decision[document]
                scores[document][frozenset(chosen)] = np.array([logits[document].softmax(-1)[y], logits[document, y]])
    for size, score in zip(sizes, scores, strict=True):
        orders = itertools.permutations(range(size))
        whole = score[frozenset()]
        yield np.stack([whole - np.mean([score[frozenset(o[:k])] for k in range(1, size + 1)], 0) for o in orders])


@pytest.mark.parametrize(("family", "task"), MODELS)
@pytest.mark.samples(1)
def test_limits_are_the_extremes_over_all_orders_whatever_the_engine(family, task):
    case = attached(family, task)
    selected = case.select()
    items = words(key_mask(case, selected))
    assert int(items.sizes.max()) <= 6
    engines = [case.engine(kind, selected) for kind in engines_of(case, selected)]
    by_hand = list(areas_by_hand(case, selected, items, engines[0].decision().tolist()))
    documents = torch.tensor([3, 0, 4])
    for engine in engines:
        erasures = AttentionErasures(engine, items, "mean")
        for place, score in enumerate(SCORES):
            found = erasures.aopc_limits(documents, score)
            expected = [[by_hand[d][:, place].min()] * 2 + [by_hand[d][:, place].max()] * 2 for d in documents]
            np.testing.assert_allclose(found, expected, atol=1e-4)


def test_what_is_found_of_a_document_does_not_hang_on_those_beside_it():
    case = attached("bert", "classification")
    selected = case.select()
    items = words(key_mask(case, selected))
    together = AttentionErasures(case.engine("replay", selected), items, "mean")
    alone = AttentionErasures(case.engine("replay", selected), items, "mean")
    found = together.aopc_limits(torch.arange(5), "logit")
    for document in (4, 1):
        assert torch.equal(alone.aopc_limits(torch.tensor([document]), "logit"), found[[document]])


def test_other_decisions_have_limits_of_how_sure_they_are_and_none_of_a_logit():
    with registered(confident=sure_above(0.6)):
        case = attached("bert", "classification")
        selected = case.select()
        engine = case.engine("single row", selected, meaning=Meaning(decision="confident"))
        erasures = AttentionErasures(engine, words(key_mask(case, selected)), "mean")
        assert erasures.aopc_limits(torch.arange(5), "logit") is None
        assert torch.isfinite(erasures.aopc_limits(torch.arange(5), "probability")).all()
