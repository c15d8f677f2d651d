"""How sure a model is of its decision, in three ways, along orderings: as items are erased and as they are kept."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.erasure.contributions import Contributions
from attnprobe.erasure.curves import Curves, curves
from attnprobe.erasure.kept_scores import KeptScores


class DecisionCurves(NamedTuple):
    """Curves (orderings, documents, items + 1) of the decision's probability, its logarithm, and its logit.

    The logit is NaN where no class is decided for.
    """

    probability: Curves
    log_probability: Curves
    logit: Curves


def curves_of_decision(contributions: Contributions, order: Tensor, documents: Tensor) -> DecisionCurves:
    """In closed form, of some documents of a batch.

    Args:
        contributions: of the batch.
        order: permutations of the items (orderings, batch, items).
        documents: rows of the batch (documents,).
    """
    of_log, of_logit = (
        curves(KeptScores(contributions, name).of_documents(documents), order[:, documents])
        for name in ("log_probability", "logit")
    )
    return DecisionCurves(Curves(*map(torch.exp, of_log)), of_log, of_logit)
