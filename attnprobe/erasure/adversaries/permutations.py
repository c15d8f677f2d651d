"""What permuting attention does to a prediction, in closed form, and not by drawing permutations."""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.erasure.adversaries.feasible_rows import FeasibleRows


def permutation_scores(rows: FeasibleRows) -> Tensor:
    """How many standard deviations of all permutations each lead is away from their mean (batch, rivals).

    Over all permutations of a row a the mean lead Σ a_π(j) u_j has the mean Σ a · mean(u) and the variance
    Σ (a − mean a)² Σ (u − mean u)² / (n − 1), so that the lead stands r √(n − 1) deviations from it, r being Pearson's
    correlation of a and u: the permutation test of Jain & Wallace (2019, §4.2.1) without a permutation. NaN for one
    item, or where one of the two is the same for all items.
    """
    real = rows.mask.double()
    size = real.sum(-1, keepdim=True)
    weights = (rows.weights - (rows.weights * real).sum(-1, keepdim=True) / size) * real
    leads = (rows.leads - (rows.leads * real[:, None]).sum(-1, keepdim=True) / size[..., None]) * real[:, None]
    together = torch.einsum("bi,bri->br", weights, leads)
    spread = (weights.square().sum(-1, keepdim=True) * leads.square().sum(-1)).sqrt()
    return together / spread * (size - 1).sqrt()
