"""A dataset whose texts are tokenised: the names of its classes, and its three splits."""

from __future__ import annotations

from dataclasses import dataclass

from attnprobe.data.rationales import Rationales
from attnprobe.data.split import Split
from attnprobe.data.tokens.segmenters import Segmenter


@dataclass(frozen=True, eq=False)
class Dataset:
    """A dataset in three tokenised splits; small where they are stored on disk, and picklable.

    Attributes:
        name: the registered name, or the name of the folder.
        labels: class names, sorted; numerically where all are numbers.
        splits: the keys are exactly ``train``, ``dev`` and ``test``.
        fingerprint: hexadecimal; another one whenever content, columns, split seed or tokeniser are others.
        rationales: of people, of the test documents; None where there are none. No model is trained on them.
        segmenter: that found the words; None where there is none.
    """

    name: str
    labels: list[str]
    splits: dict[str, Split]
    fingerprint: str
    rationales: Rationales | None = None
    segmenter: Segmenter | None = None
