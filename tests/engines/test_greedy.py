"""The greedy ordering: after each removal the gradient is asked again, as in a plain loop over the reference."""

import pytest
import torch

from attnprobe.engines.greedy import greedy_order
from attnprobe.engines.items import Items
from tests.fixtures.attached_models import (
    MODELS,
    Case,
    attached,
    decision_logits,
    engines_of,
    erased_weights,
    key_mask,
    rows_named,
    tokens_of,
    words,
)
from tests.reference.transformers import reference_attention, reference_logits, reference_logits_given


def rates_of_erasing(weights, gradients):
    """How fast the probability falls (K,) when a key's weight shrinks in these rows (H, Q, K), which keep their sums.

    Moving the share ε of a_i to the other weights in proportion changes a row by −ε a_i at i and by +ε a_i a_j / Σ a at
    every j, up to what is of second order.
    """
    sums = weights.sum(-1, keepdim=True)
    means = (weights * gradients).sum(-1, keepdim=True) / sums.clamp(min=1e-300)
    return (weights * (gradients - means)).masked_fill(sums <= 0, 0.0).sum((0, 1))


def greedy_by_hand(case, selected, items, document):
    """Items in the order of their removal, until the decision flips: next goes what makes it fall fastest."""
    case = Case(
        case.attachment,
        {name: of[document : document + 1] if torch.is_tensor(of) else of for name, of in case.inputs.items()},
    )
    (chosen,) = selected
    key = (chosen.site.stack, chosen.site.layer)
    rows = (rows_named(chosen.query, case.real(key[0], "queries")) & case.real(key[0], "queries"))[0]
    sizes, heads = int(items.mask[document].sum()), chosen.heads
    removed, decided = [], None
    while True:
        tokens = torch.zeros_like(items.of_token[:1], dtype=torch.bool)
        tokens[0] = tokens_of(items, document, removed)
        erased = erased_weights(case, selected, tokens)
        logits = decision_logits(reference_logits(case.model, case.inputs, erased), case.inputs)[0]
        decided = int(logits.argmax()) if decided is None else decided
        if logits.argmax() != decided or len(removed) == sizes:
            return removed
        weights = reference_attention(case.model, case.inputs, erased)[key].requires_grad_()
        logits = decision_logits(reference_logits_given(case.model, case.inputs, {key: weights}), case.inputs)
        (gradient,) = torch.autograd.grad(logits[0].softmax(-1)[decided], weights)
        rates = rates_of_erasing(weights.detach()[0][heads][:, rows], gradient[0][heads][:, rows])
        fall = {
            item: float(rates[tokens_of(items, document, [item])].sum()) for item in range(sizes) if item not in removed
        }
        removed = [*removed, max(fall, key=lambda item: (fall[item], -item))]


ALL_ROWS_OFTEN = [("bert", "classification"), ("llama", "classification"), ("t5", "classification")]
SELDOM = [model for number, model in enumerate(MODELS) if model[0] in [family for family, _ in MODELS[:number]]]
"""Further tasks of a family: what is read and what decides is that of the tasks before in another family."""
OFTEN = [("gpt2", "language-modelling"), ("torch", "mean-classification")]
"""Of these, those whose decision is that of one token, or of the mean of all."""


def seldom(model, query):
    return model not in ALL_ROWS_OFTEN if query == "all" else model in SELDOM and model not in OFTEN


@pytest.mark.parametrize(
    ("family", "task", "query"),
    [
        pytest.param(*model, query, marks=[pytest.mark.slow] * seldom(model, query))
        for model in MODELS
        for query in ("auto", "all")
    ],
)
@pytest.mark.samples(4)
def test_the_greedy_ordering_is_a_plain_loop(family, task, query):
    case = attached(family, task, "eager" if family == "deberta-v2" else "sdpa", "right", torch.float64)
    selected = case.select(heads="0,2,3", query=query)
    real = key_mask(case, selected)
    for items in (Items.single_tokens(real), words(real)):
        orders = [greedy_order(case.engine(kind, selected), items) for kind in engines_of(case, selected)]
        for document in range(2):
            expected = greedy_by_hand(case, selected, items, document)
            for order in orders:
                found = order[document].tolist()
                assert found[: len(expected)] == expected
                assert set(found[len(expected) :]) <= {-1}
