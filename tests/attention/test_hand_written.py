"""Attention that users write in their own modules is found, whatever its layout, and edited as it should be."""

import pytest
import torch
from torch import nn

from attnprobe.attention.attachment import attach
from attnprobe.attention.head_outputs import require_standing_in
from attnprobe.attention.model_call import ModelCall
from attnprobe.attention.refusals import RefusedError
from attnprobe.attention.selection import select
from attnprobe.engines.choice import FORWARD, REPLAY, fastest_engine, make_engine
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.settings.attention import AttentionSettings
from tests.fixtures.hand_written import DIM, LABELS, WAYS, Attention, Classifier, Pooling, documents


def erase(attachment, inputs, layers, tokens, kind=FORWARD, rows=None, query="all", meaning=BY_DEFAULT):
    settings = AttentionSettings(layers=layers, query=query)
    selected = select(attachment.sites, settings, attachment.auto())
    engine = make_engine(kind, attachment, selected, inputs).under(meaning, torch.arange(len(tokens)))[0]
    rows = torch.arange(len(tokens)) if rows is None else rows
    ((_, logits),) = engine.evaluate(rows, tokens[rows])
    return logits


def some_tokens(mask, share=0.5, seed=3):
    return (torch.rand(mask.shape, generator=torch.Generator().manual_seed(seed)) < share) & mask


@pytest.mark.parametrize("kind", [FORWARD, REPLAY])
@pytest.mark.parametrize("how", WAYS)
@torch.no_grad()
@pytest.mark.samples(6)
def test_every_way_of_writing_attention_is_edited_as_by_hand(how, kind):
    model, inputs = Classifier((how, how)), documents()
    attachment = attach(ModelCall(model), inputs)
    sites = attachment.sites.attention
    assert [(str(site.place), site.heads, site.layer) for site in sites] == [("blocks.0", 2, 0), ("blocks.1", 2, 1)]
    assert [site.extra for site in sites] == [int(how == "sink")] * 2
    torch.testing.assert_close(model.logits_by_hand(**inputs, erased={}), model(**inputs), rtol=0, atol=1e-5)
    rows = torch.tensor([2, 2, 0, 4, 1])
    for tokens in (some_tokens(inputs["mask"]), inputs["mask"]):
        for layers, erased in (("0", {0: tokens}), ("1", {1: tokens}), ("all", {0: tokens, 1: tokens})):
            expected = model.logits_by_hand(**inputs, erased=erased)
            found = erase(attachment, inputs, layers, tokens, kind)
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
            found = erase(attachment, inputs, layers, tokens, kind, rows)
            torch.testing.assert_close(found, expected[rows], rtol=0, atol=1e-5)


IN_NO_PRODUCT = ["functional", "keys_first", "heads_last", "heads_first", "sdpa_heads_first"]
"""Ways in which what a head gives is not seen: by ``einsum``, or with documents or heads behind what they hold."""


@pytest.mark.parametrize("kind", [FORWARD, REPLAY])
@pytest.mark.parametrize("how", WAYS)
@torch.no_grad()
def test_the_mean_of_what_rows_attend_to_takes_their_mass_however_attention_is_written(how, kind):
    """Beside an attention sink too, where a row keeps the sum that it had."""
    model, inputs = Classifier((how, how)), documents()
    attachment = attach(ModelCall(model), inputs)
    if how not in IN_NO_PRODUCT:
        require_standing_in(attachment.call, attachment.sites.attention, inputs)

    def mean(values, visible):
        rows = visible.to(values.dtype)
        return rows / rows.sum(-1, keepdim=True) @ values

    for tokens in (some_tokens(inputs["mask"]), inputs["mask"]):
        for layers, erased in (("0", {0: tokens}), ("all", {0: tokens, 1: tokens})):
            expected = model.logits_by_hand(**inputs, erased=erased, stand_in=mean)
            found = erase(attachment, inputs, layers, tokens, kind, meaning=Meaning("document_mean"))
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("how", IN_NO_PRODUCT)
def test_where_what_heads_give_is_not_seen_nothing_stands_in(how):
    inputs = documents()
    attachment = attach(ModelCall(Classifier((how, how))), inputs)
    with pytest.raises(RefusedError, match=r"heads of Attention at blocks\.0 give cannot be seen, so that nothing can"):
        require_standing_in(attachment.call, attachment.sites.attention, inputs)


