"""Documents for property tests: ordinary, peaked, tied, tiny, one class dominating, padded."""

from dataclasses import dataclass

import torch
from hypothesis import strategies as st

from tests.reference.erasure import as_fractions


@dataclass
class Case:
    """A padded batch; ``weights`` are the softmax of ``scores`` unless they are dyadic (then scores is None)."""

    values: torch.Tensor
    weights: torch.Tensor
    scores: torch.Tensor | None
    mask: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor
    exact: bool = False

    def documents(self):
        """(values, weights) of the real items of each document, for the reference: float64, or exact fractions."""
        weights = self.weights.double()
        if self.scores is not None:
            weights = torch.softmax(self.scores.double().masked_fill(~self.mask, -torch.inf), -1)
        return [(self.number(v[m]), self.number(w[m])) for v, w, m in zip(self.values, weights, self.mask, strict=True)]

    def readout(self):
        """(weight, bias) for the reference."""
        return self.number(self.weight), self.number(self.bias)

    def number(self, tensor):
        numbers = tensor.double().numpy()
        return as_fractions(numbers) if self.exact else numbers


def masked(generator, batch, items, smallest=1):
    sizes = torch.randint(smallest, items + 1, (batch,), generator=generator)
    return torch.arange(items) < sizes[:, None]


@st.composite
def cases(draw, dtype=torch.float64, max_items=9, max_gap=100.0, batch=4):
    """Random and adversarial documents; garbage in the padding."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    items, classes = draw(st.integers(1, max_items)), draw(st.integers(2, 5))
    dim = draw(st.integers(1, 6))
    mask = masked(generator, batch, items)
    values = torch.randn(batch, items, dim, generator=generator).to(dtype)
    gap = draw(st.sampled_from([0.0, 1.0, 10.0, max_gap]))
    scores = (torch.rand(batch, items, generator=generator) * gap).to(dtype)
    weight = torch.randn(classes, dim, generator=generator).to(dtype)
    bias = torch.randn(classes, generator=generator).to(dtype)
    bias[0] += draw(st.sampled_from([0.0, 3.0]))  # one class dominating
    weights = torch.softmax(scores.masked_fill(~mask, -torch.inf), -1)
    values[~mask] = float("nan")
    return Case(values, weights, scores, mask, weight, bias)


@st.composite
def tied_cases(draw, dtype=torch.float32, max_items=8, batch=4):
    """Exact ties: dyadic weights and small integers, so that every sum is exact in any order; zero weights too."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    items, classes = draw(st.integers(1, max_items)), draw(st.integers(2, 4))
    mask = masked(generator, batch, items)
    values = torch.randint(-2, 3, (batch, items, 3), generator=generator).to(dtype)
    exponents = torch.randint(0, 4, (batch, items), generator=generator)
    zero = torch.rand(batch, items, generator=generator) < draw(st.sampled_from([0.0, 0.3]))
    weights = (0.5**exponents).to(dtype).masked_fill(~mask | zero, 0.0)
    weight = torch.randint(-1, 2, (classes, 3), generator=generator).to(dtype)
    bias = torch.randint(-1, 2, (classes,), generator=generator).to(dtype)
    return Case(values, weights, None, mask, weight, bias, exact=True)
