"""Make both models, cut their edges on 200 prompts each, and say whether the map has their routes and nothing else.

    python -m experiments.knockout --out docs/results/knockout

The exit status is 1 where it has not. It takes some minutes of one processor, training included.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import torch

import attnprobe
from attnprobe.analysis.knockout_map import MATTERS
from attnprobe.reports.knockout.words import nats, screen_in_words
from attnprobe.reports.markdown import markdown_table
from experiments.knockout import constructed, trained
from experiments.knockout.planted import Planted, found_routes

KEPT = ("knockout.csv", "knockout_lines.png", "knockout_matrix.png")


def main() -> int:
    """Write tables and figures; 0 where both maps are as they have to be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--steps", type=int, default=400, help="of training")
    parser.add_argument("--out", type=Path, default=Path("docs/results/knockout"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, tokenizer, right = trained.trained_model(arguments.steps)
    of_constructed = constructed.constructed_model()
    cases = (
        Planted(
            name="constructed",
            model=of_constructed[0],
            tokenizer=of_constructed[1],
            prompts=constructed.constructed_prompts(arguments.prompts),
            sources=("before", "after", "last", "rest"),
            targets=("after", "last"),
            routes=constructed.PLANTED,
            by_head=True,
        ),
        Planted(
            name="trained",
            model=model,
            tokenizer=tokenizer,
            prompts=trained.trained_prompts(arguments.prompts),
            sources=(*trained.HOPS, "rest"),
            targets=(*trained.HOPS[1:], "rest"),
            routes=trained.PLANTED,
            by_head=False,
        ),
    )
    rows, said, status = [], [f"The trained model is right in {right:.1%} of its last batch's words."], 0
    for case in cases:
        result = case.knocked_out(screen=6)
        found = found_routes(result)
        status |= found.keys() != case.routes
        _keep(result, arguments.out / case.name)
        routes = len(result.routes())
        rows += [
            (case.name, f"{source} → {target}", str(layer), "all" if head == -1 else str(head), nats(change))
            for (source, target, layer, head), change in found.items()
        ]
        spurious = len(found.keys() - case.routes)
        said.append(
            f"{case.name}: {len(found.keys() & case.routes)} of {len(case.routes)} planted routes are found, and "
            f"{spurious} others among {routes} that were cut, on {len(result.prompts)} prompts. A route is found where "
            f"the mean change is {MATTERS:g} nats or more and its 95 % interval holds no zero."
        )
        screen = result.screened()
        assert screen is not None, "a screen was asked for"
        said.append(screen_in_words(screen))
    for way in ("renormalise", "zero"):
        said.append(_decoys(way, arguments.prompts))
    text = "\n\n".join([markdown_table(("model", "route", "layer", "head", "Δ log p (nats)"), rows), *said])
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "planted.md").write_text(f"{text}\n", encoding="utf-8")
    print(text)
    return status


def _decoys(way: str, prompts: int) -> str:
    """What it does to cut many rows off from each other, where what is left of a row grows, and where it does not."""
    model, tokenizer = constructed.constructed_model()
    texts = constructed.constructed_prompts(prompts)
    sources = ["before", "after", "last", "rest"]
    result = attnprobe.knockout(model, tokenizer, texts, sources, ["rest"], "1-1", erase_by=way)
    of = result.routes().query("source == 'rest'").iloc[0]
    change = f"{of['delta_log_probability']:.2f} [{of['delta_log_probability_low']:.2f}, "
    return f"constructed, rest → rest in layer 1 by {way}: {change}{of['delta_log_probability_high']:.2f}] nats."


def _keep(result: attnprobe.KnockoutResult, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as written:
        result.save(written)
        for name in KEPT:
            shutil.copyfile(Path(written) / name, folder / name)


if __name__ == "__main__":
    sys.exit(main())
