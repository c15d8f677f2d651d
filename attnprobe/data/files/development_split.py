"""A development set split off the training set, for datasets that bring none."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

DEVELOPMENT_SHARE = 0.1
SPLIT_SEED = 0  # a constant, not the run's seed: all runs on a dataset have the same data, and its fingerprint


def split_development(labels: Sequence[str]) -> tuple[list[int], list[int]]:
    """Indices of the training and of the development documents, both ascending.

    A tenth of the documents, rounded up, goes to the development set; the same share of every class, but for
    rounding. The last document of a class always stays in training.
    """
    sizes = _development_sizes(Counter(labels))
    documents_of = defaultdict(list)
    for document, label in enumerate(labels):
        documents_of[label].append(document)
    random = np.random.default_rng(SPLIT_SEED)
    development: set[int] = set()
    for label in sorted(documents_of):
        development.update(random.permutation(documents_of[label])[: sizes[label]].tolist())
    training = [document for document in range(len(labels)) if document not in development]
    return training, sorted(development)


def _development_sizes(class_sizes: Counter[str]) -> dict[str, int]:
    """Shares rounded down, and what is missing then given to the largest remainders."""
    shares = {label: size * DEVELOPMENT_SHARE for label, size in class_sizes.items()}
    sizes = {label: int(share) for label, share in shares.items()}
    missing = int(np.ceil(class_sizes.total() * DEVELOPMENT_SHARE)) - sum(sizes.values())
    by_remainder = sorted(shares, key=lambda label: (sizes[label] - shares[label], label))
    growable = [label for label in by_remainder if sizes[label] + 1 < class_sizes[label]]
    for label in growable[:missing]:
        sizes[label] += 1
    return sizes
