"""A development set split off the training set, for datasets that bring none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

DEVELOPMENT_SHARE = 0.1
SPLIT_SEED = 0  # a constant, not the run's seed: all runs on a dataset have the same data, and its fingerprint


def development_documents(labels: Sequence[str], codes: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Which documents go to the development set (documents,).

    A tenth of the documents, rounded up; the same share of every class, but for rounding. The last document of a class
    always stays in training.

    Args:
        labels: distinct; every one has a document.
        codes: indices into ``labels`` (documents,).
    """
    class_sizes = np.bincount(codes, minlength=len(labels))
    sizes = _development_sizes(dict(zip(labels, class_sizes.tolist(), strict=True)))
    documents_of = np.split(np.argsort(codes, kind="stable"), np.cumsum(class_sizes)[:-1])
    random = np.random.default_rng(SPLIT_SEED)
    development = np.zeros(len(codes), dtype=bool)
    for code in sorted(range(len(labels)), key=labels.__getitem__):
        development[random.permutation(documents_of[code])[: sizes[labels[code]]]] = True
    return development


def _development_sizes(class_sizes: Mapping[str, int]) -> dict[str, int]:
    """Shares rounded down, and what is missing then given to the largest remainders."""
    shares = {label: size * DEVELOPMENT_SHARE for label, size in class_sizes.items()}
    sizes = {label: int(share) for label, share in shares.items()}
    missing = int(np.ceil(sum(class_sizes.values()) * DEVELOPMENT_SHARE)) - sum(sizes.values())
    by_remainder = sorted(shares, key=lambda label: (sizes[label] - shares[label], label))
    growable = [label for label in by_remainder if sizes[label] + 1 < class_sizes[label]]
    for label in growable[:missing]:
        sizes[label] += 1
    return sizes
