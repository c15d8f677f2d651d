"""attnprobe tests whether attention explains a model's decisions.

It zeroes selected attention weights, renormalises the rest and asks what becomes of the decision. The ranking functions
and the erasure engine are exported here and usable on their own; importing this package reads and downloads nothing,
and loads torch only when one of them is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from attnprobe.any_model import probe
    from attnprobe.divergence import entropy, js_divergence, kl_divergence, total_variation
    from attnprobe.erasure import decision_gradient, erase, first_flip, minimal_flip_set, single_erasures
    from attnprobe.hooks import capturing, erasing
    from attnprobe.orderings import (
        rank_at_random,
        rank_by_attention,
        rank_by_gradient,
        rank_by_gradient_attention,
    )
    from attnprobe.probes.editing import AttachedModel

_HOME = {
    "AttachedModel": "probes.editing",
    "capturing": "hooks",
    "decision_gradient": "erasure",
    "entropy": "divergence",
    "erase": "erasure",
    "erasing": "hooks",
    "first_flip": "erasure",
    "js_divergence": "divergence",
    "kl_divergence": "divergence",
    "minimal_flip_set": "erasure",
    "probe": "any_model",
    "rank_at_random": "orderings",
    "rank_by_attention": "orderings",
    "rank_by_gradient": "orderings",
    "rank_by_gradient_attention": "orderings",
    "single_erasures": "erasure",
    "total_variation": "divergence",
}

__all__ = [
    "AttachedModel",
    "capturing",
    "decision_gradient",
    "entropy",
    "erase",
    "erasing",
    "first_flip",
    "js_divergence",
    "kl_divergence",
    "minimal_flip_set",
    "probe",
    "rank_at_random",
    "rank_by_attention",
    "rank_by_gradient",
    "rank_by_gradient_attention",
    "single_erasures",
    "total_variation",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _HOME:
        return getattr(importlib.import_module(f"attnprobe.{_HOME[name]}"), name)
    raise AttributeError(f"module 'attnprobe' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
