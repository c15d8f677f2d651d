"""Alternatives run through a whole pooled model: the same logits, and erasures with the outcomes that were foretold."""

import numpy as np
import pytest
import torch

from attnprobe.identifiability import ErasureOutcomes, same_head_output, sample_alternatives
from attnprobe.models.pooled.architectures import POOLED
from attnprobe.models.pooled.probe import PooledProbe
from attnprobe.settings.dropout import Dropout
from attnprobe.stages.identifying.erasure_reach import erasure_reach
from attnprobe.stages.identifying.weight_reach import weight_reach
from tests.fixtures.ragged_documents import random_documents


class Given(torch.nn.Module):
    """Attention whose weights are told."""

    def __init__(self, weights):
        super().__init__()
        self.weights = weights

    def forward(self, values, mask, batch=None):
        return self.weights.to(values.dtype)


def decisions(model, batch, weights):
    """Logits of one document under many weights (k, items), one run each."""
    attention = model.attention
    logits = []
    for row in weights:
        model.attention = Given(torch.as_tensor(row)[None])
        with torch.no_grad():
            logits.append(model(batch)[0])
    model.attention = attention
    return torch.stack(logits)


@pytest.fixture(scope="module")
def small():
    """A model with values four wide, and documents of many words."""
    torch.manual_seed(1)
    with pytest.MonkeyPatch.context() as patch:
        for module in ("flan", "classifier"):
            patch.setattr(f"attnprobe.models.pooled.{module}.EMBEDDING_DIM", 4)
        model = POOLED["flan-none"](30, 3, Dropout()).eval()
    with torch.no_grad():
        model.embedding.weight.normal_()
        model.attention.query.weight.mul_(3)
        model.head.weight.mul_(2)
        model.head.bias.normal_(std=0.2)
    return model


def test_outcomes_hold_in_the_model(small):
    split = random_documents(12, vocabulary=30, sentences=4, words=6, seed=2)
    may_flip = moved = 0
    for document in range(12):
        batch = split.batch(np.array([document]))
        (reading,) = PooledProbe(small).readings(batch, "all", "all", torch.zeros(1))
        observed, values = reading.weights[0, 0].numpy(), reading.values[0, 0].double().numpy()
        alternatives = same_head_output(observed, values)
        reach = weight_reach(alternatives, values)
        by_attention = np.argsort(-observed, kind="stable")
        outcomes = ErasureOutcomes(alternatives, values, small.head)
        found = erasure_reach(outcomes, by_attention, by_attention[::-1].copy())
        many = np.vstack([observed[None], alternatives.extremes.vertices, sample_alternatives(alternatives, 40)])
        logits = decisions(small, batch, many)
        torch.testing.assert_close(logits, logits[:1].expand_as(logits), atol=1e-5, rtol=1e-5)
        decided = int(logits[0].argmax())
        items = outcomes.items()
        for item in range(len(observed)):
            rest = np.where(np.arange(len(observed)) == item, 0.0, many)
            kept = rest.sum(1) > 1e-6
            after = decisions(small, batch, rest[kept] / rest[kept].sum(1, keepdims=True))
            margins = after.sort(-1).values
            clear = (margins[:, -1] - margins[:, -2] > 1e-4).numpy()
            flipped = (after.argmax(-1) != decided).numpy()[clear]
            if items.must_flip[item]:
                assert flipped.all()
            if items.never_flips[item]:
                assert not flipped.any()
        may_flip += found.may_flip
        moved += reach.mean_width > 0.01
    assert may_flip > 3
    assert moved > 3
