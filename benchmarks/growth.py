"""What commands cost as their input grows: processor seconds against size, and the exponent between the last two sizes.

    python -m benchmarks.growth [--only COMMAND …] [--json FILE]

Each command runs in a process that is forked from this one, so that imports and the start of Python are not in the
figures; with one worker and one thread. The exponent is log(cost₂/cost₁) / log(size₂/size₁), without what the command
costs at the smallest size of all. The table is Markdown.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import math
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import attnprobe.cli
import attnprobe.stages.head_map_work
import attnprobe.stages.identifying.document_work
import attnprobe.stages.testing
import attnprobe.stages.training
from attnprobe.erasure.registered_orderings import ORDERINGS, Ordering
from attnprobe.settings.declaration import settings_of  # noqa: F401 - imported once, for all that are forked

Arguments = list[object]


class Growth(NamedTuple):
    """How a command is made to grow.

    Attributes:
        command: its name in the table.
        dimension: what grows.
        sizes: from small to large, at least three.
        prepare: makes, in a folder, what a size needs, and returns the arguments of the command that is measured.
        reason: where the exponent may be above one, why.
    """

    command: str
    dimension: str
    sizes: tuple[int, ...]
    prepare: Callable[[Path, int], Arguments]
    reason: str = ""


def cost(arguments: Arguments, folder: Path) -> float:
    """Processor seconds of a command, and of what it starts, in a process forked from this one."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.chdir(folder)
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            with contextlib.suppress(SystemExit):
                status = attnprobe.cli.main(list(map(str, arguments)))
        finally:
            os._exit(status)
    _, status, spent = os.wait4(child, 0)
    if status:
        sys.exit(f"attnprobe {' '.join(map(str, arguments))} ended with {os.waitstatus_to_exitcode(status)}")
    return spent.ru_utime + spent.ru_stime


