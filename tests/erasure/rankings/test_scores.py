"""What further orderings rank by, against automatic differentiation, loops over items and a readout written out."""

import itertools
import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from attnprobe.base.errors import InputError
from attnprobe.erasure.battery import orders_of
from attnprobe.erasure.erasable import Erasable
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.rankings import (
    gradient_sign,
    integrated_gradients,
    leave_one_out,
    output_shares,
    runner_up_margin,
    shapley,
)
from attnprobe.erasure.registered_orderings import (
    ALL,
    ORDERINGS,
    OWN,
    ToldBefore,
    cannot_be_made,
    chosen_orderings,
)
from attnprobe.models.pooled.closed_forms import PooledErasures
from attnprobe.models.pooled.stepwise import StepwiseErasures
from tests.fixtures.entries import HALVES, registered, sure_above


@pytest.fixture(params=[(2, 0), (3, 1), (5, 2)], ids=["two classes", "three", "five"])
def case(request):
    """Values, scores, mask and readout of six documents in float64: one has one item, one a weight of zero."""
    classes, seed = request.param
    draw = torch.Generator().manual_seed(seed)
    sizes = torch.tensor([1, 2, 5, 7, 7, 4])
    mask = torch.arange(7) < sizes[:, None]
    values = torch.randn(6, 7, 4, generator=draw, dtype=torch.float64)
    scores = 2 * torch.randn(6, 7, generator=draw, dtype=torch.float64)
    scores[3, 2] = -torch.inf
    readout = nn.Linear(4, classes, dtype=torch.float64)
    with torch.no_grad():
        readout.weight.copy_(3 * torch.randn(classes, 4, generator=draw, dtype=torch.float64))
        readout.bias.copy_(torch.randn(classes, generator=draw, dtype=torch.float64))
    return values, scores, mask, readout


def batch_of(case):
    return Erasable(PooledErasures(*case), torch.arange(6))


def weights_of(case):
    _, scores, mask, _ = case
    return torch.softmax(scores.masked_fill(~mask, -torch.inf), dim=-1)


def logits_of(case, weights):
    """Of weights (batch, items) as they are: not normalised."""
    values, _, _, readout = case
    return readout(torch.einsum("bi,bid->bd", weights, values))


def decided(case):
    return logits_of(case, weights_of(case)).argmax(-1)


def without(case, document, item):
    """The logits of a document without an item, the others renormalised; of nothing, the bias."""
    weights = weights_of(case)[document].clone()
    weights[item] = 0.0
    if weights.sum() == 0:
        return case[3].bias
    return case[3]((weights / weights.sum()) @ case[0][document])


def by_loop(case, of):
    mask = case[2]
    table = torch.zeros(mask.shape, dtype=torch.float64)
    for document, item in mask.nonzero().tolist():
        table[document, item] = of(document, item)
    return table


def check(case, found, expected):
    mask = case[2]
    torch.testing.assert_close(found[mask].detach(), expected[mask].detach(), atol=1e-10, rtol=1e-9)


def test_leaving_one_out_is_a_loop_over_items(case):
    batch, whole, y = batch_of(case), logits_of(case, weights_of(case)), decided(case)
    expected = by_loop(case, lambda d, i: (whole[d].softmax(-1) - without(case, d, i).softmax(-1))[y[d]])
    check(case, leave_one_out.drop_of_probability(batch), expected)
    expected = by_loop(case, lambda d, i: -without(case, d, i)[y[d]])
    check(case, leave_one_out.drop_of_logit(batch), expected)


def test_the_margin_to_the_runner_up_is_what_the_item_adds(case):
    whole, y, weights = logits_of(case, weights_of(case)), decided(case), weights_of(case)
    second = whole.topk(2).indices[:, 1]
    alone = case[3](case[0])
    expected = by_loop(case, lambda d, i: weights[d, i] * (alone[d, i, y[d]] - alone[d, i, second[d]]))
    check(case, runner_up_margin.margin(batch_of(case)), expected)


def test_shapley_values_are_means_over_all_orders(case):
    """What an item adds to y's logit where it comes, in the mean over every order of the document's items."""
    mask, y = case[2], decided(case)

    def of(document, item):
        if not weights_of(case)[document, item]:
            return 0.0
        real = [j for j in mask[document].nonzero()[:, 0].tolist() if weights_of(case)[document, j]]
        others, total = [j for j in real if j != item], 0.0
        for size in range(len(others) + 1):
            for kept in itertools.combinations(others, size):
                orders = math.factorial(size) * math.factorial(len(others) - size)
                added = kept_alone(case, document, [*kept, item]) - kept_alone(case, document, kept)
                total += orders * float(added[y[document]])
        return total / math.factorial(len(real))

    check(case, shapley.of_logit(batch_of(case)), by_loop(case, of))


def kept_alone(case, document, kept):
    """The logits of some items alone, renormalised; of none the bias."""
    weights = torch.zeros_like(weights_of(case)[document])
    weights[list(kept)] = weights_of(case)[document][list(kept)]
    return case[3]((weights / weights.sum()) @ case[0][document]) if len(kept) else case[3].bias


