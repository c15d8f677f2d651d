"""Whether pooled vectors are such as a model was trained on: the Max-Simes-Fisher p-value with one layer.

After Matan et al. (2022), as Madsen, Reddy & Chandar (ICML 2024) ask it of erased inputs. Let V be the pooled vectors
of m validation documents, as the model was trained on them. Of a vector v and a coordinate d the *rank from outside* is

    r_d = 1 + min(#{i: V_id ≤ v_d}, #{i: V_id ≥ v_d}),  at most 1 + ⌊(m − 1) / 2⌋

where i goes over the validation documents other than the one that v is of. It is m · min(F̂_d, 1 − F̂_d), with F̂_d their
empirical distribution, and one for v itself. Simes' statistic over the coordinates takes the ranks in ascending order:

    s(v) = min_k r_(k) / k

which is his combined p-value but for the factor dim / m. It takes few values; between vectors with the same one
Fisher's statistic decides, the mean of log r_d. Let s be so ordered; F̂ of it, once more over the validation documents,
gives

    p(v) = (1 + #{i: s(V_i) ≤ s(v)}) / (m + 1)

So p is uniform, in steps of 1 / (m + 1), of documents that are drawn as those were, and small of vectors that are
unlike them: one that is beyond all of them in every coordinate has the least s there is, and p = 1 / (m + 1). That
ranks count the vector itself, of validation documents as of others, is what differs from the definition on paper, in
which min(F̂, 1 − F̂) is 0 beyond all of them on one side, and for one of them on the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_RANKED = 1 << 20
"""Numbers that are ranked at once: 8 MB."""

_ROUNDING = 1e-6
"""Coordinates that differ by at most this are equal: times the largest among validation documents, or one."""

_LOGARITHM = 64.0
"""More than the logarithm of any number of documents."""


@dataclass(frozen=True)
class ValidationStates:
    """What pooled vectors are held against.

    Attributes:
        coordinates: of the validation documents' vectors, each in ascending order (dim, documents), float64.
        statistics: theirs, in ascending order (documents,), float64.
    """

    coordinates: Tensor
    statistics: Tensor

    @classmethod
    def of(cls, vectors: Tensor) -> ValidationStates:
        """From the vectors of validation documents (documents, dim)."""
        coordinates = vectors.double().T.contiguous().sort(-1).values
        return cls(coordinates, _statistics(coordinates, vectors, among=True).sort().values)

    def to(self, device: torch.device) -> ValidationStates:
        """The same on a device."""
        return ValidationStates(self.coordinates.to(device), self.statistics.to(device))

    def p_values(self, vectors: Tensor) -> Tensor:
        """Of vectors (…, dim) of other documents (…), float64; NaN where a vector holds NaN."""
        flat = vectors.reshape(-1, vectors.shape[-1])
        statistics = _statistics(self.coordinates, flat, among=False)
        not_above = torch.searchsorted(self.statistics, statistics, right=True)
        p = (1 + not_above).double() / (1 + len(self.statistics))
        return p.masked_fill(flat.isnan().any(-1), torch.nan).view(vectors.shape[:-1])


def _statistics(coordinates: Tensor, vectors: Tensor, *, among: bool) -> Tensor:
    """s (vectors,) of vectors (vectors, dim), some at a time; ``among``: they are those of validation documents."""
    step = max(1, _RANKED // max(1, vectors.shape[1]))
    parts = [_simes(_ranks_from_outside(coordinates, part, among=among)) for part in torch.split(vectors, step)]
    return torch.cat(parts)


def _ranks_from_outside(coordinates: Tensor, vectors: Tensor, *, among: bool) -> Tensor:
    """r_d (vectors, dim), int64."""
    columns, documents = vectors.double().T.contiguous(), coordinates.shape[1]
    # Of the same text in another batch a vector differs by rounding, and is still as far inside.
    slack = _ROUNDING * coordinates.abs().amax(-1, keepdim=True).clamp(min=1.0)
    not_above = torch.searchsorted(coordinates, columns + slack, right=True)
    not_below = documents - torch.searchsorted(coordinates, columns - slack)
    itself = 0 if among else 1  # a validation document is counted already
    return (torch.minimum(not_above, not_below) + itself).clamp(max=1 + (documents - 1) // 2).T


def _simes(ranks: Tensor) -> Tensor:
    """s (vectors,) of ranks from outside (vectors, dim); what breaks ties is less than values of s differ by."""
    ordered, dim = ranks.sort(-1).values.double(), ranks.shape[1]
    least: Tensor = (ordered / torch.arange(1, dim + 1, device=ranks.device)).amin(-1)
    return least + ordered.log().mean(-1) / (_LOGARITHM * dim**2)
