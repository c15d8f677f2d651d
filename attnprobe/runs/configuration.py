"""What a run is made with: its settings, its data, its checkpoint, and the fingerprint of all that."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from attnprobe import __version__
from attnprobe.explanations.names import check_names
from attnprobe.runs.meaning_records import OTHERWISE, present_meaning, present_otherwise
from attnprobe.runs.measurement_records import MEASUREMENTS_ENTRY, present_measurements
from attnprobe.runs.ordering_records import ENTRY, present_orderings
from attnprobe.settings.checkpoint_names import PREFIX
from attnprobe.settings.declaration import left_unsaid
from attnprobe.settings.kinds import kind_of
from attnprobe.settings.own_explanations import OUT
from attnprobe.settings.run_settings import RunSettings

if TYPE_CHECKING:
    from attnprobe.data.rationales import Rationales
    from attnprobe.data.tokens.segmenters import Segmenter

OWN_EXPLANATIONS = "explanations"
"""Of ``config.json``, where there is a file of them: its hash, and how many draws of each it holds."""

RATIONALES = "rationales"
"""Of ``config.json``, where people's rationales lie beside the test split: their hash, and the annotators."""

SEGMENTER = "segmenter"
"""Of ``config.json``, where a function of another package found the words: its name, and the package's version."""

FORMAT = 1
"""Counts up when the meaning of a run's files changes: older ones are then not reused."""

_UNITS = ("word", "sentence", "token")

_VERSIONS = ("torch", "numpy", "pandas", "scipy", "pyarrow", "safetensors", "spacy")
_HUGGINGFACE_VERSIONS = ("transformers", "tokenizers")


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
class ExplanationsSource:
    """A file of explanations.

    Attributes:
        content: the hash of it.
        draws: how many there are of each explanation, by name.
    """

    content: str
    draws: dict[str, int]


@dataclass(frozen=True)
class RationalesSource:
    """The files of people's rationales beside the test split.

    Attributes:
        content: the hash of them.
        annotators: their names.
    """

    content: str
    annotators: list[str]

    @classmethod
    def of(cls, rationales: Rationales | None) -> RationalesSource | None:
        """What is said of them; None of none."""
        return None if rationales is None else cls(rationales.content, list(rationales.annotators))


@dataclass(frozen=True)
class SegmenterSource:
    """The function that found the words.

    Attributes:
        name: ``PACKAGE:FUNCTION``.
        package: that it is of.
        version: of that, or what its files hold.
    """

    name: str
    package: str
    version: str

    @classmethod
    def of(cls, segmenter: Segmenter | None) -> SegmenterSource | None:
        """What is said of one; None of none."""
        return None if segmenter is None else cls(segmenter.name, *segmenter.origin)

    def __str__(self) -> str:
        return f"{self.name} of {self.package} {self.version}"


