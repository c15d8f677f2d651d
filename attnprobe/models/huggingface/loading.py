"""Models and tokenizers of Hugging Face checkpoints: safetensors only, no code but that of transformers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

import safetensors
import torch

from attnprobe.attention.decisions import own_decision_by_name, refuse_other_heads
from attnprobe.base.bounds import MOST_JSON_BYTES
from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import read_text
from attnprobe.models.huggingface.bounded_models import (
    bounded_model,
    check_configuration,
    check_tokenizer_configuration,
)
from attnprobe.models.huggingface.checkpoint_content import entries_of, locate
from attnprobe.models.huggingface.library import SAFELY, import_transformers, quiet
from attnprobe.models.huggingface.sequences import settle_padding
from attnprobe.models.huggingface.tokenizer_of_model import check_tokenizer, give_padding
from attnprobe.settings.checkpoint_names import short_name
from attnprobe.training.finite_weights import first_not_finite

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Task = Literal["classification", "seq2seq", "masked", "causal", "tokens", "base"]
"""What a checkpoint was trained for, as far as it matters here; ``base`` is everything else."""

_CLASSES: dict[Task, tuple[str, str]] = {
    "classification": ("AutoModelForSequenceClassification", "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES"),
    "seq2seq": ("AutoModelForSeq2SeqLM", "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES"),
    "masked": ("AutoModelForMaskedLM", "MODEL_FOR_MASKED_LM_MAPPING_NAMES"),
    "causal": ("AutoModelForCausalLM", "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES"),
    "tokens": ("AutoModelForTokenClassification", "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES"),
}
"""Loaders, and the lists of architectures they are for; the first list with an architecture tells its task."""


_TOKENIZER = "tokenizer_config.json"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A loaded checkpoint.

    Attributes:
        name: for folders and titles.
        folder: where its files are.
        model: in float32, whatever its weights were saved in, and in evaluation mode.
        tokenizer: None where there is none; it has a padding token in any case.
        task: what the model was trained for.
    """

    name: str
    folder: Path
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase | None
    task: Task


def load_checkpoint(reference: str, *, tokenizer_needed: bool = True) -> Checkpoint:
    """Load a model as what it was trained for, and its tokenizer.

    Args:
        reference: a local folder, else a hub id.
        tokenizer_needed: whether a checkpoint without tokenizer is refused.

    Raises:
        InputError: transformers is not installed; there is no such checkpoint; its weights are pickled, corrupt,
            incomplete, of another shape or not finite; its architecture is not one of transformers'; its tokenizer is
            missing, unreadable or another model's; padding changes what a classifier says.
    """
    transformers = import_transformers()
    folder = locate(reference)
    task = _task(_configuration(reference, folder))
    with quiet():
        model = _load_model(transformers, reference, folder, task)
        tokenizer = _load_tokenizer(transformers, reference, folder)
    if tokenizer is not None:
        try:
            check_tokenizer(reference, model, tokenizer)
            give_padding(model, tokenizer)
            if task == "classification":
                settle_padding(model.eval(), tokenizer)
        except InputError as error:
            sentence = str(error)
            raise InputError(sentence if reference in sentence else f"{reference}: {sentence}") from None
        except Exception as error:  # as above
            raise InputError(f"{reference} cannot be used with its tokenizer: {_first_line(error)}") from None
    elif tokenizer_needed:
        raise InputError(f"{reference} has no tokenizer: save the model's own into the same folder.")
    return Checkpoint(short_name(reference), folder, model.eval(), tokenizer, task)


def decides(reference: str, *, at_token: bool = False) -> bool:
    """Whether a checkpoint decides something by itself: a class, or the next token; from its configuration alone.

    Args:
        reference: a local folder, else a hub id.
        at_token: whether it is told at which token it decides: then the label of that, or what fills it in.

    Raises:
        RefusedError: it has been trained for something that is no decision about a text.
        InputError: as :func:`load_checkpoint`.
    """
    config, names, said = _head(reference)
    refuse_other_heads(reference, names, said, at_token=at_token)
    of_text: tuple[Task, ...] = ("classification", "causal", "seq2seq")
    return _task(config) in (*of_text, "masked", "tokens") if at_token else _task(config) in of_text


def decision_of(reference: str) -> str:
    """The name of the decision that a checkpoint's head was trained for; from its configuration alone.

    Raises:
        InputError: as :func:`load_checkpoint`.
    """
    _, names, said = _head(reference)
    return own_decision_by_name(names, said)


def _head(reference: str) -> tuple[dict[str, Any], list[str], SimpleNamespace]:
    """A checkpoint's configuration, the class of its model, and what it says of its head."""
    import_transformers()
    config = _configuration(reference, locate(reference))
    classes = config.get("id2label")
    said = SimpleNamespace(
        problem_type=config.get("problem_type"), num_labels=len(classes) if isinstance(classes, dict) else None
    )
    return config, [name for name in config["architectures"][:1] if isinstance(name, str)], said


