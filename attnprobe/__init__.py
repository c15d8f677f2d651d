"""attnprobe tests whether attention explains a model's decisions.

It zeroes selected attention weights, renormalises the rest and asks what becomes of the decision. The ranking functions
and the erasure engine are exported here and usable on their own, and so are the main functions of
``attnprobe.identifiability``, which say whether weights are the only ones with their output. Importing this package
reads and downloads nothing, and loads torch only when one of them is first used.

What is exported here is the public surface: the table below, the stub beside this file for type checkers, and
docs/library.md, which says how long a name stays what it is.
"""

import importlib

__version__ = "0.2.0"

_EXPORTED = {
    "attnprobe.any_model": ("probe",),
    "attnprobe.in_python.calls": ("TrainedRun", "load_run", "run", "train"),
    "attnprobe.in_python.finished_run": ("FinishedRun",),
    "attnprobe.attention.hooks": (
        "capturing",
        "erasing",
    ),
    "attnprobe.engines.attached_model": ("AttachedModel",),
    "attnprobe.erasure.aopc_limits": ("aopc_limits",),
    "attnprobe.erasure.functions": (
        "decision_gradient",
        "erase",
        "first_flip",
        "minimal_flip_set",
        "single_erasures",
    ),
    "attnprobe.erasure.adversaries.adversarial_attention": ("adversarial_attention",),
    "attnprobe.erasure.fair_shares.shapley": (
        "banzhaf_values",
        "shapley_values",
        "soft_erasure",
    ),
    "attnprobe.erasure.guarantees.sufficient_sets": (
        "minimal_sufficient_set",
        "necessary_items",
        "relevant_items",
        "sufficient_count",
    ),
    "attnprobe.erasure.orderings": (
        "rank_at_random",
        "rank_by_attention",
        "rank_by_gradient",
        "rank_by_gradient_attention",
    ),
    "attnprobe.erasure.registered_decisions": ("DECISIONS", "Decision"),
    "attnprobe.erasure.registered_orderings": (
        "ORDERINGS",
        "Ordering",
        "Role",
    ),
    "attnprobe.erasure.registered_measurements": (
        "MEASUREMENTS",
        "Measurement",
    ),
    "attnprobe.base.column_values": ("Column", "Missing"),
    "attnprobe.analysis.registered_statistics": (
        "STATISTICS",
        "Statistic",
    ),
    "attnprobe.erasure.registered_ways": ("ERASING", "WayOfErasing"),
    "attnprobe.erasure.erasable": ("Erasable",),
    "attnprobe.erasure.distributions": (
        "entropy",
        "js_divergence",
        "kl_divergence",
        "total_variation",
    ),
    "attnprobe.identifiability": (
        "dk_star",
        "effective_attention",
        "farthest_alternative",
        "first_flip_range",
        "item_flips",
        "joint_nullity",
        "maxent_attention",
        "nullity",
        "same_head_output",
        "weight_range",
    ),
    "attnprobe.models.huggingface.token_positions": ("token_positions",),
    "attnprobe.stages.knockout": ("KnockoutResult", "knockout"),
    "attnprobe.settings.run_settings": ("RunSettings",),
    "attnprobe.settings.attention": ("AttentionSettings",),
    "attnprobe.settings.data": ("DataLimits",),
    "attnprobe.settings.dropout": ("Dropout",),
    "attnprobe.settings.training": ("TrainingSettings",),
    "attnprobe.settings.transformer": ("TransformerOptions",),
    "attnprobe.settings.kinds": ("KINDS", "MODELS", "Kind"),
    "attnprobe.data.known_datasets": ("DATASETS", "NamedDataset"),
    "attnprobe.analysis.results": ("RunResults",),
    "attnprobe.base.errors": (
        "FailedError",
        "InputError",
    ),
    "attnprobe.attention.refusals": ("RefusedError",),
}
"""Module → the names of it that are public."""

_MODULES = ("identifiability", "plots")
"""Modules whose names are public, too, and which are there without being imported by themselves."""

_HOME = {name: module for module, names in _EXPORTED.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"attnprobe.{name}")
    raise AttributeError(f"module 'attnprobe' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *_MODULES, "__version__"]
