"""What a run is made with: its settings, its data, its checkpoint, and the fingerprint of all that."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from attnprobe import __version__
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.checkpoint_names import PREFIX, is_huggingface, short_name
from attnprobe.settings.data import DataLimits
from attnprobe.settings.dropout import Dropout
from attnprobe.settings.kinds import MODELS
from attnprobe.settings.ranges import check_counts
from attnprobe.settings.transformer import TransformerOptions
from attnprobe.training import TrainingSettings

FORMAT = 1
"""Counts up when the meaning of a run's files changes: older ones are then not reused."""

_UNITS = ("word", "sentence", "token")

_VERSIONS = ("torch", "numpy", "pandas", "scipy", "pyarrow", "safetensors", "spacy")
_HUGGINGFACE_VERSIONS = ("transformers", "tokenizers")


@dataclass(frozen=True)
class RunSettings:
    """Everything that decides what a run computes.

    Attributes:
        dataset: registered name, or the folder's name.
        model: registered name, or ``hf:`` and a folder or hub id.
        seed: of initial weights, order of batches, dropout, random orderings.
        word2vec: start from word2vec embeddings of the dataset's own text.
        data: how much of the dataset is used.
        dropout: rates, of HAN and FLAN.
        training: how to train, or None where the model is tested as it is.
        attention: what of a transformer's attention is erased; None for HAN and FLAN.
        transformer: what the model ``transformer`` is made with; None for all others.

    Raises:
        InputError: the seed is negative or of more than 53 bits.
    """

    dataset: str
    model: str
    seed: int = 0
    word2vec: bool = False
    data: DataLimits = field(default_factory=DataLimits)
    dropout: Dropout = field(default_factory=Dropout)
    training: TrainingSettings | None = field(default_factory=TrainingSettings)
    attention: AttentionSettings | None = None
    transformer: TransformerOptions | None = None

    def __post_init__(self) -> None:
        check_counts(self, "seed", at_least=0)

    @property
    def model_folder(self) -> str:
        """How the folder of all runs of this model is called."""
        if is_huggingface(self.model):
            return f"hf-{short_name(self.model.removeprefix(PREFIX))}"
        return self.model if self.transformer is None else self.transformer.folder

    def to_json(self) -> dict[str, Any]:
        """As nested dictionaries, without what there is none of."""
        entries = dataclasses.asdict(self)
        for name in ("attention", "transformer"):
            if entries[name] is None:
                del entries[name]
        if not self.data.given_tokens:
            del entries["data"]["given_tokens"]
        return entries

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RunSettings:
        """The inverse of :meth:`to_json`; raises KeyError or TypeError on anything else."""
        settings = dict(content)
        settings["data"] = DataLimits(**settings["data"])
        settings["dropout"] = Dropout(**settings["dropout"])
        if settings["training"] is not None:
            settings["training"] = TrainingSettings(**settings["training"])
        if "attention" in settings:
            attention = settings["attention"]
            settings["attention"] = AttentionSettings(**attention | {"label_words": tuple(attention["label_words"])})
        if "transformer" in settings:
            options = settings["transformer"]
            settings["transformer"] = TransformerOptions(**options | {"as_released": tuple(options["as_released"])})
        return cls(**settings)


@dataclass(frozen=True)
class DataSource:
    """Where a run's data come from: what it takes to load them again."""

    location: str
    label_column: str | None
    text_column: str | None
    fingerprint: str
    labels: list[str]
    documents: dict[str, int]


@dataclass(frozen=True)
class CheckpointSource:
    """The checkpoint that a run begins with.

    Attributes:
        name: for titles.
        content: hash of its weights, configuration and tokenizer.
    """

    name: str
    content: str


