"""Run folders of several datasets, models and seeds, with everything that the paper's figures read."""

import itertools
import json

import numpy as np
import pandas as pd

from tests.analysis.synthetic import write_run

SIZES = np.random.default_rng(5).integers(1, 9, size=16)
GRID = {
    ("yelp10k", "flan-rnn", 0): {},
    ("yelp10k", "han-rnn", 1): {},
    ("yelp10k", "han-rnn", 2): {},
    ("imdb8", "han-rnn", 0): {"js_of_weight": True},
}


def write_one(folder, dataset, model, seed, sizes=SIZES, **options):
    """A run of this name in ``folder/dataset/model/seed-N``; its documents have text and contributions."""
    run = folder / dataset.replace("/", "_") / model / f"seed-{seed}"
    write_run(run, sizes, seed=seed, dataset=dataset, **options)
    config = json.loads((run / "config.json").read_text())
    config["settings"] |= {"model": model, "seed": seed}
    config["unit"] = "sentence" if model.startswith("han") else "word"
    config["data"]["documents"] = {"train": 6000, "dev": 100, "test": len(sizes)}
    (run / "config.json").write_text(json.dumps(config))
    _add_contributions(run)
    return run


def write_grid(folder, grid=GRID):
    for (dataset, model, seed), options in grid.items():
        write_one(folder, dataset, model, seed, **options)
    return folder


def _add_contributions(run):
    """Contributions of two classes, and what follows from them in the other tables."""
    generator = np.random.default_rng(0)
    items = pd.read_parquet(run / "items.parquet")
    documents = pd.read_parquet(run / "documents.parquet").set_index("document")
    erasures = pd.read_parquet(run / "erasures.parquet").set_index(["document", "ordering", "draw"])
    contributions = (generator.normal(size=(len(items), 2)) * items["weight"].to_numpy()[:, None]).astype(np.float32)
    items["contribution_0"], items["contribution_1"] = contributions.T
    items["token"] = [f"Word {position} $\\alpha$ _ 日 , x\tnow ." for position in items["position"]]
    ranks = np.full(len(items), -1)
    for document, rows in items.groupby("document"):
        values = contributions[rows.index].astype(np.float64)
        decision = int(values.sum(axis=0).argmax())
        top = int(rows["weight"].to_numpy().argmax())
        left = np.delete(values, top, axis=0).sum(axis=0).argmax() if len(rows) > 1 else decision
        documents.loc[document, ["label", "decision"]] = decision
        documents.loc[document, "flip_top"] = bool(left != decision)
        smallest = _smallest_set(values)
        ranks[rows.index[list(smallest)]] = np.arange(len(smallest))
        share = len(smallest) / len(rows) if smallest else np.nan
        numbers = len(smallest) or -1, share, share / 2, False
        erasures.loc[(document, "oracle", 0), ["removed", "fraction", "mass", "emptied"]] = numbers
    items["rank_oracle"] = pd.array(ranks, "Int32")
    items.loc[items["rank_oracle"] < 0, "rank_oracle"] = pd.NA
    items.to_parquet(run / "items.parquet")
    documents.reset_index().to_parquet(run / "documents.parquet")
    erasures.reset_index().to_parquet(run / "erasures.parquet")


def _smallest_set(contributions):
    """The first of the smallest sets whose erasure flips the decision and leaves something; () where there is none."""
    decision = contributions.sum(axis=0).argmax()
    for size in range(1, len(contributions)):
        for erased in itertools.combinations(range(len(contributions)), size):
            if np.delete(contributions, erased, axis=0).sum(axis=0).argmax() != decision:
                return erased
    return ()
