"""How much of a run `attnprobe verify` computes again."""

from __future__ import annotations

from dataclasses import dataclass

from attnprobe.settings.declaration import Settings, setting


@dataclass(frozen=True)
class Sample(Settings, section="verification"):
    """The documents that are held against the reference: how many, and the seed that draws them."""

    documents: int = setting(20, help="documents that the slow reference looks at")
    seed: int = setting(0, at_least=0, help="of the sample of documents")
