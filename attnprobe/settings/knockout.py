"""What `attnprobe knockout` cuts: which positions off from which, in which layers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from attnprobe.settings.declaration import Settings, setting
from attnprobe.settings.unfit import Named, SettingError

WHOLE = -1
"""The number of a head that stands for all heads of a layer together."""


@dataclass(frozen=True)
class KnockoutSettings(Settings, section="knockout"):
    """The edges of a language model's attention that are cut, and beside what the decision is looked at."""

    sources: tuple[str, ...] = setting(
        ("all",),
        metavar="A,B",
        help="the positions that are attended to, by name: first, last, all, rest, first:WORD, last:WORD, every:WORD, "
        "chars:4-12, or a column of the prompts",
    )
    targets: tuple[str, ...] = setting(("last",), metavar="A,B", help="the positions that attend to them, likewise")
    window: str = setting(
        "1",
        metavar="LAYERS",
        help="how many layers around each are cut in together; or windows by their layers, as 0-2,3-5",
    )
    layers: str = setting(
        "all",
        metavar="LAYERS",
        help="around which: all, or numbers and spans; in encoder–decoder models behind the name of a stack: cross:all",
    )
    by_head: bool = setting(False, help="cut also in each head by itself")
    rival: str | None = setting(
        None,
        metavar="WORD",
        help="the answer whose probability is told beside the decision's: a word or label, or a column of the prompts "
        "that holds one",
        shown="none: each prompt's runner-up",
    )
    label_words: tuple[str, ...] = setting(
        (), metavar="A,B", several=True, help="the decision is the best of these words", shown="none: the next token"
    )
    erase_by: str = setting(
        "renormalise",
        metavar="NAME",
        help="what becomes of the rest of a row: renormalise keeps its sum, zero does not",
    )
    screen: int = setting(
        0,
        at_least=0,
        help="single edges of each prompt, those that one backward pass puts first, that are cut exactly; 0 for none",
    )
    sampled: int = setting(
        20,
        at_least=0,
        help="further single edges of each prompt, drawn from all, in which the misses of the screen are counted",
    )
    documents: int = setting(100, help="of a run's folder: how many of its test documents, a seeded sample")
    seed: int = setting(0, at_least=0, help="of what is drawn: edges, and documents of a run")

    def windows(self, chosen: list[int], layers: int) -> list[tuple[int, int, int]]:
        """Each window's centre, first and last layer; one that is there already is left out.

        Args:
            chosen: the layers around which, ascending.
            layers: how many there are in the stack.

        Raises:
            SettingError: the setting is no number of layers, and no such spans.
        """
        windows: dict[tuple[int, int], int] = {}
        if re.fullmatch(r"[0-9]{1,6}", self.window.strip()) and int(self.window) > 0:
            width = int(self.window)
            for layer in chosen:
                first, last = max(0, layer - (width - 1) // 2), min(layers - 1, layer + width // 2)
                windows.setdefault((first, last), layer)
        else:
            for part in self.window.split(","):
                found = re.fullmatch(r"\s*([0-9]{1,6})-([0-9]{1,6})\s*", part)
                if found is None or not int(found[1]) <= int(found[2]) < layers:
                    sentence = (
                        "{} {}: {!r} is no window; give how many layers are cut in together, or such as 0-2,3-5 of "
                        "0 to {}."
                    )
                    raise SettingError(self.section, sentence, Named("window"), self.window, part.strip(), layers - 1)
                first, last = int(found[1]), int(found[2])
                windows.setdefault((first, last), (first + last) // 2)
        return [(centre, *window) for window, centre in windows.items()]
