"""Trained transformer encoders found below folders, each with the documents that it is to be measured on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from attnprobe.base.errors import InputError
from attnprobe.base.own_files import kind_of
from attnprobe.data.batches import EncodedDocuments
from attnprobe.data.datasets import load_dataset
from attnprobe.data.limits import within_limits
from attnprobe.data.tokenised_dataset import Dataset
from attnprobe.models.transformer.network import TransformerClassifier
from attnprobe.models.transformer.subject import TransformerSubject
from attnprobe.runs.configuration import RunConfiguration
from attnprobe.runs.run_folder import RunFolder
from attnprobe.settings.transformer import TransformerOptions


@dataclass(frozen=True)
class TrainedEncoder:
    """A run that has trained a transformer encoder.

    Attributes:
        folder: its files.
        configuration: what it was made with.
    """

    folder: RunFolder
    configuration: RunConfiguration

    @property
    def options(self) -> TransformerOptions:
        """What the encoder is made with."""
        options = self.configuration.settings.transformer
        assert options is not None
        return options

    @property
    def dataset(self) -> str:
        """The name of its dataset."""
        return self.configuration.settings.dataset

    @property
    def seed(self) -> int:
        """Its seed."""
        return self.configuration.settings.seed

    def load(
        self, dataset_of: Callable[[str, str | None, str | None, bool, str | None], Dataset]
    ) -> tuple[TransformerClassifier, EncodedDocuments]:
        """The model, in evaluation mode, and its test split.

        Args:
            dataset_of: reads a dataset: its location, its columns of labels and of texts, whether tokens are given, and
                the segmenter.

        Raises:
            InputError: the model is corrupt or foreign, or the data are gone or have changed.
        """
        source = self.configuration.data
        read = self.configuration.settings.data
        whole = dataset_of(source.location, source.label_column, source.text_column, read.given_tokens, read.segmenter)
        if whole.fingerprint != source.fingerprint:
            raise InputError(f"The data in {source.location} have changed since {self.folder.config} was made.")
        dataset = within_limits(whole, self.configuration.settings.data)
        subject = TransformerSubject(self.folder, self.configuration, dataset, torch.device("cpu"))
        model, _ = subject.trained_model()
        return model.eval(), subject.encoded("test")


def find_encoders(paths: Iterable[Path]) -> list[TrainedEncoder]:
    """The trained encoders that these folders are or hold, each once, in order of path.

    Raises:
        InputError: a folder is not there, none holds a trained encoder, or a run's configuration cannot be read.
    """
    paths = list(paths)
    configs: set[Path] = set()
    for path in paths:
        if not path.is_dir():
            raise InputError(f"{path} is not a folder.")
        configs |= {config.resolve() for config in path.rglob("config.json")}
    found = []
    for config in sorted(configs):
        folder = RunFolder(config.parent)
        if kind_of(folder.model) is not None:
            configuration = folder.read_configuration()
            if configuration.settings.transformer is not None:
                found.append(TrainedEncoder(folder, configuration))
    if not found:
        raise InputError(f"There is no trained transformer encoder in {' or '.join(map(str, paths))}.")
    return found


@cache
def dataset_once(
    location: str, label_column: str | None, text_column: str | None, given_tokens: bool, segmenter: str | None
) -> Dataset:
    """A dataset, read once for all runs of it."""
    return load_dataset(
        location,
        label_column=label_column,
        text_column=text_column,
        given_tokens=given_tokens,
        segmenter=segmenter,
    )
