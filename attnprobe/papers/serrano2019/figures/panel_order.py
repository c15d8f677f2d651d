"""The order in which datasets and models are shown, and their names: those of Serrano & Smith (2019) first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attnprobe.erasure.registered_orderings import OWN, Role, is_smallest
from attnprobe.settings.checkpoint_names import short_model_name

MODEL_NAMES = {
    "han-rnn": "HANrnn",
    "han-conv": "HANconv",
    "han-none": "HAN without encoder",
    "flan-rnn": "FLANrnn",
    "flan-conv": "FLANconv",
    "flan-none": "FLAN without encoder",
}
"""In the paper's order."""

WITH_ENCODER = (("han-rnn", "flan-rnn"), ("han-conv", "flan-conv"))
WITHOUT_ENCODER = (("han-none", "flan-none"),)
"""The models that stand side by side: those of an encoder, HAN first."""

DATASETS = ("yahoo", "newsgroups20", "imdb", "imdb8", "amazon", "amazon_multi5", "yelp", "yelp10k")
"""The paper's datasets in its order, each before its stand-in."""


def model_name(model: str) -> str:
    """What readers are shown for a model; its own name, without the path to it, where the paper has none.

    >>> model_name("han-rnn"), model_name("hf:models/bert")
    ('HANrnn', 'bert')
    """
    return MODEL_NAMES.get(model) or short_model_name(model)


def models_in_order(models: Iterable[str]) -> list[str]:
    """Each once, the paper's first, in its order; the others by name."""
    return _in_order(models, list(MODEL_NAMES))


def datasets_in_order(datasets: Iterable[str]) -> list[str]:
    """Each once, the paper's first, in its order, each before its stand-in; the others by name."""
    return _in_order(datasets, DATASETS)


def _in_order(names: Iterable[str], known: Sequence[str]) -> list[str]:
    place = {name: i for i, name in enumerate(known)}
    return sorted(set(names), key=lambda name: (place.get(name, len(known)), name))


def in_order_of_display(shown: Iterable[Sequence[str]]) -> list[str]:
    """The orderings of several panels, each in order of display, each once; the references last."""
    names = dict.fromkeys(name for orderings in shown for name in orderings)
    return sorted(names, key=lambda name: (name in OWN and OWN[name].role is Role.REFERENCE, is_smallest(name)))


def in_rows(models: Iterable[str], rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Those of ``rows`` of which any model is there."""
    present = set(models)
    return [row for row in rows if present & set(row)]


def others_in_rows(models: Iterable[str]) -> list[tuple[str, ...]]:
    """The models that the paper does not have, two a row."""
    others = [model for model in models_in_order(models) if model not in MODEL_NAMES]
    return [tuple(others[i : i + 2]) for i in range(0, len(others), 2)]
