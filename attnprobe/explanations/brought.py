"""What a program brings as an explanation: lists, arrays, tensors, stretches of text, objects of other packages.

One text's scores are numbers, one after another; or tuples (start, end, score) of stretches of it, in characters; or a
table with ``attributions`` and ``input_ids``. All texts' are one of these each, or a table of arrays that begin with
the axis of the texts. A list of several of those is one explanation, drawn several times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from attnprobe.base.errors import InputError
from attnprobe.erasure.draw_counts import MOST_DRAWS
from attnprobe.explanations.alignment import Given, Listed, Spans
from attnprobe.explanations.explainers import IsTexts, of_explainer

ATTRIBUTIONS, TOKENS, REAL = "attributions", "input_ids", "attention_mask"
"""The columns of a table of scores of tokens; the last may be missing."""


def brought_draws(name: str, brought: object, texts: Sequence[str]) -> list[list[Given]]:
    """By draw, what an explanation says of each text.

    Raises:
        InputError: it is no explanation of texts; the message says why.
    """
    try:
        of_texts = _of_texts(brought, texts)
        if of_texts is not None:
            return [of_texts]
        if not _is_sequence(brought):
            raise ValueError(f"it is {type(brought).__name__}, in which there are no scores")
        draws = [_of_texts(draw, texts) for draw in brought]  # type: ignore[attr-defined]
    except (ValueError, TypeError) as error:
        raise InputError(f"The explanation {name} cannot be read: {error}.") from None
    if not 0 < len(draws) <= MOST_DRAWS:
        raise InputError(f"The explanation {name} has {len(draws)} draws; 1 to {MOST_DRAWS} are needed.")
    made = [draw for draw in draws if draw is not None]
    if len(made) < len(draws):
        raise InputError(f"The explanation {name} cannot be read: it is neither a list of texts' scores nor of draws.")
    return made


def _of_texts(brought: Any, texts: Sequence[str]) -> list[Given] | None:  # noqa: ANN401
    """What is said of each text; None where it is not that of all texts.

    Raises:
        ValueError: it is, but cannot be used.
    """
    found = of_explainer(brought, texts)
    if isinstance(found, IsTexts):
        return [_of_text(each, row) for row, each in enumerate(found.of_each)]
    if isinstance(brought, Mapping):
        return _of_table(brought) if np.ndim(_array(brought.get(TOKENS, ()))) == 2 else None
    if not _is_sequence(brought):
        return None
    for each in brought:
        if not (_is_sequence(each) and not len(each)):  # of nothing it cannot be told
            if not _is_of_text(each, texts):
                return None
            break
    return [_of_text(_taken(each, texts, row), row) for row, each in enumerate(brought)]


def _taken(each: Any, texts: Sequence[str], row: int) -> Any:  # noqa: ANN401
    """What an object of another package says of one text; anything else itself."""
    found = of_explainer(each, texts[row : row + 1])
    return each if found is None else found.of_each[0] if isinstance(found, IsTexts) else found


def _is_of_text(each: Any, texts: Sequence[str]) -> bool:  # noqa: ANN401
    found = of_explainer(each, texts[:1])
    if found is not None:
        return not isinstance(found, IsTexts)
    if isinstance(each, Mapping):
        return np.ndim(_array(each.get(TOKENS, ()))) == 1
    if isinstance(each, Tensor | np.ndarray):
        return each.ndim == 1
    return _is_sequence(each) and (_is_number(each[0]) or _is_span(each[0]))


def _of_text(given: Any, row: int) -> Given:  # noqa: ANN401
    try:
        if isinstance(given, Listed | Spans):
            return given
        if isinstance(given, Mapping):
            return _of_row(given)
        if _is_sequence(given) and not isinstance(given, Tensor | np.ndarray) and all(map(_is_span, given)):
            return spans_of(given)
        return Listed(_numbers(given, 1))
    except (ValueError, TypeError) as error:
        raise ValueError(f"in text {row}, {error}") from None


def spans_of(given: Sequence[Any]) -> Spans:
    """Tuples (start, end, score) as arrays; raises a ValueError where a start or an end is no whole number."""
    columns = np.array(given, dtype=np.float64).reshape(-1, 3)
    ends = columns[:, :2]
    if not (np.isfinite(ends).all() and (ends == np.floor(ends)).all()):
        raise ValueError("a span does not begin and end at whole numbers of characters")
    starts, ends = ends.astype(np.int64).T
    return Spans(starts, ends, columns[:, 2])


def _of_table(table: Mapping[str, Any]) -> list[Given]:
    """Arrays (texts, tokens): each row by itself."""
    tokens = _array(table[TOKENS])
    scores = _array(table.get(ATTRIBUTIONS, ()))
    real = _array(table[REAL]) if REAL in table else np.ones_like(tokens)
    if scores.shape[:2] != tokens.shape or real.shape != tokens.shape:
        raise ValueError(f"{ATTRIBUTIONS} have the shape {scores.shape}, but the tokens {tokens.shape}")
    names = (ATTRIBUTIONS, TOKENS, REAL)
    return [_of_row(dict(zip(names, row, strict=True))) for row in zip(scores, tokens, real, strict=True)]


def _of_row(row: Mapping[str, Any]) -> Listed:
    """One text's: (tokens,), or (tokens, dim), which is summed as is usual for gradients of embeddings."""
    if ATTRIBUTIONS not in row:
        raise ValueError(f"there is a table without {ATTRIBUTIONS}")
    tokens, scores = _array(row[TOKENS]), _array(row[ATTRIBUTIONS]).astype(np.float64)
    scores = scores.sum(-1) if scores.ndim == 2 else scores
    if scores.shape != tokens.shape:
        raise ValueError(f"there are {ATTRIBUTIONS} of the shape {scores.shape} of {len(tokens):,} tokens")
    real = _array(row[REAL]).astype(bool) if REAL in row else np.ones(len(tokens), dtype=bool)
    return Listed(scores[real], tokens[real].astype(np.int64))


