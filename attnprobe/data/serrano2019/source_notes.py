"""What ``SOURCE.md`` says of a folder of splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from attnprobe.data.serrano2019.recipes import Recipe
from attnprobe.data.serrano2019.split_rules import SPLIT_SEED, SPLITS
from attnprobe.data.tokens.tokeniser import tokeniser_version


def source_notes(
    recipe: Recipe, described: str, counts: Sequence[npt.NDArray[np.integer]], dropped: Mapping[str, int]
) -> str:
    """Where the documents come from, how they were split, how many were left out and why.

    Args:
        recipe: of the dataset.
        described: where the records come from.
        counts: for each split the documents of each class.
        dropped: documents left out, by reason.
    """
    if recipe.limits is None:
        limits = "No limits of length."
    else:
        limits = (
            f"Limits: {recipe.limits.sentences} sentences, {recipe.limits.words} words in the longest one "
            f"(counted by {tokeniser_version()})."
        )
    sizes = [
        f"| {name} | " + " | ".join(map(str, row)) + " |" for name, *row in zip(recipe.classes, *counts, strict=True)
    ]
    totals = "| all | " + " | ".join(str(count.sum()) for count in counts) + " |"
    reasons = [f"| {reason} | {count} |" for reason, count in dropped.items() if count]
    return "\n".join(
        [
            f"# {recipe.name}",
            "",
            f"From {described}.",
            "",
            recipe.rule,
            limits,
            f"Split seed {SPLIT_SEED}; in the order of the source.",
            "",
            "| class | " + " | ".join(SPLITS) + " |",
            "|---" * (len(SPLITS) + 1) + "|",
            *sizes,
            totals,
            "",
            "| left out | documents |",
            "|---|---|",
            *(reasons or ["| none | 0 |"]),
            "",
        ]
    )
