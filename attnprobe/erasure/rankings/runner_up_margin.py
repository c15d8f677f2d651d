"""The margin to the runner-up: what an item adds to the decision over the class that comes second.

m_j = a_j (g_jy − g_js), with the weights a, the logits g that an item would give alone, the decision y and the second
largest logit's class s of the unerased document. Erasing j takes m_j from the numerator of the margin between the two,
and what is left of it decides whether s overtakes y.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from attnprobe.erasure.contributions import of_class

if TYPE_CHECKING:
    from attnprobe.erasure.erasable import Erasable


def margin(batch: Erasable) -> Tensor:
    """m_j (batch, items), float64."""
    contributions, log_p = batch.contributions(), batch.log_probabilities()
    assert contributions is not None, "it fits the batch"
    decision = batch.decision()
    rivals = log_p.scatter(1, decision[:, None], -float("inf"))
    second = rivals.argmax(1)
    return of_class(contributions, decision) - of_class(contributions, second)
