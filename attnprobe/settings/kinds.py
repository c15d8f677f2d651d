"""The kinds of models, one entry each: which names are its own, and which settings say something to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from attnprobe.base.registry import Registry
from attnprobe.erasure.registered_ways import OWN as OWN_WAYS
from attnprobe.erasure.registered_ways import RENORMALISE
from attnprobe.settings.attention import TOKEN, UNITS, WORD
from attnprobe.settings.checkpoint_names import PREFIX, canonical, is_huggingface, short_name
from attnprobe.settings.training import FINE_TUNING, OF_JAIN, TrainingSettings
from attnprobe.settings.transformer import TRANSFORMER
from attnprobe.settings.unfit import Named, SettingError

SECTIONS = ("word2vec", "dropout", "attention", "transformer")
"""Parts of a run's settings that are not for every kind of model."""


LONGEST_DESCRIPTION = 200
"""Characters of what lists say of a kind of model."""


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


@dataclass(frozen=True)
class Network:
    """What pools items by attention, with one linear layer behind it.

    Attributes:
        unit: what its attention weighs, ``word`` or ``sentence``.
        encoders: what may come before the attention, by name, in words.
    """

    unit: str
    encoders: Mapping[str, str]


_OF_SERRANO = {"rnn": "a recurrent encoder", "conv": "a convolutional encoder", "none": "no encoder"}
_OF_JAIN = {
    "lstm": "a bidirectional LSTM",
    "cnn": "convolutions of 1, 3, 5 and 7 words",
    "average": "a layer for each word by itself",
}

NETWORKS: Mapping[str, Network] = {
    "han": Network("sentence", _OF_SERRANO),
    "flan": Network("word", _OF_SERRANO),
    "jain": Network("word", _OF_JAIN),
}
"""By name; a model is one of them with one of its encoders."""

for _name, _network in NETWORKS.items():
    for _encoder, _described in _network.encoders.items():
        _described = f"attention over {_network.unit}s, {_described}"
        MODELS.register(f"{_name}-{_encoder}", NamedModel(_described, _network.unit))
MODELS.register(TRANSFORMER, NamedModel("attention of several heads over words, read at a first token", "word"))


def _as_it_is(model: str) -> str:
    return model


def _words(model: str) -> str:
    return WORD


@dataclass(frozen=True)
class Kind:
    """A kind of model.

    Attributes:
        description: what its models are, and how they are named, for lists.
        has: whether the model of this name is of this kind.
        subject: module and class (``module:class``) of what trains, keeps and loads such models.
        sections: those of ``SECTIONS`` that are for it.
        units: what an item may be where ``attention`` says it, the default first.
        training: how it is trained unless told otherwise.
        from_scratch: whether it is always trained here from random weights, and decides between the dataset's labels.
        canonical: the name as it is written down.
        folder: how the folder of all its runs is called.
        unit: what an item of the model of this name is, where no ``attention`` says it.
        named: how its models are named where there are too many to list.
        erase_by: the ways in which they are erased in unless told otherwise, where classes are decided.
    """

    description: str
    has: Callable[[str], bool]
    subject: str
    sections: tuple[str, ...]
    units: tuple[str, ...] = (WORD,)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    from_scratch: bool = True
    canonical: Callable[[str], str] = _as_it_is
    folder: Callable[[str], str] = _as_it_is
    unit: Callable[[str], str] = _words
    named: str = ""
    erase_by: tuple[str, ...] = (RENORMALISE,)


def _fault(entry: object) -> str | None:
    if not isinstance(entry, Kind):
        return f"it is no attnprobe.Kind, but of the type {type(entry).__name__}"
    if not isinstance(entry.description, str) or not 0 < len(entry.description) <= LONGEST_DESCRIPTION:
        return f"its description is no text of 1 to {LONGEST_DESCRIPTION} characters"
    if not set(entry.sections) <= set(SECTIONS) or not set(entry.units) <= set(UNITS) or not entry.units:
        return f"its sections are among {', '.join(SECTIONS)}, and its units among {', '.join(UNITS)}"
    return None if callable(entry.has) else "its has is no function"


KINDS: Registry[Kind] = Registry("kind of model", "attnprobe.models", _fault)
"""By name; packages offer others in this entry-point group. A model is of the first kind that has its name."""

KINDS.register(
    "pooled",
    Kind(
        "HAN and FLAN (Serrano & Smith 2019): attention pools items, one linear layer reads them",
        lambda model: model in MODELS and model.startswith(("han-", "flan-")),
        "attnprobe.models.pooled.subject:PooledSubject",
        ("word2vec", "dropout"),
        unit=lambda model: MODELS[model].unit,
        erase_by=OWN_WAYS,
    ),
)
KINDS.register(
    "jain2019",
    Kind(
        "the models of Jain & Wallace (2019): attention pools words, one linear layer reads them, no dropout",
        lambda model: model in MODELS and model.startswith("jain-"),
        "attnprobe.models.pooled.subject:PooledSubject",
        ("word2vec",),
        training=OF_JAIN,
        erase_by=OWN_WAYS,
    ),
)
KINDS.register(
    "transformer",
    Kind(
        "a transformer encoder (Bhardwaj et al. 2021) that is read at a first token",
        lambda model: model == TRANSFORMER,
        "attnprobe.models.transformer.subject:TransformerSubject",
        ("attention", "transformer"),
    ),
)
KINDS.register(
    "huggingface",
    Kind(
        "a Hugging Face transformer, from a folder or the hub",
        is_huggingface,
        "attnprobe.models.huggingface.subject:CheckpointSubject",
        ("attention",),
        units=(TOKEN, WORD),
        training=FINE_TUNING,
        from_scratch=False,
        canonical=canonical,
        folder=lambda model: f"hf-{short_name(model.removeprefix(PREFIX))}",
        named=f"{PREFIX}PATH_OR_ID",
    ),
)


def kind_of(model: str) -> Kind:
    """The kind of the model of this name.

    Raises:
        SettingError: there is no such model; the message suggests others.
    """
    for kind in KINDS.values():
        if kind.has(model):
            return kind
    raise SettingError("", "{}: there is no model {!r}; {}", Named("model"), model, MODELS.suggestion(model))
