"""Models as settings name them, with the attention that they name: of their own, uniform, or another run's."""

from __future__ import annotations

from pathlib import Path

from attnprobe.base.errors import InputError
from attnprobe.data.vocabulary import Vocabulary
from attnprobe.models.pooled.architectures import POOLED
from attnprobe.models.pooled.classifier import PooledClassifier
from attnprobe.models.pooled.given_attention import FrozenAttention, UniformAttention
from attnprobe.runs.configuration import RunConfiguration
from attnprobe.runs.run_folder import RunFolder
from attnprobe.settings.run_settings import RunSettings
from attnprobe.settings.training import FROZEN, LEARNED, UNIFORM
from attnprobe.training.checkpoints import load_model


def made_of(settings: RunSettings, words: int, classes: int) -> PooledClassifier:
    """A model with random weights; of another run whose attention it has, the shape alone.

    Args:
        settings: of the run.
        words: of the vocabulary.
        classes: that it decides between.

    Raises:
        InputError: that run cannot be used.
    """
    model = POOLED[settings.model](words, classes, settings.dropout)
    attention = LEARNED if settings.training is None else settings.training.attention
    if attention == UNIFORM:
        model.attention = UniformAttention()
    elif attention != LEARNED:
        guide = made_of(_configuration(attention).settings, words, classes)
        if guide.unit != model.unit:
            raise InputError(
                f"{attention.removeprefix(FROZEN)}: its attention weighs {guide.unit}s, and that of {settings.model} "
                f"{model.unit}s."
            )
        model.attention = FrozenAttention(guide)
    return model


def load_guide(guide: PooledClassifier, settings: RunSettings, vocabulary: Vocabulary) -> None:
    """Put the trained weights of the other run into the model that was made for them.

    Raises:
        InputError: that run is not trained, or its words or classes are others.
    """
    assert settings.training is not None
    folder, configuration = _folder(settings.training.attention), _configuration(settings.training.attention)
    if not folder.model.exists():
        raise InputError(f"{folder.path} holds no trained model; run attnprobe train first.")
    if Vocabulary.load(folder.vocabulary).words != vocabulary.words:
        raise InputError(f"{folder.vocabulary} is another vocabulary: its model was trained on other documents.")
    load_model(folder.model, guide, configuration.fingerprint)


def _folder(attention: str) -> RunFolder:
    return RunFolder(Path(attention.removeprefix(FROZEN)))


def _configuration(attention: str) -> RunConfiguration:
    folder = _folder(attention)
    configuration = folder.read_configuration()
    if configuration.settings.model not in POOLED:
        raise InputError(f"{folder.path}: the attention of {configuration.settings.model} does not pool items.")
    return configuration
