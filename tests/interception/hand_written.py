"""Small models of a user's own, whose attention is written out in their modules, in the many ways there are."""

import torch
from torch import nn
from torch.nn import functional

HEADS, DIM, LABELS = 2, 12, 3


def documents(lengths=(11, 9, 7, 11, 10), seed=0):
    """Vectors (B, L, 12) and a mask, True where a token is real (B, L)."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(len(lengths), max(lengths), DIM, generator=generator)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return {"x": values, "mask": mask}


def split(vectors):
    """(B, L, 12) as (B, heads, L, 6)."""
    return vectors.unflatten(-1, (HEADS, -1)).transpose(1, 2)


class Attention(nn.Module):
    """A residual block of attention as everybody writes it; what varies is said by ``how``."""

    def __init__(self, how="softmax"):
        super().__init__()
        self.how = how
        self.project = nn.Linear(DIM, 3 * DIM)
        self.out = nn.Linear(DIM, DIM)

    def forward(self, x, mask):
        queries, keys, values = (split(third) for third in self.project(x).chunk(3, dim=-1))
        context = getattr(self, self.how)(queries, keys, values, mask[:, None, None, :])
        return x + self.out(context.transpose(1, 2).flatten(-2))

    @staticmethod
    def scores(queries, keys, mask):
        return (queries @ keys.transpose(-2, -1) / 6**0.5).masked_fill(~mask, -torch.inf)

    def softmax(self, queries, keys, values, mask):
        return self.scores(queries, keys, mask).softmax(-1) @ values

    def functional(self, queries, keys, values, mask):
        weights = functional.softmax(self.scores(queries, keys, mask), dim=-1, dtype=torch.float32)
        return torch.einsum("bhqk,bhkd->bhqd", weights, values)

    def module(self, queries, keys, values, mask):
        return torch.matmul(nn.Softmax(dim=-1)(self.scores(queries, keys, mask)), values)

    def keys_first(self, queries, keys, values, mask):
        """The weights as (B, H, keys, queries), the softmax over the axis before the last."""
        scores = self.scores(queries, keys, mask).transpose(-2, -1)
        return torch.softmax(scores, 2).transpose(-2, -1) @ values

    def heads_last(self, queries, keys, values, mask):
        weights = torch.softmax(self.scores(queries, keys, mask).permute(0, 2, 3, 1), dim=2)
        return torch.einsum("bqkh,bhkd->bhqd", weights, values)

    def heads_first(self, queries, keys, values, mask):
        weights = torch.softmax(self.scores(queries, keys, mask).transpose(0, 1), dim=-1)
        return torch.einsum("hbqk,bhkd->bhqd", weights, values)

    def fused_batch(self, queries, keys, values, mask):
        """Documents and heads in one axis, as ``torch.bmm`` wants it."""
        scores = self.scores(queries, keys, mask)
        weights = torch.softmax(scores.flatten(0, 1), dim=-1)
        return torch.bmm(weights, values.flatten(0, 1)).unflatten(0, scores.shape[:2])

    def sdpa(self, queries, keys, values, mask):
        return functional.scaled_dot_product_attention(
            queries, keys, values, mask.expand(-1, HEADS, queries.shape[2], -1)
        )

    def sdpa_biased(self, queries, keys, values, mask):
        bias = torch.zeros(mask.shape).masked_fill(~mask, -1e9)
        return functional.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)

    def sdpa_causal(self, queries, keys, values, mask):
        return functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)

    def sdpa_heads_first(self, queries, keys, values, mask):
        queries, keys, values, mask = (part.transpose(0, 1) for part in (queries, keys, values, mask))
        return functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask).transpose(0, 1)

    def sdpa_fused_batch(self, queries, keys, values, mask):
        """Three dimensions: documents and heads in one axis."""
        shape = queries.shape
        allowed = mask.expand(-1, HEADS, shape[2], -1).flatten(0, 1)
        queries, keys, values = (part.flatten(0, 1) for part in (queries, keys, values))
        return functional.scaled_dot_product_attention(queries, keys, values, attn_mask=allowed).unflatten(0, shape[:2])

    def sink(self, queries, keys, values, mask):
        """A column behind those of the tokens takes some of the mass, and gives nothing."""
        scores = self.scores(queries, keys, mask)
        weights = torch.softmax(torch.cat([scores, torch.full_like(scores[..., :1], 0.5)], dim=-1), dim=-1)
        return weights[..., :-1] @ values


WAYS = [
    "softmax", "functional", "module", "keys_first", "heads_last", "heads_first", "fused_batch", "sdpa", "sdpa_biased",
    "sdpa_causal", "sdpa_heads_first", "sdpa_fused_batch", "sink",
]  # fmt: skip


class Pooling(nn.Module):
    """One query for the whole document: weights (B, L)."""

    def __init__(self):
        super().__init__()
        self.query = nn.Linear(DIM, 1, bias=False)

    def forward(self, x, mask):
        weights = torch.softmax(self.query(torch.tanh(x))[..., 0].masked_fill(~mask, -torch.inf), dim=-1)
        return torch.bmm(weights[:, None], x)[:, 0]


class Classifier(nn.Module):
    """Blocks of attention, and the mean of the real tokens, or what ``pooling`` makes of them."""

    def __init__(self, ways=("softmax", "softmax"), pooling=None, seed=1):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            super().__init__()
            self.blocks = nn.ModuleList(Attention(how) for how in ways)
            self.pooling = pooling
            self.head = nn.Linear(DIM, LABELS)
            for parameter in self.parameters():
                nn.init.normal_(parameter, std=0.3)
        self.eval()

    def forward(self, x, mask):
        for block in self.blocks:
            x = block(x, mask)
        if self.pooling is not None:
            return self.head(self.pooling(x, mask))
        real = mask[..., None].to(x.dtype)
        return self.head((x * real).sum(1) / real.sum(1))

    def logits_by_hand(self, x, mask, erased):
        """With these keys (B, L) erased in every row and head of the block of this number: ``{number: keys}``."""
        for number, block in enumerate(self.blocks):
            queries, keys, values = (split(third) for third in block.project(x).chunk(3, dim=-1))
            scores = queries @ keys.transpose(-2, -1) / 6**0.5
            visible = mask[:, None, None, :].expand_as(scores)
            if block.how == "sdpa_causal":
                visible = torch.ones(scores.shape[-2:], dtype=torch.bool).tril().expand_as(scores)
            largest = scores.amax(-1, keepdim=True)
            mass = torch.exp(scores - largest) * visible
            total = mass.sum(-1, keepdim=True)
            share = total / (total + torch.exp(0.5 - largest)) if block.how == "sink" else torch.ones_like(total)
            left = mass * ~erased.get(number, torch.zeros_like(mask))[:, None, None, :]
            left_total = left.sum(-1, keepdim=True)
            weights = left / left_total.masked_fill(left_total == 0, 1.0) * share
            x = x + block.out((weights @ values).transpose(1, 2).flatten(-2))
        if self.pooling is not None:
            mass = torch.exp(self.pooling.query(torch.tanh(x))[..., 0]) * mask
            left = mass * ~erased.get(len(self.blocks), torch.zeros_like(mask))
            total = left.sum(-1, keepdim=True)
            return self.head(((left / total.masked_fill(total == 0, 1.0))[..., None] * x).sum(1))
        real = mask[..., None].to(x.dtype)
        return self.head((x * real).sum(1) / real.sum(1))
