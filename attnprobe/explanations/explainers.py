"""Objects of packages that explain, known by their attributes alone: none of these packages is imported.

shap: ``shap.Explanation`` of texts, or of one. lime: ``lime.explanation.Explanation`` of a text. inseq:
``FeatureAttributionOutput``, of which the attributions of the first generated token are taken. ferret:
``Explanation``. What captum gives is a tensor, and what thermostat stores are rows of a table: see ``brought``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.explanations.alignment import Given, Listed, Spans


class IsTexts(NamedTuple):
    """What an object says of each of several texts."""

    of_each: list[Given]


def of_explainer(given: Any, texts: Sequence[str]) -> Given | IsTexts | None:  # noqa: ANN401
    """What an object of a package that explains says of texts, or of one; None of any other object.

    Args:
        given: the object.
        texts: that it is of; one where it is of one.

    Raises:
        ValueError: it does not say what is needed; the message says what.
    """
    for attributes, read in _EXPLAINERS.items():
        if all(hasattr(given, attribute) for attribute in attributes):
            return read(given, texts)
    return None


def _of_shap(given: Any, texts: Sequence[str]) -> Given | IsTexts:  # noqa: ANN401
    data = given.data
    if data is None or not len(data):
        raise ValueError("the shap.Explanation holds no tokens")
    if isinstance(data[0], str):
        return _of_shap_text(given.values, given.base_values, data, texts[0])
    if len(data) != len(texts):
        raise ValueError(f"the shap.Explanation is of {len(data):,} texts, but there are {len(texts):,}")
    base = np.asarray(given.base_values)
    bases = base if base.ndim and len(base) == len(data) else [base] * len(data)
    return IsTexts([_of_shap_text(*each) for each in zip(given.values, bases, data, texts, strict=True)])


def _of_shap_text(values: Any, base: Any, tokens: Sequence[str], text: str) -> Given:  # noqa: ANN401
    """Of several outputs the largest explained one: values add up to the outputs (Lundberg & Lee 2017)."""
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim == 2:
        scores = scores[:, int(np.argmax(scores.sum(0) + np.asarray(base, dtype=np.float64)))]
    if scores.shape != (len(tokens),):
        raise ValueError(f"the shap.Explanation has values of the shape {scores.shape} of {len(tokens):,} tokens")
    found = None if "" in tokens else _places(tokens, text)  # an empty one is a special token
    return Listed(scores) if found is None else Spans(*found, scores)


def _places(tokens: Sequence[str], text: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None:
    """Where tokens begin and end in a text, one behind the other; None where they are not its own words."""
    starts, end = [], 0
    for token in tokens:
        start = text.find(token.strip(), end)
        if start < 0 or not token.strip():
            return None
        starts.append(start)
        end = start + len(token.strip())
    begins = np.array(starts, dtype=np.int64)
    return begins, begins + np.array([len(token.strip()) for token in tokens], dtype=np.int64)


def _of_lime(given: Any, texts: Sequence[str]) -> Given:  # noqa: ANN401
    """Of the class that is predicted; of two classes the one's weights are the other's with another sign."""
    string = getattr(given.domain_mapper, "indexed_string", None)
    if string is None:
        raise ValueError("the lime explanation is of no text")
    if string.raw_string() != texts[0]:
        raise ValueError("the lime explanation is of another text")
    weights: Mapping[int, Any] = given.local_exp
    predicted = int(np.argmax(given.predict_proba))
    sign = 1.0
    if predicted not in weights:
        if len(given.predict_proba) != 2 or not weights:
            raise ValueError(f"the lime explanation is not of class {predicted}, which is predicted: give top_labels=1")
        predicted, sign = 1 - predicted, -1.0
    spans = [
        (int(start), int(start) + len(string.word(word)), sign * float(weight))
        for word, weight in weights[predicted]
        for start in np.atleast_1d(string.string_position(word))
    ]
    columns = np.array(spans, dtype=np.float64).reshape(-1, 3)
    return Spans(columns[:, 0].astype(np.int64), columns[:, 1].astype(np.int64), columns[:, 2])


def _of_inseq(given: Any, texts: Sequence[str]) -> IsTexts:  # noqa: ANN401
    if len(given.sequence_attributions) != len(texts):
        found = len(given.sequence_attributions)
        raise ValueError(f"the inseq output is of {found:,} texts, but there are {len(texts):,}")
    return IsTexts([_of_sequence(each) for each in given.sequence_attributions])


def _of_sequence(given: Any) -> Given:  # noqa: ANN401
    """The first generated token's attributions to the source; of a model without one, to the text before it."""
    if given.source_attributions is not None:
        read, scores = given.source, given.source_attributions
    elif given.target_attributions is not None:
        read = given.target[: given.attr_pos_start]
        scores = given.target_attributions[: given.attr_pos_start]
    else:
        raise ValueError("the inseq output holds no attributions")
    numbers = np.asarray(scores.detach().cpu().double())
    numbers = numbers.sum(tuple(range(2, numbers.ndim)))  # (tokens, generated), whatever is behind
    return Listed(numbers[:, 0], np.array([token.id for token in read], dtype=np.int64))


def _of_ferret(given: Any, texts: Sequence[str]) -> Given:  # noqa: ANN401
    if given.text != texts[0]:
        raise ValueError("the ferret explanation is of another text")
    return Listed(np.asarray(given.scores, dtype=np.float64))


_EXPLAINERS: Mapping[tuple[str, ...], Callable[[Any, Sequence[str]], Given | IsTexts]] = {
    ("values", "base_values", "data"): _of_shap,
    ("local_exp", "domain_mapper", "predict_proba"): _of_lime,
    ("sequence_attributions",): _of_inseq,
    ("text", "tokens", "scores", "explainer"): _of_ferret,
}
"""By the attributes that tell whose an object is."""
