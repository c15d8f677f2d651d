"""What `attnprobe adversary` looks for, and in how many documents."""

from __future__ import annotations

from dataclasses import dataclass

from attnprobe.settings.declaration import Settings, setting

EPSILONS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""By how much a prediction may move, of the frontier; Jain & Wallace (2019) train at .01 and report at .05."""


@dataclass(frozen=True)
class Adversaries(Settings, section="adversary"):
    """The documents whose attention is moved, a seeded sample of those with several items."""

    documents: int = setting(100, help="documents")
    seed: int = setting(0, at_least=0, help="of the sample of documents, and of where searches begin")
    programs: int = setting(100, help="linear programs a document and epsilon, where there is no closed answer")
    searched: int = setting(
        20, at_least=0, help="documents in which gradients search for such attention, too, as Jain & Wallace did"
    )
    same_output: bool = setting(
        False,
        help="look only among attention that pools the items to the very same vector, whatever is read from it: no "
        "prediction moves, and nothing is searched",
    )
