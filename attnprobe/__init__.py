"""attnprobe tests whether attention explains a model's decisions.

It zeroes selected attention weights, renormalises the rest and asks what becomes of the decision. The ranking functions
and the erasure engine are exported here and usable on their own, and so are the main functions of
``attnprobe.identifiability``, which say whether weights are the only ones with their output. Importing this package
reads and downloads nothing, and loads torch only when one of them is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from attnprobe.any_model import probe
    from attnprobe.attention.attached_model import AttachedModel
    from attnprobe.attention.hooks import capturing, erasing
    from attnprobe.erasure.distributions import entropy, js_divergence, kl_divergence, total_variation
    from attnprobe.erasure.erasable import Erasable
    from attnprobe.erasure.functions import decision_gradient, erase, first_flip, minimal_flip_set, single_erasures
    from attnprobe.erasure.orderings import (
        rank_at_random,
        rank_by_attention,
        rank_by_gradient,
        rank_by_gradient_attention,
    )
    from attnprobe.erasure.registered_orderings import ORDERINGS, Ordering, Role
    from attnprobe.identifiability import (
        dk_star,
        effective_attention,
        farthest_alternative,
        first_flip_range,
        item_flips,
        joint_nullity,
        maxent_attention,
        nullity,
        same_head_output,
        weight_range,
    )

_HOME = {
    "AttachedModel": "attention.attached_model",
    "Erasable": "erasure.battery",
    "ORDERINGS": "erasure.registered_orderings",
    "Ordering": "erasure.registered_orderings",
    "Role": "erasure.registered_orderings",
    "capturing": "attention.hooks",
    "decision_gradient": "erasure.functions",
    "dk_star": "identifiability",
    "effective_attention": "identifiability",
    "entropy": "erasure.distributions",
    "erase": "erasure.functions",
    "erasing": "attention.hooks",
    "farthest_alternative": "identifiability",
    "first_flip": "erasure.functions",
    "first_flip_range": "identifiability",
    "item_flips": "identifiability",
    "joint_nullity": "identifiability",
    "js_divergence": "erasure.distributions",
    "kl_divergence": "erasure.distributions",
    "maxent_attention": "identifiability",
    "minimal_flip_set": "erasure.functions",
    "nullity": "identifiability",
    "probe": "any_model",
    "rank_at_random": "erasure.orderings",
    "rank_by_attention": "erasure.orderings",
    "rank_by_gradient": "erasure.orderings",
    "rank_by_gradient_attention": "erasure.orderings",
    "same_head_output": "identifiability",
    "single_erasures": "erasure.functions",
    "total_variation": "erasure.distributions",
    "weight_range": "identifiability",
}

__all__ = [
    "ORDERINGS",
    "AttachedModel",
    "Erasable",
    "Ordering",
    "Role",
    "capturing",
    "decision_gradient",
    "dk_star",
    "effective_attention",
    "entropy",
    "erase",
    "erasing",
    "farthest_alternative",
    "first_flip",
    "first_flip_range",
    "item_flips",
    "joint_nullity",
    "js_divergence",
    "kl_divergence",
    "maxent_attention",
    "minimal_flip_set",
    "nullity",
    "probe",
    "rank_at_random",
    "rank_by_attention",
    "rank_by_gradient",
    "rank_by_gradient_attention",
    "same_head_output",
    "single_erasures",
    "total_variation",
    "weight_range",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _HOME:
        return getattr(importlib.import_module(f"attnprobe.{_HOME[name]}"), name)
    raise AttributeError(f"module 'attnprobe' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
