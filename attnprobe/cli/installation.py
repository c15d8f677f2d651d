"""What `attnprobe doctor` sees of an installation: packages, processors, browser, cache, and extras."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from attnprobe import __version__
from attnprobe.base.text_cells import aligned
from attnprobe.base.visible import visible

REQUIRED = {
    "torch": "2.4",
    "numpy": "1.26",
    "pandas": "2.2",
    "scipy": "1.11",
    "highspy": "1.11",
    "matplotlib": "3.10",
    "fonttools": "4.22",
    "tqdm": "4.66",
    "pyarrow": "17",
    "safetensors": "0.4",
    "spacy": "3.7",
    "platformdirs": "4",
    "Jinja2": "3.1",
}
"""Packages without which no run is made, and the lowest version of each, as in setup.cfg."""

EXTRAS = {
    "hf": ({"transformers": "5.0"}, "models of Hugging Face: --model hf:, doctor MODEL, knockout"),
    "hub": ({"datasets": "3.0"}, "the datasets yahoo, amazon and yelp from the hub"),
    "word2vec": ({"gensim": "4.3"}, "word vectors as in 2019"),
    "ray": ({"ray": "2.10"}, "--executor ray: several machines"),
    "explainers": (
        {"captum": "0.7", "lime": "0.2", "shap": "0.44"},
        "explanations of other packages, beside attention",
    ),
    "live": ({"starlette": "0.40", "uvicorn": "0.30"}, "a page with the model behind it: attnprobe live"),
    "completion": ({"argcomplete": "3.1"}, "names and flags completed by bash and zsh"),
}
"""By extra the packages that it brings, with their lowest versions, and what it is for."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "firefox", "microsoft-edge", "safari", "open", "xdg-open")

OLDEST_PYTHON = (3, 11)

OK, MISSING, OLD, OPTIONAL = "ok", "missing", "too old", "not installed"


class Seen(NamedTuple):
    """One thing that was looked at.

    Attributes:
        part: of which part of the installation it is.
        name: what it is.
        status: ``ok``, ``missing``, ``too old``, or ``not installed`` of what is optional.
        said: version, number, place, or what it is for.
    """

    part: str
    name: str
    status: str
    said: str

    @property
    def usable(self) -> bool:
        """Whether runs can be made as it is."""
        return self.status in (OK, OPTIONAL)


def installation_seen() -> list[Seen]:
    """Everything that was looked at, in order; nothing is made and nothing is asked of a network."""
    python = Seen("Python", "Python", OK if sys.version_info >= OLDEST_PYTHON else OLD, platform.python_version())
    found = [Seen("Python", "attnprobe", OK, __version__), python]
    found += [_package("packages", name, lowest, MISSING) for name, lowest in REQUIRED.items()]
    return [*found, *_extras(), *_machine(), _browser(), _cache()]


def installation_text(found: list[Seen]) -> str:
    """A table a part, and as the last line whether runs can be made."""
    parts = []
    for part in dict.fromkeys(each.part for each in found):
        rows = [(f"  {each.name}", each.status, visible(each.said)) for each in found if each.part == part]
        parts.append("\n".join([part, *(line.rstrip() for line in aligned(rows, right=False))]))
    wrong = [each.name for each in found if not each.usable]
    end = "ready" if not wrong else f"not ready: {', '.join(wrong)}; install attnprobe again"
    return "\n\n".join([*parts, end])


def _package(part: str, name: str, lowest: str, absent: str) -> Seen:
    try:
        found = version(name)
    except PackageNotFoundError:
        return Seen(part, name, absent, f"needed from {lowest} on")
    if _numbers(found) < _numbers(lowest):
        return Seen(part, name, OLD, f"{found}, needed from {lowest} on")
    return Seen(part, name, OK, found)


def _numbers(text: str) -> tuple[int, ...]:
    """The numbers that a version begins with."""
    start = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in start[0].split(".")) if start else ()


def _extras() -> list[Seen]:
    found = []
    for extra, (packages, purpose) in EXTRAS.items():
        seen = [_package("extras", name, lowest, OPTIONAL) for name, lowest in packages.items()]
        absent = [f"{each.name} {each.status}" for each in seen if each.status != OK]
        said = f"{purpose}; " + (
            ", ".join(absent) if absent else ", ".join(f"{each.name} {each.said}" for each in seen)
        )
        found.append(Seen("extras", f"attnprobe[{extra}]", OPTIONAL if absent else OK, said))
    return found


def _machine() -> list[Seen]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = [Seen("this machine", "cores", OK, f"{cores} of {os.cpu_count() or cores}")]
    try:
        import torch
    except Exception as error:  # a library of it that does not fit raises whatever it likes
        return [*found, Seen("this machine", "torch", MISSING, f"cannot be imported: {' '.join(str(error).split())}")]
    told = os.environ.get("OMP_NUM_THREADS")
    threads = f"{torch.get_num_threads()}" + (f" (OMP_NUM_THREADS={told})" if told else "")
    found.append(Seen("this machine", "threads", OK, threads))
    if not torch.cuda.is_available():
        return [*found, Seen("this machine", "GPU", OPTIONAL, "none that torch can use; --device cpu")]
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return [*found, Seen("this machine", "GPU", OK, ", ".join(names))]


def _browser() -> Seen:
    at = next(filter(None, map(shutil.which, BROWSERS)), None)
    told = at or "none was found; report.html opens in any browser, also of another machine"
    return Seen("this machine", "browser", OPTIONAL if at is None else OK, told)


def _cache() -> Seen:
    from attnprobe.data.cache_folder import CACHE_VARIABLE, named_cache_folder

    folder = named_cache_folder()
    above: Path = folder
    while not above.exists() and above != above.parent:
        above = above.parent
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
        return Seen("this machine", "cache", OK, str(folder))
    if os.environ.get(CACHE_VARIABLE):
        return Seen("this machine", "cache", MISSING, f"{folder}, which {CACHE_VARIABLE} names, cannot be written to")
    return Seen("this machine", "cache", OPTIONAL, f"{folder} cannot be written to: a temporary folder is used")
