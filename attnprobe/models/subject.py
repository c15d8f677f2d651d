"""What a run trains and tests: one interface to kinds of models that are made, fed and kept differently."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from attnprobe.base.errors import InputError
from attnprobe.data.batches import B, Batch, EncodedDocuments, EncodedSplit
from attnprobe.data.documents import Documents
from attnprobe.data.single_texts import document_of_text
from attnprobe.data.tokenised_dataset import Dataset
from attnprobe.data.vocabulary import Vocabulary
from attnprobe.erasure.decisions.entry import DecisionOptions
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.erasure.registered_decisions import CLASS
from attnprobe.models.named_classes import number_of_class, plain_name
from attnprobe.models.probe import Probe
from attnprobe.runs.configuration import CheckpointSource, RunConfiguration
from attnprobe.runs.configuration_entries import read_configuration
from attnprobe.runs.meaning_records import require_present
from attnprobe.runs.run_folder import RunFolder
from attnprobe.settings.own_explanations import OUT
from attnprobe.settings.run_settings import RunSettings
from attnprobe.training import TrainableClassifier
from attnprobe.training.checkpoints import load_model, save_model

if TYPE_CHECKING:
    from attnprobe.models.pooled.classifier import PooledClassifier
    from attnprobe.models.transformer.network import TransformerClassifier

M = TypeVar("M", bound=TrainableClassifier[Any])
W = TypeVar("W", "PooledClassifier", "TransformerClassifier")


def other_meanings(settings: RunSettings, first: Meaning) -> list[Meaning]:
    """What is meant by erased in a run beside what is meant first, of the same decision."""
    return [dataclasses.replace(first, erase_by=name, targets=()) for name in settings.erase_by[1:]]


class OwnClasses(NamedTuple):
    """What a model decides between, other than the dataset's labels: classes of its own, or what another decision says.

    Attributes:
        names: by number, of those that it decided for, or that bear a label's name.
        of_labels: int64 (labels,), the class that bears a label's name, whether or not it is ever decided for, −1 where
            there is none; beside another decision than for classes, which is neither right nor wrong, there is none.
    """

    names: dict[str, str]
    of_labels: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Tested(Generic[B]):
    """The model to test.

    Attributes:
        probe: it, joined to the erasure tests.
        digest: hash of what it was loaded from.
        notes: what the run's summary says of it.
        classes: where it does not decide between the dataset's labels: names of the classes of these numbers.
        tokens: whether these are all tokens of a vocabulary, none of which is a label.
    """

    probe: Probe[B]
    digest: str
    notes: dict[str, Any]
    classes: Callable[[npt.NDArray[np.integer]], list[str]] | None = None
    tokens: bool = False

    @property
    def decides_labels(self) -> bool:
        """Whether the model decides between the dataset's labels."""
        return self.classes is None and self.probe.meaning.decides_classes

    def label_names(self, labels: list[str]) -> list[str] | None:
        """What the labels are called of which each is decided by itself; None where one thing is decided.

        Args:
            labels: of the dataset.
        """
        if not self.probe.meaning.has_labels:
            return None
        return labels if self.classes is None else self.classes(np.arange(self.probe.class_count))

    def own_classes(self, decided: npt.NDArray[np.integer], labels: list[str]) -> OwnClasses | None:
        """What the model decides between, where it is not the dataset's labels.

        Args:
            decided: numbers that it decided for.
            labels: of the dataset.

        Raises:
            InputError: a decision of another package has no names for what it decides.
        """
        meaning = self.probe.meaning
        if not meaning.decides_classes:
            classes = labels if self.classes is None else self.classes(np.arange(self.probe.class_count))
            names = meaning.names(classes, decided.tolist())
            return OwnClasses({str(number): name for number, name in names.items()}, np.full(len(labels), -1))
        if self.classes is None:
            return None
        every = [] if self.tokens else self.classes(np.arange(self.probe.class_count))
        names = dict(zip(decided.tolist(), self.classes(decided), strict=True))
        by_name = {plain_name(name): number for number, name in enumerate(every)}
        of_labels = np.array([by_name.get(plain_name(label), -1) for label in labels], dtype=np.int64)
        names |= {number: every[number] for number in of_labels.tolist() if number not in names and number >= 0}
        return OwnClasses({str(number): name for number, name in names.items()}, of_labels)


