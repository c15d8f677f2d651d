"""Documents of every kind for limits: tied, without mass in places, peaked, of one item, of two to six classes."""

from dataclasses import dataclass

import torch

from attnprobe.erasure.contributions import Contributions
from attnprobe.erasure.kept_scores import KeptScores


@dataclass
class Documents:
    """A padded batch with one readout."""

    values: torch.Tensor
    weights: torch.Tensor
    mask: torch.Tensor
    readout: tuple[torch.Tensor, torch.Tensor]

    def arguments(self):
        return self.values, self.weights, self.mask, self.readout

    def scores(self, name="probability"):
        return KeptScores(Contributions(*self.arguments()), name)

    def each(self):
        """(values, weights, weight, bias) of the real items of each document, for the reference."""
        weight, bias = (part.numpy() for part in self.readout)
        for values, weights, mask in zip(self.values, self.weights, self.mask, strict=True):
            yield values[mask].numpy(), weights[mask].numpy(), weight, bias


KINDS = ("plain", "large logits", "tied", "without mass", "peaked", "repeated", "alike")


def draw(seed, kind, classes, batch, items, dim=4, shortest=1):
    """Documents of one kind."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    mask = torch.arange(items) < torch.randint(shortest, items + 1, (batch, 1), generator=generator)
    values, weight, bias = normal(batch, items, dim), normal(classes, dim), normal(classes)
    weights = torch.softmax(normal(batch, items).masked_fill(~mask, -torch.inf), -1)
    if kind == "large logits":
        values = 8 * values
    if kind == "tied":  # dyadic weights and small whole numbers, of which many sums are equal
        values, weight, bias = values.round(), weight.round(), bias.round()
        weights = 0.5 ** torch.randint(0, 4, (batch, items), generator=generator).double()
    if kind == "without mass":
        weights = weights.masked_fill(torch.rand(batch, items, generator=generator) < 0.4, 0.0)
    if kind == "peaked":
        weights = torch.softmax((25 * normal(batch, items)).masked_fill(~mask, -torch.inf), -1)
    if kind == "repeated":  # the same word again
        which = torch.randint(0, 1 + items // 2, (batch, items), generator=generator)
        values = values.gather(1, which[..., None].expand_as(values))
        weights = weights.gather(1, which)
    if kind == "alike":
        values = values[:, :1].expand_as(values).clone()
    values[~mask], weights[~mask] = torch.nan, 9.0
    return Documents(values, weights, mask, (weight, bias))