@pytest.mark.parametrize("of", ["logit", "probability"])
@pytest.mark.samples(2)
def test_integrated_gradients_are_those_of_a_fine_sum_and_add_up(case, of):
    weights, y = weights_of(case), decided(case)

    def output(part):
        logits = logits_of(case, part)
        return (logits if of == "logit" else logits.softmax(-1)).gather(1, y[:, None]).sum()

    expected = torch.zeros_like(weights)
    steps = 1000
    for step in range(steps):
        part = (weights * (step + 0.5) / steps).requires_grad_()
        expected += torch.autograd.grad(output(part), part)[0] * weights / steps
    found = getattr(integrated_gradients, f"of_{of}")(batch_of(case))
    torch.testing.assert_close(found[case[2]], expected[case[2]], atol=1e-5, rtol=1e-4)
    gained = output(weights) - output(torch.zeros_like(weights))
    torch.testing.assert_close(found.sum(), gained.detach(), atol=1e-10, rtol=1e-9)


@pytest.mark.parametrize("gap", [5.0, 20.0, 80.0])
def test_integrated_gradients_add_up_however_far_a_margin_moves(gap):
    """One item that moves the margin of two classes by so much, from wherever the bias has it."""
    biases = torch.linspace(-gap, 5.0, 40, dtype=torch.float64)
    for bias in biases:
        readout = nn.Linear(1, 2, dtype=torch.float64)
        with torch.no_grad():
            readout.weight.copy_(torch.tensor([[0.0], [gap]], dtype=torch.float64))
            readout.bias.copy_(torch.tensor([0.0, float(bias)], dtype=torch.float64))
        one = torch.ones(1, 1, dtype=torch.float64)
        batch = Erasable(PooledErasures(one[..., None], one, one.bool(), readout), torch.arange(1))
        p = torch.stack([bias, bias + gap]).sigmoid()
        gained = (p[1] - p[0]) * (1 if int(batch.decision()) else -1)
        found = integrated_gradients.of_probability(batch).sum()
        torch.testing.assert_close(found, gained, atol=1e-12, rtol=0)


def test_shares_of_the_output_are_those_of_the_vectors(case):
    values, weights, batch = case[0], weights_of(case), batch_of(case)
    parts = weights[..., None] * values
    output = parts.masked_fill(~case[2][..., None], 0.0).sum(1, keepdim=True)
    check(case, output_shares.norm(batch), parts.norm(dim=-1))
    share = output_shares.contribution(batch)
    check(case, share, (parts * output).sum(-1) / output.square().sum(-1))
    torch.testing.assert_close((share * case[2]).sum(-1), torch.ones(6, dtype=torch.float64), atol=1e-10, rtol=1e-9)
    several = case[2] & (case[2].sum(-1, keepdim=True) > 1)
    turned = 1 - functional.cosine_similarity(output.expand_as(parts), output - parts, dim=-1)
    torch.testing.assert_close(output_shares.value_zeroing(batch)[several], turned[several], atol=1e-8, rtol=1e-7)
    assert output_shares.value_zeroing(batch)[0, 0] == 1.0  # nothing is left of one item


def test_signed_attention_is_ascending_where_the_sign_is_lost(case):
    """As the released code of 2019 has it: there the sign is −1 of all items."""
    batch = batch_of(case)
    found = gradient_sign.signed_attention(batch)
    check(case, found, batch.attention.gradients.sign() * weights_of(case))
    lost = (-weights_of(case)).masked_fill(~case[2], -torch.inf)
    order = lost.argsort(dim=-1, descending=True, stable=True)
    ascending = ORDERINGS["attention_ascending"].rank(batch, torch.zeros(6, dtype=torch.int64))[0]
    assert torch.equal(order, ascending)


def test_what_is_asked_for_is_added_and_changes_no_order_of_another(case):
    batch, seeds = batch_of(case), torch.arange(6)
    usual, asked, every = (orders_of(batch, seeds, chosen_orderings(further)) for further in ((), ("norm",), (ALL,)))
    assert set(asked) == {*usual, "norm"}
    assert "runner_up_margin" in usual
    assert set(every) == set(OWN) - {"greedy", "rollout", "chefer"}
    for name, order in usual.items():
        assert torch.equal(order.of_all, every[name].of_all)
        assert torch.equal(order.of_all, asked[name].of_all)
    assert list(chosen_orderings(["norm"])) == [name for name in ORDERINGS if name in asked or name == "greedy"]


@pytest.mark.parametrize("name", ["rollout", "chefer"])
def test_what_one_pooled_row_does_not_have_is_refused_where_it_is_asked_for_by_name(case, name):
    batch, seeds = batch_of(case), torch.arange(6)
    with pytest.raises(InputError, match=f"^The ordering {name} cannot be made of this model: it needs several lay"):
        orders_of(batch, seeds, chosen_orderings([name]))


@pytest.mark.parametrize("meaning", [Meaning(), Meaning(erase_by="halves"), Meaning(decision="sure")], ids=str)
def test_what_settings_refuse_is_what_one_pooled_row_does_not_have(case, meaning):
    """Known before there is a model: of one row all that an ordering needs is in the settings."""
    told = ToldBefore(True, meaning.renormalises, meaning.decides_classes)
    asked = [name for name, ordering in OWN.items() if ordering.on_request]
    with registered(halves=HALVES, sure=sure_above(0.5)):
        erasures = PooledErasures(*case) if meaning == Meaning() else StepwiseErasures(*(*case, meaning))
        batch = Erasable(erasures, torch.arange(6))
        fitting = [name for name in asked if OWN[name].fits(batch)]
    assert fitting == [name for name in asked if cannot_be_made([name], told) is None]


def test_set_by_set_the_numbers_are_the_same(case):
    """Whatever the engine, where it means the same by erased and by decided."""
    closed, stepwise = batch_of(case), Erasable(StepwiseErasures(*(*case, Meaning())), torch.arange(6))
    for score in (leave_one_out.drop_of_probability, leave_one_out.drop_of_logit, output_shares.contribution):
        check(case, score(stepwise), score(closed))