@dataclass(frozen=True)
class RunConfiguration:
    """The content of ``config.json``.

    ``checkpoint``, ``explanations``, ``rationales`` and ``segmenter`` are None where there are none.
    """

    settings: RunSettings
    data: DataSource
    checkpoint: CheckpointSource | None = None
    explanations: ExplanationsSource | None = None
    rationales: RationalesSource | None = None
    segmenter: SegmenterSource | None = None

    @property
    def fingerprint(self) -> str:
        """Hexadecimal; another one whenever settings, data, the checkpoint or the format of runs are others."""
        identity: dict[str, Any] = {
            "format": FORMAT,
            "settings": self.settings.identity(),
            "data": self.data.fingerprint,
        }
        if self.checkpoint is not None:  # wherever it lies
            identity["settings"] |= {"model": PREFIX}
            identity["text"] = "as given"  # what its tokenizer reads
            identity["checkpoint"] = self.checkpoint.content
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    @property
    def erased_by(self) -> str:
        """The fingerprint, and what tells apart how a run is probed that can be probed in other ways, too.

        That is: by which explanations and rationales of the user's, in which further ways of erasing, and whether sets
        of items are asked for.
        """
        how: dict[str, Any] = {}
        if self.explanations is not None:
            settings = self.settings.explanations
            unsaid = {"file", *left_unsaid(settings)}
            how = {name: value for name, value in dataclasses.asdict(settings).items() if name not in unsaid}
            how |= {"content": self.explanations.content}
        else:
            how = dict.fromkeys(self._no_items, OUT)
        if self.rationales is not None:
            how |= {RATIONALES: self.rationales.content}
        if self.settings.certify:
            how |= {"certify": self.settings.certify}
        if len(self.settings.erase_by) > 1:
            how |= {"otherwise": self.settings.erase_by[1:]}
        if not how:
            return self.fingerprint
        return f"{self.fingerprint}+{hashlib.sha256(json.dumps(how, sort_keys=True).encode()).hexdigest()}"

    @property
    def read_by(self) -> str:
        """The fingerprint, and what is no item, special tokens or a sink: what heads do is told of items."""
        return self.fingerprint + "".join("+out" if name == "specials" else f"+{name}" for name in self._no_items)

    @property
    def _no_items(self) -> list[str]:
        """Of which the settings say that they are no items."""
        settings = self.settings.explanations
        return [name for name in ("specials", "sinks") if getattr(settings, name) == OUT]

    @property
    def unit(self) -> str:
        """What an item is."""
        attention = self.settings.attention
        model = self.settings.model
        return kind_of(model).unit(model) if attention is None else attention.unit

    def beside(self) -> dict[str, Any]:
        """The entries of ``config.json`` on files that a run is probed with, and that no model depends on."""
        sources = {OWN_EXPLANATIONS: self.explanations, RATIONALES: self.rationales}
        return {name: dataclasses.asdict(source) for name, source in sources.items() if source is not None}

    def to_json(self) -> dict[str, Any]:
        """What ``config.json`` holds, the versions of everything at work included."""
        checkpoint = {} if self.checkpoint is None else {"checkpoint": dataclasses.asdict(self.checkpoint)}
        segmenter = {} if self.segmenter is None else {SEGMENTER: dataclasses.asdict(self.segmenter)}
        versions = (*_VERSIONS, *(_HUGGINGFACE_VERSIONS if checkpoint else ()))
        return {
            "attnprobe": __version__,
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "settings": self.settings.to_json(),
            "unit": self.unit,
            "data": dataclasses.asdict(self.data),
            **checkpoint,
            **segmenter,
            **self.beside(),
            **what_is_registered(self),
            "versions": {
                "python": platform.python_version(),
                **{name: importlib.metadata.version(name) for name in versions},
            },
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RunConfiguration:
        """The inverse of :meth:`to_json`; raises KeyError, TypeError, ValueError or InputError on anything else."""
        checkpoint, explanations, rationales = map(content.get, ("checkpoint", OWN_EXPLANATIONS, RATIONALES))
        segmenter = content.get(SEGMENTER)
        configuration = cls(
            RunSettings.from_json(content["settings"]),
            DataSource(**content["data"]),
            None if checkpoint is None else CheckpointSource(**checkpoint),
            None if explanations is None else ExplanationsSource(**explanations),
            None if rationales is None else RationalesSource(**rationales),
            None if segmenter is None else SegmenterSource(**segmenter),
        )
        check_types(configuration.data)
        beside = (configuration.explanations, configuration.rationales, configuration.segmenter)
        for source in (configuration.checkpoint, *beside):
            if source is not None:
                check_types(source)
        if configuration.explanations is not None:
            check_names(configuration.explanations.draws)
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


def what_is_registered(configuration: RunConfiguration) -> dict[str, Any]:
    """The entries of ``config.json`` that say by what a run is probed.

    Raises:
        InputError: a package offers one that cannot be used.
    """
    settings, own = configuration.settings, configuration.explanations
    told_of = present_orderings(settings.orderings, () if own is None else own.draws)
    orderings = {name: told.to_json() for name, told in told_of.items()}
    measurements = {name: told.to_json() for name, told in present_measurements().items()}
    of_measurements = {MEASUREMENTS_ENTRY: measurements} if measurements else {}
    others = {name: told.to_json() for name, told in present_otherwise(settings).items()}
    meant = present_meaning(settings).to_json() | ({OTHERWISE: others} if others else {})
    return {ENTRY: orderings} | of_measurements | meant


def check_types(instance: Any) -> None:  # noqa: ANN401
    """Raise TypeError where a field of a dataclass holds what its annotation does not allow."""
    for name, kind in get_type_hints(type(instance)).items():
        value = getattr(instance, name)
        if not _is_of(value, kind):
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
    entries = settings.identity()
    training: dict[str, Any] = {} if settings.training is None else dataclasses.asdict(settings.training)
    del entries["training"]
    attention: dict[str, Any] = entries.pop("attention", {})
    transformer: dict[str, Any] = entries.pop("transformer", {})
    del entries["data"]
    names = ("decision", "threshold", "tolerance")
    meaning = {"erase_by": settings.erase_by[0]} | {name: getattr(settings, name) for name in names}
    return entries | dataclasses.asdict(settings.data) | training | attention | transformer | meaning
