"""The kinds of models, one entry each: which names are its own, and which settings say something to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from attnprobe.base.errors import InputError
from attnprobe.base.registry import Registry
from attnprobe.settings.attention import TOKEN, WORD
from attnprobe.settings.checkpoint_names import PREFIX, canonical, is_huggingface, short_name
from attnprobe.settings.training import FINE_TUNING, TrainingSettings
from attnprobe.settings.transformer import TRANSFORMER

SECTIONS = ("word2vec", "dropout", "attention", "transformer")
"""Parts of a run's settings that are not for every kind of model."""


@dataclass(frozen=True)
class NamedModel:
    """A model that is made here and has a name.

    Attributes:
        description: what it is, for readers.
        unit: what its attention weighs, ``word`` or ``sentence``.
    """

    description: str
    unit: str


MODELS: Registry[NamedModel] = Registry("model")
"""All that are trained here from scratch."""

POOLED = ("han", "flan")
"""What pools items by attention, with one linear layer behind it; each with every encoder."""

ENCODER_WORDS = {"rnn": "a recurrent encoder", "conv": "a convolutional encoder", "none": "no encoder"}

for _network, _unit in (("han", "sentence"), ("flan", "word")):
    for _encoder, _words in ENCODER_WORDS.items():
        MODELS.register(f"{_network}-{_encoder}", NamedModel(f"attention over {_unit}s, {_words}", _unit))
MODELS.register(TRANSFORMER, NamedModel("attention of several heads over words, read at a first token", "word"))


def _as_it_is(model: str) -> str:
    return model


@dataclass(frozen=True)
class Kind:
    """A kind of model.

    Attributes:
        has: whether the model of this name is of this kind.
        subject: module and class (``module:class``) of what trains, keeps and loads such models.
        sections: those of ``SECTIONS`` that are for it.
        units: what an item may be where ``attention`` says it, the default first.
        training: how it is trained unless told otherwise.
        from_scratch: whether it is always trained here from random weights, and decides between the dataset's labels.
        canonical: the name as it is written down.
        folder: how the folder of all its runs is called.
    """

    has: Callable[[str], bool]
    subject: str
    sections: tuple[str, ...]
    units: tuple[str, ...] = (WORD,)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    from_scratch: bool = True
    canonical: Callable[[str], str] = _as_it_is
    folder: Callable[[str], str] = _as_it_is


KINDS: Registry[Kind] = Registry("kind of model")
KINDS.register(
    "pooled",
    Kind(
        lambda model: model in MODELS and model != TRANSFORMER,
        "attnprobe.models.pooled.subject:PooledSubject",
        ("word2vec", "dropout"),
    ),
)
KINDS.register(
    "transformer",
    Kind(
        lambda model: model == TRANSFORMER,
        "attnprobe.models.transformer.subject:TransformerSubject",
        ("attention", "transformer"),
    ),
)
KINDS.register(
    "huggingface",
    Kind(
        is_huggingface,
        "attnprobe.models.huggingface.subject:CheckpointSubject",
        ("attention",),
        units=(TOKEN, WORD),
        training=FINE_TUNING,
        from_scratch=False,
        canonical=canonical,
        folder=lambda model: f"hf-{short_name(model.removeprefix(PREFIX))}",
    ),
)


def kind_of(model: str) -> Kind:
    """The kind of the model of this name.

    Raises:
        InputError: there is no such model; the message suggests others.
    """
    for kind in KINDS.values():
        if kind.has(model):
            return kind
    raise InputError(f"There is no model {model!r}; {MODELS.suggestion(model)}")
