"""Attention weights as a run keeps them to be looked at: a byte each, of the weight's square root.

The square root has steps where a reader looks for them: weights near nothing are told apart. A weight w is off by no
more than √w / 255, and by no more than .2 points from .26 down.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import numpy as np
import numpy.typing as npt

STEPS = 255
"""The code of a weight of one."""

Codes = npt.NDArray[np.uint8]


def as_codes(weights: npt.NDArray[np.floating[Any]]) -> Codes:
    """The codes, of the same shape.

    >>> as_codes(np.array([0.0, 1e-4, 0.25, 1.0])).tolist()
    [0, 3, 128, 255]
    """
    codes: Codes = np.rint(STEPS * np.sqrt(np.clip(weights.astype(np.float64), 0, 1))).astype(np.uint8)
    return codes


def weights_of(codes: Codes) -> npt.NDArray[np.float64]:
    """The weights that codes stand for, of the same shape.

    >>> weights_of(np.array([0, 255], dtype=np.uint8)).tolist()
    [0.0, 1.0]
    """
    weights: npt.NDArray[np.float64] = (codes / STEPS) ** 2
    return weights


def as_text(codes: Codes) -> str:
    """Base64 of the codes, row by row."""
    return base64.b64encode(np.ascontiguousarray(codes).tobytes()).decode("ascii")


def from_text(text: str, queries: int, keys: int) -> Codes | None:
    """What :func:`as_text` made of codes (queries, keys); None where this is no such text.

    >>> from_text(as_text(np.eye(2, dtype=np.uint8)), 2, 2).tolist(), from_text("AA", 1, 1), from_text("AAA=", 1, 1)
    ([[1, 0], [0, 1]], None, None)
    """
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(content) != queries * keys:
        return None
    return np.frombuffer(content, dtype=np.uint8).reshape(queries, keys)
