"""Documents of several classes and modules into three splits of equal classes, no module in two of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

SPLIT_SEED = 0


def balanced_split(classes: Sequence[str], modules: Sequence[str], sizes: Mapping[str, int]) -> dict[str, list[int]]:
    """Indices of the documents of each split, shuffled.

    Args:
        classes: the class of each document.
        modules: the module of each document; all of its documents go to one split, or nowhere.
        sizes: for each split how many documents of a class to take. A class with fewer documents than
            that gives each split its share. Modules go, in random order, to the last split that still has
            room for them, so it is the first split that gets the large ones and takes a sample of them.
    """
    random = np.random.default_rng(SPLIT_SEED)
    split: dict[str, list[int]] = {name: [] for name in sizes}
    for class_name in sorted(set(classes)):
        members = [i for i, name in enumerate(classes) if name == class_name]
        for name, documents in _split_class(members, modules, sizes, random).items():
            split[name].extend(documents)
    return {name: random.permutation(documents).tolist() for name, documents in split.items()}


def _split_class(
    documents: Sequence[int], modules: Sequence[str], sizes: Mapping[str, int], random: np.random.Generator
) -> dict[str, list[int]]:
    share = min(1.0, len(documents) / sum(sizes.values()))
    room = {name: round(size * share) for name, size in sizes.items()}
    first, *later = room
    by_module = defaultdict(list)
    for document in documents:
        by_module[modules[document]].append(document)

    split: dict[str, list[int]] = {name: [] for name in room}
    for module in random.permutation(sorted(by_module)).tolist():
        fitting = [name for name in later if len(split[name]) + len(by_module[module]) <= room[name]]
        split[fitting[-1] if fitting else first].extend(by_module[module])
    split[first] = random.permutation(split[first])[: room[first]].tolist()
    return split
