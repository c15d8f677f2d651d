"""A softmax that a model writes out, or leaves to a kernel of a library, is edited, or refused in true words."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from attnprobe.attention.attachment import attach
from attnprobe.attention.model_call import ModelCall
from attnprobe.attention.refusals import RefusedError
from attnprobe.attention.selection import select
from attnprobe.engines.choice import FORWARD, REPLAY, make_engine
from attnprobe.settings.attention import AttentionSettings
from tests.fixtures.hand_written import Attention, Classifier, documents


class Written(Attention):
    """Attention without ``softmax``, in the ways that people write it."""

    def log_then_exp(self, queries, keys, values, mask):
        return functional.log_softmax(self.scores(queries, keys, mask), dim=-1).exp() @ values

    def minus_log_sum(self, queries, keys, values, mask):
        scores = self.scores(queries, keys, mask)
        return torch.exp(scores - torch.logsumexp(scores, dim=-1, keepdim=True)) @ values

    def exp_over_sum(self, queries, keys, values, mask):
        scores = self.scores(queries, keys, mask)
        mass = torch.exp(scores - scores.amax(-1, keepdim=True))
        return (mass / mass.sum(-1, keepdim=True)) @ values

    def masked_exp_over_sum(self, queries, keys, values, mask):
        """The mask and a small number come after the exponential."""
        scores = queries @ keys.transpose(-2, -1) / 6**0.5
        mass = (scores - scores.amax(-1, keepdim=True)).exp() * mask
        return (mass / (mass.sum(dim=-1, keepdim=True) + 1e-12)) @ values

    def hidden_exp_over_sum(self, queries, keys, values, mask):
        scores = queries @ keys.transpose(-2, -1) / 6**0.5
        mass = torch.exp(scores - scores.amax(-1, keepdim=True)).masked_fill(~mask, 0.0)
        mass = mass / mass.sum(-1).unsqueeze(-1)
        return mass @ values

    def normalised(self, queries, keys, values, mask):
        scores = self.scores(queries, keys, mask)
        return functional.normalize(torch.exp(scores - scores.amax(-1, keepdim=True)), p=1, dim=-1) @ values

    def kernel(self, queries, keys, values, mask):
        return torch.ops.attnprobe_tests.fused_attention(queries, keys, values, mask)

    def kernel_tokens_first(self, queries, keys, values, mask):
        turned = [part.transpose(1, 2) for part in (queries, keys, values)]
        return torch.ops.attnprobe_tests.tokens_first_attention(*turned, mask).transpose(1, 2)

    def kernel_of_another_kind(self, queries, keys, values, mask):
        return torch.ops.attnprobe_tests.other_attention(queries, keys, values, mask)

    def not_followed(self, queries, keys, values, mask):
        mass = torch.exp(self.scores(queries, keys, mask))
        return torch.einsum("bhqk,bhq->bhqk", mass, 1 / torch.einsum("bhqk->bhq", mass)) @ values


@pytest.fixture(scope="module", autouse=True)
def kernels():
    """Attention that torch sees as one call each: rows of tokens behind heads, before them, and no average at all."""
    with torch.library._scoped_library("attnprobe_tests", "DEF") as library:
        for name, function in (("fused", _fused), ("tokens_first", _tokens_first), ("other", _other)):
            library.define(f"{name}_attention(Tensor query, Tensor key, Tensor value, Tensor mask) -> Tensor")
            library.impl(f"{name}_attention", function, "CompositeImplicitAutograd")
        yield


def _fused(query, key, value, mask):
    scores = (query @ key.transpose(-2, -1) / 6**0.5).masked_fill(~mask, -torch.inf)
    return torch.softmax(scores, dim=-1) @ value


def _tokens_first(query, key, value, mask):
    query, key, value = (part.transpose(1, 2) for part in (query, key, value))
    return _fused(query, key, value, mask).transpose(1, 2)


def _other(query, key, value, mask):
    return torch.tanh(_fused(query, key, value, mask))


FOLLOWED = [
    "log_then_exp", "minus_log_sum", "exp_over_sum", "masked_exp_over_sum", "hidden_exp_over_sum", "normalised",
    "kernel", "kernel_tokens_first",
]  # fmt: skip


def written(how):
    model = Classifier((how, how))
    for block in model.blocks:
        block.__class__ = Written
    return model


@pytest.mark.parametrize("how", FOLLOWED)
@torch.no_grad()
def test_a_softmax_that_is_written_out_or_in_a_kernel_is_edited_as_by_hand(how):
    model, inputs = written(how), documents()
    attachment = attach(ModelCall(model), inputs)
    assert [str(site.place) for site in attachment.sites.attention] == ["blocks.0", "blocks.1"]
    assert ["kernel" in site.kernel or "attention" in site.kernel for site in attachment.sites.attention] == (
        [how.startswith("kernel")] * 2
    )
    torch.testing.assert_close(model.logits_by_hand(**inputs, erased={}), model(**inputs), rtol=0, atol=1e-5)
    some = (torch.rand(inputs["mask"].shape, generator=torch.Generator().manual_seed(3)) < 0.5) & inputs["mask"]
    for tokens in (some, inputs["mask"]):
        for layers, erased in (("0", {0: tokens}), ("all", {0: tokens, 1: tokens})):
            settings = AttentionSettings(layers=layers, query="all")
            selected = select(attachment.sites, settings, attachment.auto())
            expected = model.logits_by_hand(**inputs, erased=erased)
            for kind in (FORWARD, REPLAY):
                ((_, found),) = make_engine(kind, attachment, selected, inputs).evaluate(torch.arange(5), tokens)
                torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("how", ["exp_over_sum", "masked_exp_over_sum", "log_then_exp", "kernel"])
def test_gradients_of_what_is_written_out_are_those_of_softmax(how):
    inputs = documents()
    slopes = []
    for each in (how, "softmax"):
        model = written(each)
        attachment = attach(ModelCall(model), inputs)
        selected = select(attachment.sites, AttentionSettings(layers="all", query="all"), attachment.auto())
        engine = make_engine(FORWARD, attachment, selected, inputs)
        slopes.append([layer.gradients.sum((1, 2))[inputs["mask"]] for layer in engine.attended])
    for one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


def refusal(how):
    with pytest.raises(RefusedError) as caught:
        attach(ModelCall(written(how)), documents())
    return str(caught.value)


def test_exponentials_that_are_not_followed_are_told():
    assert refusal("not_followed") == (
        "The model has no softmax attention over tokens that can be seen: at blocks.0 it takes exponentials of shape "
        "(5, 2, 11, 11), and divides them by their sum in a way that is not followed."
    )


def test_a_kernel_that_does_not_average_is_told():
    assert refusal("kernel_of_another_kind") == (
        "Attention at blocks.0 is computed by attnprobe_tests::other_attention, whose weights cannot be read: identity "
        "matrices in the place of its values do not give them."
    )


def test_exponentials_of_other_things_are_no_attention():
    class Growing(nn.Module):
        """A positive factor, and shares of features that are written out."""

        def __init__(self):
            super().__init__()
            self.inner = Classifier(("softmax",))

        def forward(self, x, mask):
            mass = torch.exp(x * 0.1)
            return self.inner(x * (mass / mass.sum(-1, keepdim=True)), mask)

    attachment = attach(ModelCall(Growing().eval()), documents())
    assert [str(site.place) for site in attachment.sites.attention] == ["inner.blocks.0"]