def planted(folder: Path, *, train: int = 64, test: int = 64, words: int = 12, classes: int = 2) -> Path:
    """A dataset whose classes are told by a word of their own, documents all as long, ten words a sentence."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    for split, documents in (("train", train), ("dev", 16), ("test", test)):
        lines = ["category\ttokens"]
        for number in range(documents):
            label = number % classes
            text = [f"w{word}" for word in draw.integers(500, size=words)]
            text[draw.integers(words)] = f"planted{label}"
            sentences = (
                (" ".join(part) for part in itertools.batched(text, 10))
                if sys.version_info >= (3, 12)
                else (" ".join(text[begin : begin + 10]) for begin in range(0, words, 10))
            )
            lines.append(f"c{label}\t{' . '.join(sentences)}")
        (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def trained(folder: Path, *settings: object, **sizes: int) -> Path:
    """The folder of a run that was trained for an epoch."""
    cost(["train", "--dataset", planted(folder / "data", **sizes), *settings, "--epochs", 1, "--out", folder], folder)
    return next(path.parent for path in folder.rglob("config.json"))


def probed(folder: Path, *settings: object, **sizes: int) -> Path:
    """The folder of a run that was trained and tested."""
    run = trained(folder, *settings, **sizes)
    cost(["probe", run, "--workers", 1], folder)
    return run


FLAN = ("--model", "flan-rnn")
SMALL = ("--model", "transformer", "--d-e", 32, "--d-ff", 32, "--num-heads", 2, "--num-layers", 2, "--layers", "all")


def of_transformer(heads: int = 2, layers: int = 2) -> tuple[object, ...]:
    """Settings of a small transformer all of whose layers are erased."""
    return (*SMALL[:2], "--d-e", 32, "--d-ff", 32, "--num-heads", heads, "--num-layers", layers, "--layers", "all")


def probe_of(run: Path) -> Arguments:
    """Arguments that test a run."""
    return ["probe", run, "--workers", 1]


def with_orderings(number: int) -> None:
    """Have this process, and those that are forked from it, know so many further orderings."""
    for name in [name for name in ORDERINGS.registered if name.startswith("further")]:
        del ORDERINGS._entries[name]
    for each in range(number):
        ORDERINGS.register(f"further{each}", Ordering(f"Further {each}", ORDERINGS["attention"].rank))


def further_orderings(command: str) -> Callable[[Path, int], Arguments]:
    """Arguments of a command on a run with so many orderings more."""

    def prepare(folder: Path, size: int) -> Arguments:
        with_orderings(size)
        if command == "probe":
            return probe_of(trained(folder, *FLAN, test=1000))
        return [command, probed(folder, *FLAN, test=1000)]

    return prepare


def many_runs(command: str) -> Callable[[Path, int], Arguments]:
    """Arguments of a command on so many runs of one model, which differ in their seeds."""

    def prepare(folder: Path, size: int) -> Arguments:
        data = planted(folder / "data", test=200)
        for seed in range(size):
            cost(
                [
                    "run",
                    "--dataset",
                    data,
                    "--model",
                    "flan-none",
                    "--seed",
                    seed,
                    "--epochs",
                    1,
                    "--out",
                    folder / "runs",
                    "--workers",
                    1,
                ],
                folder,
            )
        return [command, folder / "runs", *(["--out", folder / "out"] if command == "figures" else [])]

    return prepare


DOCUMENTS = (250, 1000, 4000, 16_000)
LONG = (16, 64, 256, 1024)
CLASSES = (2, 8, 32)


GROWTHS = (
    Growth(
        "train flan-rnn",
        "documents",
        DOCUMENTS[:3],
        lambda f, n: ["train", "--dataset", planted(f / "d", train=n), *FLAN, "--epochs", 1, "--out", f],
    ),
    Growth(
        "train flan-rnn",
        "items",
        (16, 64, 256),
        lambda f, n: ["train", "--dataset", planted(f / "d", train=256, words=n), *FLAN, "--epochs", 1, "--out", f],
    ),
    Growth(
        "train flan-rnn",
        "classes",
        CLASSES,
        lambda f, n: ["train", "--dataset", planted(f / "d", train=1000, classes=n), *FLAN, "--epochs", 1, "--out", f],
    ),
    Growth(
        "train transformer",
        "items",
        (16, 64, 256),
        lambda f, n: ["train", "--dataset", planted(f / "d", train=256, words=n), *SMALL, "--epochs", 1, "--out", f],
        "attention of all items to all",
    ),
    Growth("describe (texts are split)", "documents", DOCUMENTS, lambda f, n: ["describe", planted(f / "d", train=n)]),
    Growth(
        "describe (texts are split)", "items", LONG, lambda f, n: ["describe", planted(f / "d", train=500, words=n)]
    ),
    Growth("probe flan-rnn", "documents", DOCUMENTS, lambda f, n: probe_of(trained(f, *FLAN, test=n))),
    Growth("probe flan-rnn", "items", LONG, lambda f, n: probe_of(trained(f, *FLAN, test=128, words=n))),
    Growth("probe flan-rnn", "classes", CLASSES, lambda f, n: probe_of(trained(f, *FLAN, test=1000, classes=n))),
    Growth("probe flan-rnn", "orderings", (0, 8, 32), further_orderings("probe")),
    Growth(
        "probe transformer, without the map of heads",
        "documents",
        DOCUMENTS[:3],
        lambda f, n: probe_of(trained(f, *SMALL, "--head-map-documents", 0, test=n)),
    ),
    Growth(
        "probe transformer, without the map of heads",
        "items",
        (8, 16, 32, 64),
        lambda f, n: probe_of(trained(f, *SMALL, "--head-map-documents", 0, test=64, words=n)),
        "each of n items is erased alone and each of n prefixes, from attention over n items: n² rows, n³ of attention",
    ),
    Growth(
        "probe transformer, without the map of heads",
        "heads",
        (1, 2, 4, 8),
        lambda f, n: probe_of(trained(f, *of_transformer(heads=n), "--head-map-documents", 0, test=256)),
    ),
    Growth(
        "probe transformer, without the map of heads",
        "layers",
        (1, 2, 4, 8),
        lambda f, n: probe_of(trained(f, *of_transformer(layers=n), "--head-map-documents", 0, test=256)),
        "all layers are erased: what is behind the first is run again for every set",
    ),
    Growth(
        "map of heads, full",
        "items",
        (8, 16, 32),
        lambda f, n: probe_of(trained(f, *SMALL, "--head-map", "full", "--head-map-documents", 16, test=16, words=n)),
        "as of the whole, head by head",
    ),
    Growth(
        "map of heads, full",
        "heads",
        (1, 2, 4),
        lambda f, n: probe_of(
            trained(f, *of_transformer(heads=n), "--head-map", "full", "--head-map-documents", 32, test=32)
        ),
    ),
    Growth(
        "map of heads, quick",
        "items",
        (8, 16, 32, 64),
        lambda f, n: probe_of(trained(f, *SMALL, "--head-map-documents", 32, test=32, words=n)),
    ),
    Growth(
        "identify flan-rnn",
        "documents",
        (8, 32, 128),
        lambda f, n: ["identify", probed(f, *FLAN, test=128), "--documents", n, "--workers", 1],
    ),
    Growth(
        "identify flan-none (values of 100)",
        "items",
        (128, 192, 256, 384),
        lambda f, n: ["identify", probed(f, "--model", "flan-none", test=4, words=n), "--documents", 2, "--workers", 1],
        "two programs a weight; where words come again often, one of n rows an item that may be on top",
    ),
    Growth("verify flan-rnn", "documents", (16, 64, 256), lambda f, n: ["verify", probed(f, *FLAN, test=n)]),
    Growth(
        "verify flan-rnn",
        "items",
        (16, 64, 256),
        lambda f, n: ["verify", probed(f, *FLAN, test=16, words=n)],
        "the reference erases prefix by prefix, each from all items: n² on purpose",
    ),
    Growth("report", "documents", DOCUMENTS, lambda f, n: ["report", probed(f, *FLAN, test=n)]),
    Growth("report", "items", LONG, lambda f, n: ["report", probed(f, *FLAN, test=128, words=n)]),
    Growth("report", "classes", CLASSES, lambda f, n: ["report", probed(f, *FLAN, test=1000, classes=n)]),
    Growth("report", "orderings", (0, 8, 32), further_orderings("report"), "pairs of orderings are tested"),
    Growth("show", "documents", DOCUMENTS, lambda f, n: ["show", reported(f, test=n), 0]),
    Growth("claims", "runs", (2, 8, 32), many_runs("claims")),
    Growth("figures", "runs", (2, 8, 32), many_runs("figures")),
)


def reported(folder: Path, **sizes: int) -> Path:
    """The folder of a run that is finished."""
    run = probed(folder, *FLAN, **sizes)
    cost(["report", run], folder)
    return run


def measured(growth: Growth, repetitions: int) -> Iterator[float]:
    """Processor seconds at each size: the median of repetitions, each with folders of its own."""
    for size in growth.sizes:
        spent = []
        for _ in range(repetitions):
            with tempfile.TemporaryDirectory() as folder:
                os.environ["ATTNPROBE_CACHE"] = os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
                with_orderings(0)
                spent.append(cost(growth.prepare(Path(folder), size), Path(folder)))
        yield statistics.median(spent)


def exponent(sizes: tuple[int, ...], costs: list[float]) -> float:
    """How the cost grows at the end, without what is there whatever the size."""
    fixed = costs[0]
    (one, two), (small, large) = (max(cost - fixed, 1e-3) for cost in costs[-2:]), sizes[-2:]
    return math.log(two / one) / math.log((large - sizes[0]) / max(small - sizes[0], 1))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", metavar="WORDS", help="commands whose name in the table begins so")
    parser.add_argument("--repetitions", type=int, default=1, metavar="N", help="of which medians are taken (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write what was measured")
    arguments = parser.parse_args()
    rows = []
    print("| command | what grows | CPU seconds | exponent | why |\n|---|---|---|---|---|")
    for growth in GROWTHS:
        if arguments.only and not any(growth.command.startswith(words) for words in arguments.only):
            continue
        costs = list(measured(growth, arguments.repetitions))
        grown = exponent(growth.sizes, costs)
        rows.append({**growth._asdict(), "prepare": None, "seconds": costs, "exponent": grown})
        told = ", ".join(f"{size:,}: {spent:.2f}" for size, spent in zip(growth.sizes, costs, strict=True))
        print(f"| {growth.command} | {growth.dimension} | {told} | {grown:.2f} | {growth.reason} |", flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
