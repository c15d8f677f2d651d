"""The settings that arguments or an experiment's file stand for."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from attnprobe.base.errors import InputError
from attnprobe.settings.attention import WORD, AttentionSettings
from attnprobe.settings.checkpoint_names import PREFIX, canonical, is_huggingface
from attnprobe.settings.experiment_files import load_experiment
from attnprobe.settings.kinds import MODELS
from attnprobe.settings.run_settings import RunSettings
from attnprobe.settings.training import FINE_TUNING
from attnprobe.settings.transformer import TRANSFORMER, TransformerOptions
from attnprobe.training import TrainingSettings

DEFAULT_DATASET = "docstrings"

EPOCHS_DOCSTRINGS = 4
"""At most, unless told otherwise: the embedded dataset is done after fewer than others."""

_ATTENTION = [field.name for field in dataclasses.fields(AttentionSettings)]
_TRANSFORMER = [field.name for field in dataclasses.fields(TransformerOptions)]


def settings_from(arguments: argparse.Namespace, *, fine_tune: bool) -> RunSettings:
    """What to run; unknown names are told before anything is read.

    Args:
        arguments: of the command.
        fine_tune: whether a Hugging Face model is trained in any case; else only one that decides nothing yet.

    Raises:
        InputError: an argument is not fit for the model, or the model or the experiment's file cannot be used.
    """
    if arguments.experiment is not None:
        settings = load_experiment(arguments.experiment, arguments.seed, _given(arguments, _TRANSFORMER))
    else:
        settings = _from_arguments(arguments)
    if is_huggingface(settings.model) and not fine_tune and _decides(settings.model):
        if settings.training != FINE_TUNING:
            raise InputError(
                f"{settings.model} is tested as it is, and not trained: leave the training settings out, "
                "or fine-tune it with attnprobe train."
            )
        return dataclasses.replace(settings, training=None)
    return settings


def _from_arguments(arguments: argparse.Namespace) -> RunSettings:
    training = {
        "epochs": arguments.epochs,
        "patience": arguments.patience,
        "learning_rate": arguments.learning_rate,
        "batch_documents": arguments.batch_size,
        "gradient_norm": arguments.gradient_norm,
        "gradient_value": arguments.gradient_value,
    }
    training = {name: value for name, value in training.items() if value is not None}
    attention, encoder = _given(arguments, _ATTENTION), _given(arguments, _TRANSFORMER)
    if encoder and arguments.model != TRANSFORMER:
        raise InputError(f"{_flag(encoder)} is for --model {TRANSFORMER}, and not for {arguments.model}.")
    if is_huggingface(arguments.model):
        return _of_checkpoint(arguments, training, attention)
    MODELS[arguments.model]
    if arguments.dataset == DEFAULT_DATASET:
        training.setdefault("epochs", EPOCHS_DOCSTRINGS)
    if arguments.model == TRANSFORMER:
        return _of_transformer(arguments, training, attention, TransformerOptions(**encoder))
    if attention:
        flag = _flag(attention)
        raise InputError(
            f"{flag} is for transformers, --model {TRANSFORMER} or {PREFIX}PATH_OR_ID, and {arguments.model} is none."
        )
    return RunSettings(
        dataset=arguments.dataset,
        model=arguments.model,
        seed=arguments.seed,
        word2vec=arguments.word2vec,
        training=TrainingSettings(**training),
    )


def _given(arguments: argparse.Namespace, names: list[str]) -> dict[str, Any]:
    return {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}


def _flag(given: dict[str, Any]) -> str:
    return f"--{next(iter(given)).replace('_', '-')}"


def _of_transformer(
    arguments: argparse.Namespace, training: dict[str, Any], attention: dict[str, Any], options: TransformerOptions
) -> RunSettings:
    if arguments.word2vec:
        raise InputError(f"--word2vec is not for the model {TRANSFORMER}.")
    if attention.get("unit", WORD) != WORD:
        raise InputError(f"--unit {attention['unit']}: the items of the model {TRANSFORMER} are words.")
    if "label_words" in attention:
        raise InputError("--label-words: the model is a classifier, which decides between its own labels.")
    return RunSettings(
        dataset=arguments.dataset,
        model=TRANSFORMER,
        seed=arguments.seed,
        training=TrainingSettings(**training),
        attention=AttentionSettings(**{"unit": WORD} | attention),
        transformer=options,
    )


def _of_checkpoint(arguments: argparse.Namespace, training: dict[str, Any], attention: dict[str, Any]) -> RunSettings:
    if arguments.word2vec:
        raise InputError(f"--word2vec is for models that are trained from scratch, and {arguments.model} is not.")
    return RunSettings(
        dataset=arguments.dataset,
        model=canonical(arguments.model),
        seed=arguments.seed,
        training=dataclasses.replace(FINE_TUNING, **training),
        attention=AttentionSettings(**attention),
    )


def _decides(model: str) -> bool:
    """Whether a checkpoint decides something by itself, as ``loading.decides`` says."""
    from attnprobe.models.huggingface.loading import decides

    return decides(model.removeprefix(PREFIX))
