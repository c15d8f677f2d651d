"""Which decision a model's head was trained for, and which models decide nothing: the check before every verdict.

A sequence classifier decides for the class of the largest logit; with one logit it predicts a number, as transformers
trains it, or says yes and no; with ``problem_type`` multi-label classification it says so to each label. A language
model decides for the next token. What labels each token or fills in masked ones decides where it is told at which token
(``READ_AT``). What marks a span decides nothing about a text; its attention can be seen and edited all the same
(``AttachedModel``).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from torch import nn

from attnprobe.attention.attachment import Attachment, TokensSaid, attach
from attnprobe.attention.model_call import READ_AT, Inputs, ModelCall
from attnprobe.attention.refusals import RefusedError
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.erasure.registered_decisions import CLASS, MULTI_LABEL, ONE_LOGIT, REGRESSION

_CLASSIFIERS = (
    "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES",
    "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES",
    "MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES",
    "MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING_NAMES",
)
_MASKED = "MODEL_FOR_MASKED_LM_MAPPING_NAMES"
_LANGUAGE_MODELS = ("MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES", "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES")
"""Lists of transformers; a class that is in several is what the first of them says (Bart's masked model generates)."""

_TOKEN_CLASSIFIERS = "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES"

_OTHER_TASKS = {
    _TOKEN_CLASSIFIERS: "is a token classifier, which labels every token",
    "MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES": "is a question answerer, which marks where an answer begins and ends",
    "MODEL_FOR_MULTIPLE_CHOICE_MAPPING_NAMES": "is a multiple-choice model, which scores each text by itself",
    "MODEL_FOR_CTC_MAPPING_NAMES": "writes a letter for every frame of a sound",
    "MODEL_FOR_AUDIO_FRAME_CLASSIFICATION_MAPPING_NAMES": "labels every frame of a sound",
    "MODEL_FOR_AUDIO_XVECTOR_MAPPING_NAMES": "gives a vector of a voice",
    "MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES": "marks things in a picture",
    "MODEL_FOR_ZERO_SHOT_OBJECT_DETECTION_MAPPING_NAMES": "marks things in a picture",
    "MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES": "labels every pixel",
    "MODEL_FOR_IMAGE_SEGMENTATION_MAPPING_NAMES": "labels every pixel",
    "MODEL_FOR_UNIVERSAL_SEGMENTATION_MAPPING_NAMES": "labels every pixel",
    "MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES": "gives a depth for every pixel",
}
"""Heads that were trained for another decision than about a text."""

_PRETRAINING = {
    _MASKED: "is a masked language model, which fills in single tokens",
    "MODEL_FOR_MASKED_IMAGE_MODELING_MAPPING_NAMES": "fills in patches of a picture",
    "MODEL_FOR_NEXT_SENTENCE_PREDICTION_MAPPING_NAMES": "is a next-sentence predictor, which judges pairs of texts",
    "MODEL_FOR_PRETRAINING_MAPPING_NAMES": "has the heads of its pretraining",
}
"""Heads that are dropped when a checkpoint is fine-tuned."""

_DECISIONS = {"regression": REGRESSION, "multi_label_classification": MULTI_LABEL}
"""By what configurations call ``problem_type``."""

_SAYS = {
    ONE_LOGIT: "says yes or no by one logit",
    MULTI_LABEL: "says yes or no to each label",
    REGRESSION: "predicts a number",
}
"""What heads do that decide for no class."""

_OF_TOKENS = (_MASKED, _TOKEN_CLASSIFIERS)
"""Lists of heads that decide, each token by itself."""

_SO = "it has no decision about a text, and gets no verdict"

_SAY_WHERE = "say at which token it decides (at: a special token as [MASK], a position, or a word)"


def attach_to_decision(
    call: ModelCall, inputs: Inputs, meaning: Meaning = BY_DEFAULT, said: TokensSaid | None = None
) -> Attachment:
    """As ``attach``, of a model that decides so. Whoever erases to see decisions flip goes through here.

    Raises:
        RefusedError: the model has no such decision; or as ``attach`` says.
    """
    at_token = inputs.get(READ_AT) is not None
    _require_head(call.model, at_token=at_token)
    attachment = attach(call, inputs, said)
    require_decision(attachment, meaning, at_token=at_token)
    return attachment


def require_decision(attachment: Attachment, meaning: Meaning = BY_DEFAULT, *, at_token: bool = False) -> None:
    """See that a model that is attached to decides so; ``at_token``: where it is told at which token it decides.

    Raises:
        RefusedError: it does not.
    """
    model, found = attachment.call.model, attachment.classes
    _require_head(model, at_token=at_token)
    if attachment.call.embedding:
        raise RefusedError(
            f"{type(model).__name__} gives embeddings ({attachment.call.embedding}) and no logits: {_SO}."
        )
    own = own_decision(model)
    if meaning.decides_classes and own != CLASS:
        raise RefusedError(f"{type(model).__name__} {_SAYS[own]}: its decision is {own}, and not {CLASS}.")
    numbers = [*meaning.targets, *([] if meaning.options.number is None else [meaning.options.number])]
    for number in (each for each in numbers if each >= found):
        raise RefusedError(f"{type(model).__name__} gives {found:,} logits, of which none is number {number:,}.")
    least, most = meaning.counts_of_logits
    if least <= found <= (most or found):
        return
    gives = "gives one logit" if found == 1 else f"gives {found:,} logits"
    if meaning.decides_classes:
        sentence = (
            f"{gives}, of which none is the largest: say what it means, by the decision {ONE_LOGIT} or {REGRESSION}"
        )
    else:
        needed = f"{least}" if least == most else f"{least} or more" if most is None else f"{least} to {most}"
        sentence = f"{gives}, and the decision {meaning.decision} is for {needed}"
    raise RefusedError(f"{type(model).__name__} {sentence}.")


def own_decision(model: object) -> str:
    """The name of the decision that a model's head was trained for; that for a class where nothing says another.

    Args:
        model: any; of transformers it says so by its class and its configuration.
    """
    names = [part.__name__ for part in type(model).__mro__]
    if "PreTrainedModel" not in names:
        return CLASS
    return own_decision_by_name(names, getattr(model, "config", None))


def own_decision_by_name(names: Iterable[str], config: object) -> str:
    """The same of a model of these classes.

    Args:
        names: the most derived first.
        config: with ``problem_type`` and ``num_labels``, where it says them.
    """
    if not set(names) & _classifiers():
        return CLASS
    labels, problem = getattr(config, "num_labels", None), str(getattr(config, "problem_type", None))
    if labels == 1:  # transformers trains one logit as a number, unless told of labels
        return ONE_LOGIT if problem == "multi_label_classification" else REGRESSION
    return _DECISIONS.get(problem, CLASS)


def _require_head(model: nn.Module, *, at_token: bool) -> None:
    why = _why_not(model)
    if why is None:
        return
    of_tokens = _decides_at_tokens(part.__name__ for part in type(model).__mro__)
    if not (at_token and of_tokens):
        raise RefusedError(f"{type(model).__name__} {why}: {_SO}{'; ' + _SAY_WHERE if of_tokens else ''}.")


def _decides_at_tokens(names: Iterable[str]) -> bool:
    """Whether a model of these classes, the most derived first, has a head that decides each token by itself."""
    return any(name in _names(of) for name in names for of in _OF_TOKENS)


def refuse_other_heads(reference: str, architectures: Iterable[str], config: object, *, at_token: bool = False) -> None:
    """Refuse a checkpoint whose head was trained for something else than a decision about a text.

    A checkpoint with no head but that of its pretraining is none of these: it is given the head of a classifier.

    Args:
        reference: what the user calls it.
        architectures: the names of its classes.
        config: with ``problem_type`` and ``num_labels``, where it says them.
        at_token: whether it is told at which token it decides.

    Raises:
        RefusedError: it has such a head.
    """
    architectures = list(architectures)
    why = _why_not_by_name(architectures, config, _OTHER_TASKS)
    of_tokens = _decides_at_tokens(architectures)
    if why is not None and not (at_token and of_tokens):
        where = f"{_SAY_WHERE}, or let " if of_tokens else ""
        train = "attnprobe train make a sequence classifier of it"
        train = f"{where}{train}" if where else train.replace("make", "makes")
        raise RefusedError(f"{reference} {why}: {_SO}; {train}.")


def _why_not(model: nn.Module) -> str | None:
    """Why a model has no decision about a text, as far as that is known without running it."""
    names = [part.__name__ for part in type(model).__mro__]
    if "PreTrainedModel" not in names:
        return None
    config: Any = getattr(model, "config", None)
    generates: Any = getattr(model, "can_generate", lambda: False)
    if generates() and not set(names) & {*_names(_MASKED), *_classifiers()}:
        return None  # a language model of several modalities, or someone's own
    return _why_not_by_name(names, config, _OTHER_TASKS | _PRETRAINING)


def _why_not_by_name(names: Iterable[str], config: object, heads: dict[str, str]) -> str | None:
    """The same of a model of these classes, the most derived first; ``heads`` are refused."""
    for name in names:
        if name in _classifiers():
            return None
        if name in _names(_LANGUAGE_MODELS[0]):
            return None
        masked = name in _names(_MASKED) and not getattr(config, "causal", False)
        if not masked and name in _names(_LANGUAGE_MODELS[1]):
            return None
        for head, words in heads.items():
            if name in _names(head):
                return words
    return None


def _classifiers() -> frozenset[str]:
    return frozenset[str]().union(*map(_names, _CLASSIFIERS))


@cache
def _names(of: str) -> frozenset[str]:
    """The classes that transformers has in one of its lists."""
    from transformers.models.auto import modeling_auto

    return frozenset(getattr(modeling_auto, of, {}).values())