class Subject(ABC, Generic[B, M]):
    """The model of a run, before and after training.

    Attributes:
        saved: where the trained model is.
        trained: whether the run trains its model at all.
        has_vocabulary: whether it reads words as numbers of a vocabulary of the training data, which the run keeps.
        takes_pairs: whether it reads pairs of texts.
    """

    saved: Path
    trained = True
    has_vocabulary = False
    takes_pairs = False

    def __init__(
        self, folder: RunFolder, configuration: RunConfiguration, dataset: Dataset, device: torch.device
    ) -> None:
        self.folder = folder
        self.configuration = configuration
        self.dataset = dataset
        self.device = device

    @classmethod
    def decides(cls, model: str, *, at_token: bool = False) -> bool:
        """Whether the model of this name decides something before it is trained here; raises InputError if unknown.

        ``at_token``: where it is told at which token it decides.
        """
        return False

    @classmethod
    def decision_of(cls, model: str) -> str:
        """The name of the decision of the model of this name that is tested as it is; raises InputError if unknown."""
        return CLASS

    @classmethod
    def source_of(cls, model: str) -> CheckpointSource | None:
        """The checkpoint that runs of the model of this name begin with, where there is one.

        Raises:
            InputError: it cannot be had.
        """
        return None

    @property
    def special_items(self) -> bool:
        """Whether special tokens are items of a transformer; else they are never erased."""
        return self.configuration.settings.explanations.specials != OUT

    @cached_property
    def meaning(self) -> Meaning:
        """What is meant in the run by erased, and by decided.

        Raises:
            InputError: the package that offers one of them is not there.
        """
        settings = self.configuration.settings
        meaning = Meaning(settings.erase_by[0], settings.decision, self.decision_options, self.targets)
        if meaning != BY_DEFAULT or len(settings.erase_by) > 1:
            require_present(read_configuration(self.folder.config))
        return meaning

    @property
    def decision_options(self) -> DecisionOptions:
        """What is set of the decision, as far as it is known before the model is loaded."""
        return self.configuration.settings.decision_options

    @property
    def targets(self) -> tuple[int, ...]:
        """Which logits are followed beside the decision, as far as it is known before the model is loaded."""
        return ()

    @property
    def training_meaning(self) -> Meaning:
        """What training for erasure means by erased."""
        training = self.configuration.settings.training
        assert training is not None, "asked of runs that train"
        return Meaning(training.mask_training_by)

    def check_training_meaning(self) -> None:
        """See to it that training can erase in the way that it is to.

        Raises:
            InputError: what takes the place of what is erased is made of what attention gives of training documents.
        """
        if self.training_meaning.needs_training:
            raise InputError(
                f"Training cannot erase by {self.training_meaning.erase_by}: what attention gives of the training "
                "documents is known of a trained model alone."
            )

    def checkpoint_with_tokenizer(self) -> tuple[Any, str]:
        """The checkpoint of transformers that is tested, and its content hash; for what is asked of such alone.

        Raises:
            InputError: the model is none.
        """
        raise InputError(f"{self.folder.path} is no run of a checkpoint of transformers, which this needs.")

    def document_of(self, text: str, second: str | None = None) -> Documents:
        """A text of somebody's as a document, its words found as those of the dataset are.

        Args:
            text: not blank.
            second: the second of a pair.

        Raises:
            InputError: it is blank, or there are two where the model reads one; or its words are those of a segmenter
                that may not be imported.
        """
        if second is not None:
            raise InputError("This model reads one text, and no pair.")
        return document_of_text(text, self.dataset, given_tokens=self.configuration.settings.data.given_tokens)

    @abstractmethod
    def encode(self, documents: Documents) -> EncodedSplit[B]:
        """Documents as the numbers that the model takes."""

    def encode_for_training(self, documents: Documents) -> EncodedSplit[B]:
        """The same without documents that there is nothing to read in."""
        return self.encode(documents)

    def encoded(self, split: str) -> EncodedSplit[B]:
        """All documents of a split, in memory, as the numbers that the model takes."""
        return self.encode(self.dataset.splits[split].documents())

    @abstractmethod
    def new_model(self) -> M:
        """A model as it is before training, a function of the seed."""

    def make_maskable(self, model: M) -> None:
        """See to it that training can erase at the attention of a model, where the settings ask for that.

        Raises:
            InputError: it cannot; the message says why.
        """
        raise InputError(f"What the attention of {self.configuration.settings.model} is training does not know.")

    @abstractmethod
    def begin(self, model: M) -> None:
        """What is done once, before the first epoch of a new model."""

    @abstractmethod
    def save(self, model: M) -> None:
        """Keep a trained model, stamped with the run's fingerprint; all of it or nothing."""

    @abstractmethod
    def check(self) -> None:
        """Raise InputError where what is kept is corrupt or foreign."""

    @abstractmethod
    def load(self) -> Tested[B]:
        """The model to test.

        Raises:
            InputError: there is none, or it is corrupt or foreign, or cannot be tested.
        """

    def require_trained(self) -> None:
        """Raise InputError where there is no trained model yet."""
        if not self.saved.exists():
            raise InputError(f"{self.folder.path} holds no trained model; run attnprobe train first.")