def load_classifier(checkpoint: Checkpoint, labels: list[str], seed: int) -> PreTrainedModel:
    """The checkpoint's model as a classifier of these labels, in evaluation mode.

    What the checkpoint lacks for it, at least the head's last layer in most cases, is drawn by the seed.

    Raises:
        InputError: transformers has no sequence classifier of this architecture, or a weight is not finite.
    """
    transformers = import_transformers()
    with quiet(), bounded_model(checkpoint.name, checkpoint.folder), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            model: PreTrainedModel = transformers.AutoModelForSequenceClassification.from_pretrained(
                checkpoint.folder,
                num_labels=len(labels),
                id2label=dict(enumerate(labels)),
                label2id={label: number for number, label in enumerate(labels)},
                problem_type=None,  # whatever it was trained for: it is to tell these labels apart
                ignore_mismatched_sizes=True,  # of a head for other labels: the rest is known to fit
                **SAFELY,
            )
        except ValueError:
            raise InputError(
                f"{checkpoint.name} cannot be fine-tuned: transformers has no sequence classifier of its architecture, "
                f"{checkpoint.model.config.model_type}."
            ) from None
    _check_finite(checkpoint.name, checkpoint.folder, model)
    if checkpoint.tokenizer is not None:
        give_padding(model, checkpoint.tokenizer)
        settle_padding(model.eval(), checkpoint.tokenizer)
    return model.eval()


def _configuration(reference: str, folder: Path) -> dict[str, Any]:
    """What config.json says, of a model type that transformers knows; ``architectures`` has one at least, or None."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    try:
        config = json.loads(read_text(folder / "config.json", MOST_JSON_BYTES))
        kind, architectures = config.get("model_type"), config.get("architectures") or [None]
        if not isinstance(kind, str | None) or not isinstance(architectures, list):
            raise TypeError
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise InputError(f"{folder / 'config.json'} is not a model's configuration.") from None
    if kind not in CONFIG_MAPPING_NAMES:
        own_code = ", and code that comes with a model is never run" if "auto_map" in config else ""
        raise InputError(f"{reference} is of an architecture that transformers does not know, {kind}{own_code}.")
    check_configuration(folder / "config.json", config)
    return {**config, "architectures": architectures}


def _task(config: dict[str, Any]) -> Task:
    from transformers.models.auto import modeling_auto

    for task, (_, names) in _CLASSES.items():
        if config["architectures"][0] in getattr(modeling_auto, names).values():
            return task
    return "base"


def _load_model(transformers: ModuleType, reference: str, folder: Path, task: Task) -> PreTrainedModel:
    loader = getattr(transformers, _CLASSES[task][0] if task in _CLASSES else "AutoModel")
    try:
        with bounded_model(reference, folder):
            model, loading = loader.from_pretrained(folder, output_loading_info=True, **SAFELY)
    except InputError:
        raise
    except safetensors.SafetensorError:
        raise InputError(f"{reference} is corrupt: its weights are not whole safetensors files.") from None
    except RuntimeError:
        raise InputError(f"{reference} is corrupt: its weights are not of the shapes its config.json says.") from None
    except Exception as error:  # transformers and tokenizers raise anything, Exception itself among it
        raise InputError(f"{reference} cannot be loaded: {_first_line(error)}") from None
    # The pooler of BERT and its kin is saved only where it was trained.
    missing = sorted(name for name in loading["missing_keys"] if task != "base" or "pooler" not in name)
    if missing:
        raise InputError(f"{reference} is incomplete: it lacks {len(missing)} weights, such as {missing[0]}.")
    _check_finite(reference, folder, model)
    return model


def _check_finite(reference: str, folder: Path, model: PreTrainedModel) -> None:
    """Raise an InputError where a weight is NaN or infinite, naming the tensor and the file that holds it."""
    bad = first_not_finite(model.named_parameters())
    if bad is None:
        return
    for file in sorted(folder.glob("*.safetensors")):
        with safetensors.safe_open(file, framework="pt") as content:
            name = first_not_finite((name, content.get_tensor(name)) for name in content.keys())  # noqa: SIM118
        if name is not None:
            raise InputError(f"{file} holds weights that are NaN or infinite, in {name!r}: save the model again.")
    raise InputError(f"{reference} holds weights that are NaN or infinite in 32 bits, in {bad!r}.")


def _load_tokenizer(transformers: ModuleType, reference: str, folder: Path) -> PreTrainedTokenizerBase | None:
    """None where the folder holds none; transformers itself would make one up that knows no words."""
    check_tokenizer_configuration(folder / _TOKENIZER, entries_of(folder / _TOKENIZER))
    named = [*folder.glob("tokenizer*"), *folder.glob("vocab.*"), *folder.glob("*.model")]
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True, use_fast=True
        )
    except Exception as error:  # transformers and tokenizers raise anything, Exception itself among it
        if not named:
            return None
        raise InputError(f"The tokenizer of {reference} cannot be loaded: {_first_line(error)}") from None
    needed = {"tokenizer.json", *tokenizer.vocab_files_names.values()}
    of_bytes = not tokenizer.vocab_files_names  # its vocabulary is the bytes or code points: no file holds it
    found = of_bytes or any((folder / name).exists() for name in needed)
    return tokenizer if found else None


def _first_line(error: Exception) -> str:
    """One sentence of an error that may tell a story."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line.rstrip(".:") + "."