@dataclass(frozen=True)
class RunConfiguration:
    """The content of ``config.json``; ``checkpoint`` is None for models that have none."""

    settings: RunSettings
    data: DataSource
    checkpoint: CheckpointSource | None = None

    @property
    def fingerprint(self) -> str:
        """Hexadecimal; another one whenever settings, data, the checkpoint or the format of runs are others."""
        identity: dict[str, Any] = {
            "format": FORMAT,
            "settings": self.settings.to_json(),
            "data": self.data.fingerprint,
        }
        if self.checkpoint is not None:  # wherever it lies
            identity["settings"] |= {"model": PREFIX}
            identity["text"] = "as given"  # what its tokenizer reads
            identity["checkpoint"] = self.checkpoint.content
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    @property
    def unit(self) -> str:
        """What an item is."""
        attention = self.settings.attention
        return MODELS[self.settings.model].unit if attention is None else attention.unit

    def to_json(self) -> dict[str, Any]:
        """What ``config.json`` holds, the versions of everything at work included."""
        checkpoint = {} if self.checkpoint is None else {"checkpoint": dataclasses.asdict(self.checkpoint)}
        versions = (*_VERSIONS, *(_HUGGINGFACE_VERSIONS if checkpoint else ()))
        return {
            "attnprobe": __version__,
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "settings": self.settings.to_json(),
            "unit": self.unit,
            "data": dataclasses.asdict(self.data),
            **checkpoint,
            "versions": {
                "python": platform.python_version(),
                **{name: importlib.metadata.version(name) for name in versions},
            },
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RunConfiguration:
        """The inverse of :meth:`to_json`; raises KeyError, TypeError, ValueError or InputError on anything else."""
        checkpoint = content.get("checkpoint")
        configuration = cls(
            RunSettings.from_json(content["settings"]),
            DataSource(**content["data"]),
            None if checkpoint is None else CheckpointSource(**checkpoint),
        )
        check_types(configuration)
        if configuration.unit not in _UNITS:
            raise ValueError(f"an item cannot be a {configuration.unit}")
        return configuration

    def difference(self, wanted: RunConfiguration) -> str:
        """The first settings in which another configuration is not this one, in words."""
        old, new = self.settings, wanted.settings
        if (old.training is None) != (new.training is None):
            made, asked = ("as it is" if settings.training is None else "fine-tuned" for settings in (old, new))
            return f"the model {made}, not {asked}"
        before, after = _flat(old), _flat(new)
        changed = [f"{key} {before.get(key)}, not {value}" for key, value in after.items() if before.get(key) != value]
        if not changed and self.checkpoint != wanted.checkpoint:
            return "another checkpoint (its weights, configuration or tokenizer have changed)"
        return " and ".join(changed[:3]) or "other data (the dataset's texts, columns or tokeniser have changed)"


def check_types(instance: Any) -> None:  # noqa: ANN401
    """Raise TypeError where a field of a dataclass, or of one within it, holds what its annotation does not allow."""
    for name, kind in get_type_hints(type(instance)).items():
        value = getattr(instance, name)
        if dataclasses.is_dataclass(value):
            check_types(value)
        elif not _is_of(value, kind):
            raise TypeError(f"{name} is {type(value).__name__}, not {kind}")


def _is_of(value: object, kind: Any) -> bool:  # noqa: ANN401
    arguments = get_args(kind)
    if get_origin(kind) is UnionType:
        return any(_is_of(value, each) for each in arguments)
    if isinstance(value, list | tuple):
        return isinstance(value, get_origin(kind) or ()) and all(_is_of(each, arguments[0]) for each in value)
    if isinstance(value, dict):
        return get_origin(kind) is dict and all(_is_of(each, arguments[1]) for each in value.values())
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else get_origin(kind) or kind)


def _flat(settings: RunSettings) -> dict[str, Any]:
    entries = settings.to_json()
    training: dict[str, Any] = entries.pop("training") or {}
    attention: dict[str, Any] = entries.pop("attention", {})
    transformer: dict[str, Any] = entries.pop("transformer", {})
    del entries["data"]
    return entries | dataclasses.asdict(settings.data) | training | attention | transformer
