"""The settings that arguments or an experiment's file stand for."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from attnprobe.base.errors import InputError
from attnprobe.erasure.registered_decisions import DECISIONS
from attnprobe.erasure.registered_ways import ERASING
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.checkpoint_names import PREFIX
from attnprobe.settings.experiment_files import load_experiment
from attnprobe.settings.kinds import kind_of
from attnprobe.settings.run_settings import RunSettings
from attnprobe.settings.transformer import TRANSFORMER, TransformerOptions

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
    settings = dataclasses.replace(settings, **_given(arguments, ["erase_by", "decision"]))
    ERASING.require(settings.erase_by)
    DECISIONS.require(settings.decision)
    from attnprobe.models.kinds import subject_class

    if not fine_tune and subject_class(settings.model).decides(settings.model):
        if settings.training != kind_of(settings.model).training:
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
    kind = kind_of(arguments.model)
    if encoder and TRANSFORMER not in kind.sections:
        raise InputError(f"{_flag(encoder)} is for --model {TRANSFORMER}, and not for {arguments.model}.")
    if attention and "attention" not in kind.sections:
        raise InputError(
            f"{_flag(attention)} is for transformers, --model {TRANSFORMER} or {PREFIX}PATH_OR_ID, "
            f"and {arguments.model} is none."
        )
    if arguments.word2vec and "word2vec" not in kind.sections:
        raise InputError(f"--word2vec is not for the model {arguments.model}.")
    if kind.from_scratch:
        _check_labels(attention)
        if arguments.dataset == DEFAULT_DATASET:
            training.setdefault("epochs", EPOCHS_DOCSTRINGS)
    if attention.get("unit", kind.units[0]) not in kind.units:
        raise InputError(f"--unit {attention['unit']}: the items of the model {arguments.model} are {kind.units[0]}s.")
    return RunSettings(
        dataset=arguments.dataset,
        model=kind.canonical(arguments.model),
        seed=arguments.seed,
        word2vec=arguments.word2vec,
        training=dataclasses.replace(kind.training, **training),
        attention=AttentionSettings(**{"unit": kind.units[0]} | attention) if "attention" in kind.sections else None,
        transformer=TransformerOptions(**encoder) if TRANSFORMER in kind.sections else None,
    )


def _check_labels(attention: dict[str, Any]) -> None:
    if "label_words" in attention:
        raise InputError("--label-words: the model is a classifier, which decides between its own labels.")


def _given(arguments: argparse.Namespace, names: list[str]) -> dict[str, Any]:
    return {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}


def _flag(given: dict[str, Any]) -> str:
    return f"--{next(iter(given)).replace('_', '-')}"