@pytest.mark.parametrize("left", [False, True])
@torch.no_grad()
def test_pooling_with_one_query(left):
    model, inputs = Classifier(("softmax",), Pooling()), documents()
    if left:
        inputs = {name: tensor.flip(1) for name, tensor in inputs.items()}
    attachment = attach(ModelCall(model), inputs)
    assert [site.heads for site in attachment.sites.attention] == [2, 1]
    assert attachment.reads == ["all", "all"]
    tokens = some_tokens(inputs["mask"])
    for layers, erased in (("0", {0: tokens}), ("1", {1: tokens})):
        expected = model.logits_by_hand(**inputs, erased=erased)
        torch.testing.assert_close(erase(attachment, inputs, layers, tokens), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("query", ["first", "last", "0"])
@torch.no_grad()
def test_a_pooling_attention_has_one_row_whatever_it_is_called(query):
    model, inputs = Classifier(("softmax",), Pooling()), documents()
    inputs = {name: tensor.flip(1) for name, tensor in inputs.items()}
    attachment = attach(ModelCall(model), inputs)
    tokens = some_tokens(inputs["mask"])
    expected = model.logits_by_hand(**inputs, erased={1: tokens})
    torch.testing.assert_close(erase(attachment, inputs, "1", tokens, query=query), expected, rtol=0, atol=1e-5)


def test_one_module_called_twice_is_two_layers():
    model, inputs = Classifier(("softmax",)), documents()
    model.blocks.append(model.blocks[0])
    attachment = attach(ModelCall(model), inputs)
    assert [str(site.place) for site in attachment.sites.attention] == ["blocks.0", "blocks.0 (call 2)"]
    tokens = some_tokens(inputs["mask"])
    with torch.no_grad():
        for layers, erased in (("0", {0: tokens}), ("1", {1: tokens})):
            expected = model.logits_by_hand(**inputs, erased=erased)
            selected = select(attachment.sites, AttentionSettings(layers=layers, query="all"), attachment.auto())
            for kind in (FORWARD, fastest_engine(attachment, selected, inputs)):
                found = erase(attachment, inputs, layers, tokens, kind)
                torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


class Routed(Classifier):
    """Each token goes to experts that a softmax (B, L, experts) weighs, or (B·L, experts); classes come as shares."""

    def __init__(self, experts, flat, labels=LABELS):
        super().__init__(("softmax",))
        self.router = nn.Linear(DIM, experts)
        self.experts = nn.Linear(DIM, experts * DIM)
        self.labels = nn.Linear(LABELS, labels)
        self.flat = flat

    def forward(self, x, mask):
        choices = self.router(x)
        shares = (choices.flatten(0, 1) if self.flat else choices).softmax(-1).view_as(choices)
        x = (self.experts(x).unflatten(-1, (-1, DIM)) * shares[..., None]).sum(-2)
        return self.labels(super().forward(x, mask)).softmax(-1)


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize(("experts", "labels"), [(4, 3), (8, 3), (16, 3), (4, 11), (4, 14)])
def test_routers_and_labels_are_no_attention(experts, labels, flat):
    attachment = attach(ModelCall(Routed(experts, flat, labels)), documents())
    assert [str(site.place) for site in attachment.sites.attention] == ["blocks.0"]


class HeadsSlowest(Attention):
    """Documents and heads in one axis, heads slowest: no way to tell from the shape."""

    def fused_batch(self, queries, keys, values, mask):
        scores = self.scores(queries, keys, mask).transpose(0, 1)
        weights = torch.softmax(scores.flatten(0, 1), dim=-1)
        context = torch.bmm(weights, values.transpose(0, 1).flatten(0, 1))
        return context.unflatten(0, scores.shape[:2]).transpose(0, 1)


def test_another_order_of_documents_and_heads_is_refused():
    model = Classifier(("fused_batch",))
    model.blocks[0].__class__ = HeadsSlowest
    with pytest.raises(RefusedError):
        attach(ModelCall(model), documents())


class ResidualOutside(Classifier):
    """What a block gives is added to what it was given outside of it, where a replay does not see it."""

    def forward(self, x, mask):
        for block in self.blocks:
            x = x + 0.5 * (block(x, mask) - x)
        return self.head(x.mean(1))


def test_what_cannot_be_replayed_is_run_as_a_whole():
    model, inputs = ResidualOutside(), documents()
    attachment = attach(ModelCall(model), inputs)
    for layers, kind in (("0", REPLAY), ("1", FORWARD)):
        selected = select(attachment.sites, AttentionSettings(layers=layers, query="all"), attachment.auto())
        assert fastest_engine(attachment, selected, inputs) == kind


class SequenceFirst(nn.Module):
    """Hidden states as (L, B, D): documents are the second axis."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(4)
        layer = nn.TransformerEncoderLayer(DIM, 2, 16, batch_first=False)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(DIM, LABELS)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.3)

    def forward(self, x, mask):
        return self.head(self.encoder(x.transpose(0, 1), src_key_padding_mask=~mask)[0])


@pytest.mark.parametrize("length", [11, 5])
def test_replay_is_right_or_not_taken_where_documents_are_the_second_axis(length):
    """The fastest engine that is chosen gives what whole runs give, for documents in any order and number."""
    model, inputs = SequenceFirst().eval(), documents([length, length, length - 2, length - 1, length])
    attachment = attach(ModelCall(model), inputs)
    tokens = some_tokens(inputs["mask"])
    for layers in ("0", "1"):
        selected = select(attachment.sites, AttentionSettings(layers=layers, query="all"), attachment.auto())
        kind = fastest_engine(attachment, selected, inputs)
        for rows in (torch.tensor([4, 3, 2, 1, 0]), torch.tensor([1, 1, 3]), torch.arange(5).repeat(3)):
            expected = erase(attachment, inputs, layers, tokens, FORWARD, rows)
            torch.testing.assert_close(
                erase(attachment, inputs, layers, tokens, kind, rows), expected, rtol=0, atol=1e-5
            )
