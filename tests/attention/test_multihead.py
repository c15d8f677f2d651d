"""nn.MultiheadAttention, however it is asked, and nn.TransformerEncoderLayer, whose fast path hides it."""

import pytest
import torch
from torch import nn

from attnprobe.attention.attachment import attach
from attnprobe.attention.calls import observing
from attnprobe.attention.edited_runs import run_with
from attnprobe.attention.model_call import ModelCall
from attnprobe.attention.selection import select
from attnprobe.attention.taps import Capture
from attnprobe.engines.choice import FORWARD, fastest_engine, make_engine
from attnprobe.settings.attention import AttentionSettings
from tests.fixtures.hand_written import DIM, HEADS, LABELS, documents, split

SETTINGS = [{}, {"add_zero_attn": True}, {"add_bias_kv": True}, {"add_zero_attn": True, "add_bias_kv": True}]


class Multihead(nn.Module):
    """One nn.MultiheadAttention between the documents and a linear head on the mean of the real tokens."""

    def __init__(self, need_weights, batch_first, **settings):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            super().__init__()
            self.mixer = nn.MultiheadAttention(DIM, HEADS, batch_first=batch_first, **settings)
            self.head = nn.Linear(DIM, LABELS)
            for parameter in self.parameters():
                nn.init.normal_(parameter, std=0.4)
        self.need_weights, self.batch_first = need_weights, batch_first
        self.eval()

    def forward(self, x, mask):
        own = x if self.batch_first else x.transpose(0, 1)
        padding = None if mask.all() else ~mask
        mixed, _ = self.mixer(own, own, own, key_padding_mask=padding, need_weights=self.need_weights)
        mixed = mixed if self.batch_first else mixed.transpose(0, 1)
        real = mask[..., None].to(x.dtype)
        return self.head((mixed * real).sum(1) / real.sum(1))

    def logits_by_hand(self, x, mask, erased):
        """With these keys (B, L) erased in every row; added columns are no tokens, and stay as they are."""
        weight, bias = self.mixer.in_proj_weight, self.mixer.in_proj_bias
        queries, keys, values = (split(third) for third in (x @ weight.T + bias).chunk(3, dim=-1))
        visible = mask
        if self.mixer.bias_k is not None:
            added = (split(part.expand(len(x), -1, -1)) for part in (self.mixer.bias_k, self.mixer.bias_v))
            keys, values = (torch.cat(pair, dim=2) for pair in zip((keys, values), added, strict=True))
        if self.mixer.add_zero_attn:
            keys, values = (torch.cat([part, torch.zeros_like(part[:, :, :1])], dim=2) for part in (keys, values))
        extra = keys.shape[2] - mask.shape[1]
        visible = torch.cat([mask, torch.ones(len(x), extra, dtype=torch.bool)], dim=1)
        scores = (queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5).masked_fill(
            ~visible[:, None, None], -torch.inf
        )
        weights = scores.softmax(-1)
        tokens, others = weights[..., : mask.shape[1]], weights[..., mask.shape[1] :]
        left = tokens * ~erased[:, None, None]
        total = left.sum(-1, keepdim=True)
        rescaled = left / total.masked_fill(total == 0, 1.0) * tokens.sum(-1, keepdim=True)
        context = torch.cat([rescaled, others], dim=-1) @ values
        mixed = self.mixer.out_proj(context.transpose(1, 2).flatten(-2))
        real = mask[..., None].to(x.dtype)
        return self.head((mixed * real).sum(1) / real.sum(1))


@pytest.mark.parametrize("lengths", [(11, 9, 7, 11, 10), (11,) * 5], ids=["padded", "unpadded"])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("need_weights", [True, False])
@torch.no_grad()
def test_erasing_in_multihead_attention_is_as_by_hand(need_weights, batch_first, settings, lengths):
    model, inputs = Multihead(need_weights, batch_first, **settings), documents(lengths)
    nothing = torch.zeros_like(inputs["mask"])
    torch.testing.assert_close(model.logits_by_hand(**inputs, erased=nothing), model(**inputs), rtol=0, atol=1e-5)
    attachment = attach(ModelCall(model), inputs)
    (site,) = attachment.sites.attention
    assert (site.module, site.heads, site.extra) == ("MultiheadAttention", HEADS, len(settings))
    selected = select(attachment.sites, AttentionSettings(query="all"), attachment.auto())
    engine = make_engine(FORWARD, attachment, selected, inputs)
    for share in (0.3, 0.8, 1.1):
        tokens = (torch.rand(nothing.shape, generator=torch.Generator().manual_seed(1)) < share) & inputs["mask"]
        ((_, found),) = engine.evaluate(torch.arange(5), tokens)
        expected = model.logits_by_hand(**inputs, erased=tokens)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_captures_are_the_weights_that_it_returns():
    model, inputs = Multihead(True, True), documents()
    attachment = attach(ModelCall(model), inputs)
    tap = Capture()
    run_with(attachment.call, inputs, attachment.sites.attention, [tap])
    x, mask = inputs["x"], inputs["mask"]
    _, own = model.mixer(x, x, x, key_padding_mask=~mask, average_attn_weights=False)
    torch.testing.assert_close(tap.weights, own, rtol=0, atol=1e-6)


class EncoderLayer(nn.Module):
    """nn.TransformerEncoderLayer as it is used by itself, on vectors of our own."""

    def __init__(self):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(8)
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(DIM, HEADS, 16, batch_first=True)
            self.head = nn.Linear(DIM, LABELS)
        self.eval()

    def forward(self, x, mask):
        return self.head(self.layer(x, src_key_padding_mask=~mask)[:, 0])


@torch.no_grad()
def test_the_fast_path_does_not_hide_attention(monkeypatch):
    model, inputs = EncoderLayer(), documents()
    fast = []
    kernel = torch._transformer_encoder_layer_fwd
    monkeypatch.setattr(torch, "_transformer_encoder_layer_fwd", lambda *args: fast.append(1) or kernel(*args))
    plain = model(**inputs)
    assert len(fast) == 1
    with observing(model) as observed:
        slow = model(**inputs)
    assert len(fast) == 1
    assert len(observed) == 1
    torch.testing.assert_close(slow, plain, rtol=0, atol=1e-5)
    attachment = attach(ModelCall(model), inputs)
    assert attachment.reads == ["first"]
    selected = select(attachment.sites, AttentionSettings(), attachment.auto())
    assert fastest_engine(attachment, selected, inputs)
    fast.clear()
    model(**inputs)
    assert len(fast) == 1
