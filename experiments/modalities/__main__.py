"""Train a classifier of pictures and one of sounds with a planted place, and see what finds it.

python -m experiments.modalities [--documents 60]

Writes what was found as a table, figures and pages.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
import transformers
from torch import nn

import attnprobe
from attnprobe.analysis.intervals import wilson
from attnprobe.any_model import ProbeResult
from attnprobe.erasure.registered_orderings import ORDERINGS
from experiments.modalities.drawing import draw
from experiments.modalities.planted import (
    CLASSES,
    COLUMNS,
    MELS,
    PATCH,
    ROWS,
    STEPS,
    Planted,
    pictures,
    sounds,
    trained,
)

_SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
_SHOWN = ("attention", "gradient", "gradient_attention", "norm", "rollout", "leave_one_out", "greedy", "random")
_FURTHER = ("leave_one_out", "norm", "rollout")


class Modality(NamedTuple):
    """What is trained and probed.

    Attributes:
        name: for files.
        argument: of the model, that takes the values.
        make: makes documents.
        model: untrained.
        steps: batches of training.
    """

    name: str
    argument: str
    make: Callable[[int, torch.Generator], Planted]
    model: Callable[[], nn.Module]
    steps: int


def _picture_model() -> nn.Module:
    size: Any = (ROWS * PATCH, COLUMNS * PATCH)
    config = transformers.ViTConfig(image_size=size, patch_size=PATCH, num_labels=CLASSES, **_SIZES)
    model: nn.Module = transformers.ViTForImageClassification(config)
    return model


def _sound_model() -> nn.Module:
    config = transformers.WhisperConfig(
        num_mel_bins=MELS,
        max_source_positions=STEPS,
        d_model=32,
        encoder_layers=2,
        encoder_attention_heads=4,
        encoder_ffn_dim=64,
        num_labels=CLASSES,
        classifier_proj_size=32,
        vocab_size=10,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
    )
    model: nn.Module = transformers.WhisperForAudioClassification(config)
    return model


MODALITIES = (
    Modality("patches", "pixel_values", pictures, _picture_model, 900),
    Modality("frames", "input_features", sounds, _sound_model, 500),
)


def main() -> None:
    """Train, probe, and write down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--documents", type=int, default=60, help="documents with something planted, of each modality")
    parser.add_argument("--out", type=Path, default=Path("docs/modalities"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    tables = []
    for modality in MODALITIES:
        model, documents = prepared(modality, arguments.documents)
        result = probed(modality, model, documents)
        table = found(modality, result, documents)
        tables.append(table)
        print(table.to_string(index=False), flush=True)
        draw(result, documents, arguments.out / f"{modality.name}.png")
        page = f"<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Planted {modality.name}</title>"
        page += "<meta name=viewport content='width=device-width'><meta name=color-scheme content='light dark'>"
        (arguments.out / f"{modality.name}.html").write_text(page + result.shown_html(), encoding="utf-8")
    pd.concat(tables).to_csv(arguments.out / "planted.csv", index=False)


def prepared(modality: Modality, count: int) -> tuple[nn.Module, Planted]:
    """A trained model, and documents that it gets right, each with something planted."""
    torch.manual_seed(0)
    model = trained(modality.model(), modality.argument, modality.make, modality.steps)
    drawn = modality.make(3 * count, torch.Generator().manual_seed(2))
    given: Any = {modality.argument: drawn.values}
    with torch.no_grad():
        decided = model(**given).logits.argmax(-1)
    print(f"{modality.name}: {float((decided == drawn.classes).double().mean()):.3f} of {3 * count} are decided right")
    kept = ((decided == drawn.classes) & (drawn.classes > 0)).nonzero()[:count, 0]
    return model, Planted(*(part[kept] for part in drawn))


def probed(modality: Modality, model: nn.Module, documents: Planted) -> ProbeResult:
    """Erasures in all layers; what is of no place is no item; all sets of items are erased of some documents."""
    return attnprobe.probe(
        model,
        {modality.argument: documents.values},
        layers="all",
        specials="out" if modality.name == "patches" else "own",
        orderings=_FURTHER,
        greedy=True,
        certify=16,
    )


def found(modality: Modality, result: ProbeResult, documents: Planted) -> pd.DataFrame:
    """By ordering, how often what is planted is erased first, and how much flips the decision.

    ``first`` is the share of documents with its 95 % interval (Wilson); ``exact`` how often the smallest set that flips
    the decision, found among all sets, is the planted place alone.
    """
    items, planted = result.items, documents.places.numpy()
    rows: list[dict[str, Any]] = []
    fractions = result.fractions()
    for name in _SHOWN:
        if f"rank_{name}" not in items:
            continue
        first = items[items[f"rank_{name}"] == 0].set_index("document")["position"]
        hits = first.to_numpy() == planted[first.index]
        low, high = wilson(int(hits.sum()), len(hits))[1:3]
        removed = result.erasures[result.erasures["ordering"] == name]["removed"]
        rows.append(
            {
                "modality": modality.name,
                "ordering": ORDERINGS.require(name),
                "documents": len(hits),
                "planted_first": int(hits.sum()),
                "share": round(float(hits.mean()), 3),
                "low": round(low, 3),
                "high": round(high, 3),
                "median_removed": float(removed[removed > 0].median()),
                "never_share": round(float(str(fractions.loc[name, "never_share"])), 3),
            }
        )
    known = items[items["flipping"].notna()] if "flipping" in items else items[:0]
    sets = known[known["flipping"].astype(bool)].groupby("document")["position"].agg(list)
    alone = sum(places == [planted[int(str(document))]] for document, places in sets.items())
    low, high = wilson(alone, len(sets))[1:3]
    rows.append(
        {
            "modality": modality.name,
            "ordering": "smallest set that flips (exact)",
            "documents": len(sets),
            "planted_first": alone,
            "share": round(alone / max(1, len(sets)), 3),
            "low": round(low, 3),
            "high": round(high, 3),
            "median_removed": float(sets.map(len).median()) if len(sets) else np.nan,
            "never_share": np.nan,
        }
    )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
