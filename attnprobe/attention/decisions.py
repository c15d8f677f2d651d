"""Which models decide by argmax, so that an erasure can flip their decision: the check before every verdict.

A sequence classifier with two logits or more and a language model decide: for the class, or the next token, that has
the largest logit. What labels each token, fills in masked ones, marks a span, scores one thing or says yes and no to
several labels does not; its attention can be seen and edited all the same (``AttachedModel``).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from torch import nn

from attnprobe.attention.attachment import Attachment, attach
from attnprobe.attention.model_call import Inputs, ModelCall
from attnprobe.attention.refusals import RefusedError

_CLASSIFIERS = "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES"
_MASKED = "MODEL_FOR_MASKED_LM_MAPPING_NAMES"
_LANGUAGE_MODELS = ("MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES", "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES")
"""Lists of transformers; a class that is in several is what the first of them says (Bart's masked model generates)."""

_OTHER_TASKS = {
    "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES": "is a token classifier, which labels every token",
    "MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES": "is a question answerer, which marks where an answer begins and ends",
    "MODEL_FOR_MULTIPLE_CHOICE_MAPPING_NAMES": "is a multiple-choice model, which scores each text by itself",
}
"""Heads that were trained for another decision than about a text."""

_PRETRAINING = {
    _MASKED: "is a masked language model, which fills in single tokens",
    "MODEL_FOR_NEXT_SENTENCE_PREDICTION_MAPPING_NAMES": "is a next-sentence predictor, which judges pairs of texts",
    "MODEL_FOR_PRETRAINING_MAPPING_NAMES": "has the heads of its pretraining",
}
"""Heads that are dropped when a checkpoint is fine-tuned."""

_PROBLEMS = {
    "multi_label_classification": "is a multi-label classifier, which says yes or no to each label",
    "regression": "is a regression model, which predicts numbers",
}
"""What configurations call ``problem_type``."""

_ONE_LOGIT = "gives one logit, a score"

_SO = "it has no argmax decision about a text, and gets no verdict"


def attach_to_decision(call: ModelCall, inputs: Inputs) -> Attachment:
    """As ``attach``, of a model that decides by argmax. Whoever erases to see decisions flip goes through here.

    Raises:
        RefusedError: the model has no argmax decision; or as ``attach`` says.
    """
    why = _why_not(call.model)
    if why is not None:
        raise RefusedError(f"{type(call.model).__name__} {why}: {_SO}.")
    attachment = attach(call, inputs)
    require_decision(attachment)
    return attachment


def require_decision(attachment: Attachment) -> None:
    """See that a model that is attached to decides by argmax.

    Raises:
        RefusedError: it does not.
    """
    model = attachment.call.model
    why = _why_not(model) or (_ONE_LOGIT if attachment.classes < 2 else None)
    if why is not None:
        raise RefusedError(f"{type(model).__name__} {why}: {_SO}.")


def refuse_other_heads(reference: str, architectures: Iterable[str], config: object) -> None:
    """Refuse a checkpoint whose head was trained for something else than an argmax decision about a text.

    A checkpoint with no head but that of its pretraining is none of these: it is given the head of a classifier.

    Args:
        reference: what the user calls it.
        architectures: the names of its classes.
        config: with ``problem_type`` and ``num_labels``, where it says them.

    Raises:
        RefusedError: it has such a head.
    """
    why = _why_not_by_name(architectures, config, _OTHER_TASKS)
    if why is not None:
        train = "attnprobe train makes a sequence classifier of it"
        raise RefusedError(f"{reference} {why}: {_SO}; {train}.")


def _why_not(model: nn.Module) -> str | None:
    """Why a model has no argmax decision, as far as that is known without running it."""
    names = [part.__name__ for part in type(model).__mro__]
    if "PreTrainedModel" not in names:
        return None
    config: Any = getattr(model, "config", None)
    generates: Any = getattr(model, "can_generate", lambda: False)
    if generates() and not set(names) & {*_names(_MASKED), *_names(_CLASSIFIERS)}:
        return None  # a language model of several modalities, or someone's own
    return _why_not_by_name(names, config, _OTHER_TASKS | _PRETRAINING)


def _why_not_by_name(names: Iterable[str], config: object, heads: dict[str, str]) -> str | None:
    """The same of a model of these classes, the most derived first; ``heads`` are refused."""
    for name in names:
        if name in _names(_CLASSIFIERS):
            return _why_no_single_label(config)
        if name in _names(_LANGUAGE_MODELS[0]):
            return None
        masked = name in _names(_MASKED) and not getattr(config, "causal", False)
        if not masked and name in _names(_LANGUAGE_MODELS[1]):
            return None
        for head, words in heads.items():
            if name in _names(head):
                return words
    return None


def _why_no_single_label(config: object) -> str | None:
    problem = _PROBLEMS.get(str(getattr(config, "problem_type", None)))
    if problem is not None:
        return problem
    return _ONE_LOGIT if getattr(config, "num_labels", None) == 1 else None


@cache
def _names(of: str) -> frozenset[str]:
    """The classes that transformers has in one of its lists."""
    from transformers.models.auto import modeling_auto

    return frozenset(getattr(modeling_auto, of, {}).values())
