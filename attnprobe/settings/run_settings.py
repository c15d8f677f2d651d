"""The settings of a run: everything that decides what it computes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from attnprobe.erasure.registered_decisions import CLASS
from attnprobe.erasure.registered_ways import RENORMALISE
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.data import DataLimits
from attnprobe.settings.dropout import Dropout
from attnprobe.settings.kinds import kind_of
from attnprobe.settings.ranges import check_counts
from attnprobe.settings.training import TrainingSettings
from attnprobe.settings.transformer import TransformerOptions


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
        erase_by: the name of a way of erasing.
        decision: the name of what flips.

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
    erase_by: str = RENORMALISE
    decision: str = CLASS

    def __post_init__(self) -> None:
        check_counts(self, "seed", at_least=0)

    @property
    def model_folder(self) -> str:
        """How the folder of all runs of this model is called."""
        return kind_of(self.model).folder(self.model) if self.transformer is None else self.transformer.folder

    def to_json(self) -> dict[str, Any]:
        """As nested dictionaries, without what there is none of, and the defaults of what runs of before do not say."""
        entries = dataclasses.asdict(self)
        for name in ("attention", "transformer"):
            if entries[name] is None:
                del entries[name]
        for name, default in (("erase_by", RENORMALISE), ("decision", CLASS)):
            if entries[name] == default:
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