class VocabularySubject(Subject[Batch, W]):
    """A model that is trained from scratch on words of the dataset's own vocabulary."""

    has_vocabulary = True

    def __init__(
        self, folder: RunFolder, configuration: RunConfiguration, dataset: Dataset, device: torch.device
    ) -> None:
        super().__init__(folder, configuration, dataset, device)
        self.saved = folder.model

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The one that the run was begun with, so that only its beginning goes through the training documents.

        Raises:
            InputError: its file is not a vocabulary.
        """
        path = self.folder.vocabulary
        return Vocabulary.load(path) if path.exists() else Vocabulary.build(self.dataset)

    @property
    def decision_options(self) -> DecisionOptions:
        """See :attr:`Subject.decision_options`; the model decides between the dataset's labels."""
        options = self.configuration.settings.decision_options
        if options.given_class is None:
            return options
        return options._replace(number=number_of_class(options.given_class, self.dataset.labels))

    @property
    def targets(self) -> tuple[int, ...]:
        """See :attr:`Subject.targets`."""
        names = self.configuration.settings.targets
        return tuple(number_of_class(name, self.dataset.labels, "targets") for name in names)

    def encode(self, documents: Documents) -> EncodedDocuments:
        """Documents as numbers of the vocabulary."""
        return EncodedDocuments(documents, self.vocabulary.encode(documents))

    def encoded(self, split: str) -> EncodedDocuments:
        """All documents of a split, in memory, as numbers of the vocabulary."""
        return self.encode(self.dataset.splits[split].documents())

    def new_model(self) -> W:
        """A model with its initial weights."""
        torch.manual_seed(self.configuration.settings.seed)
        return self.made().to(self.device)

    @abstractmethod
    def made(self) -> W:
        """A model with random weights, on the CPU."""

    def begin(self, model: W) -> None:
        """Write the vocabulary."""
        self.vocabulary.save(self.folder.vocabulary)

    def save(self, model: W) -> None:
        """One safetensors file."""
        save_model(self.saved, model.state_dict(), self.configuration.fingerprint)

    def check(self) -> None:
        """Load it."""
        self.trained_model()

    def trained_model(self) -> tuple[W, str]:
        """The trained model and the hash of its file.

        Raises:
            InputError: there is none, or it is corrupt or foreign.
        """
        self.require_trained()
        model = self.new_model()
        return model, load_model(self.saved, model, self.configuration.fingerprint)
