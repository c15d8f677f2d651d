"""What `attnprobe identify` computes."""

from __future__ import annotations

from dataclasses import dataclass

from attnprobe.settings.declaration import Settings, setting


@dataclass(frozen=True)
class Identified(Settings, section="identification"):
    """What is computed of the identifiability of a run's attention."""

    documents: int = setting(100, help="documents, a seeded sample, that programs are run on")
    layers: str = setting("all", metavar="LAYERS", help="all, last, or numbers and spans: 0,2-4")
    heads: str = setting("all", metavar="HEADS", help="all, or numbers and spans: 0,2-4")
    seed: int = setting(0, at_least=0, help="of the sample, and of a new run", shown="the run's; of a new run 0")