def _numbers(given: Any, axes: int) -> npt.NDArray[np.float64]:  # noqa: ANN401
    numbers = _array(given)
    if numbers.ndim != axes or numbers.dtype.kind not in "fiub":
        what = f"an array of the shape {numbers.shape}" if numbers.ndim != axes else f"{numbers.dtype} in it"
        raise ValueError(f"there is {what}, but one number after another is needed")
    return numbers.astype(np.float64)


def arrays_of_batches(
    name: str, brought: object, masks: Sequence[npt.NDArray[np.bool_]]
) -> list[list[npt.NDArray[np.float64]]]:
    """By draw, the scores of each batch's tokens (documents, tokens), padding's among them.

    Args:
        name: of the explanation.
        brought: an array a batch, or a list of several of these.
        masks: True where a token is real (documents, tokens), by batch.

    Raises:
        InputError: it is no explanation of these batches.
    """
    if not _is_sequence(brought) or not len(brought):  # type: ignore[arg-type]
        raise InputError(f"The explanation {name} is {type(brought).__name__}, but an array a batch is needed.")
    draws: Sequence[Any] = brought if _depth(brought) > 3 else [brought]  # type: ignore[assignment]
    if len(draws) > MOST_DRAWS:
        raise InputError(f"The explanation {name} has {len(draws)} draws; 1 to {MOST_DRAWS} are needed.")
    made = []
    for draw in draws:
        if len(draw) != len(masks):
            raise InputError(f"The explanation {name} is of {len(draw)} batches, but there are {len(masks)}.")
        arrays = []
        for number, (each, mask) in enumerate(zip(draw, masks, strict=True)):
            try:
                scores = _numbers(each, 2)
            except (ValueError, TypeError) as error:
                raise InputError(f"The explanation {name} cannot be read: in batch {number}, {error}.") from None
            if scores.shape != mask.shape:
                raise InputError(
                    f"The explanation {name} has scores of the shape {scores.shape} of batch {number}, whose tokens "
                    f"have the shape {mask.shape}."
                )
            arrays.append(scores)
        made.append(arrays)
    return made


def _depth(brought: Any) -> int:  # noqa: ANN401
    """How many axes it has, by its first elements."""
    if isinstance(brought, Tensor | np.ndarray):
        return brought.ndim
    return 1 + _depth(brought[0]) if _is_sequence(brought) and len(brought) else 0


def _array(values: Any) -> npt.NDArray[Any]:  # noqa: ANN401
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        values = (values.double() if values.is_floating_point() else values).numpy()
    return np.asarray(values)


def _is_sequence(given: object) -> bool:
    return isinstance(given, Sequence | Tensor | np.ndarray) and not isinstance(given, str | bytes | Listed | Spans)


def _is_number(given: object) -> bool:
    if isinstance(given, Tensor | np.ndarray):
        return given.ndim == 0
    return isinstance(given, int | float | np.number)


def _is_span(given: object) -> bool:
    return type(given) is tuple and len(given) == 3 and all(map(_is_number, given))
