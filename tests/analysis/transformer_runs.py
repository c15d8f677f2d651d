"""Run folders as runs of transformers leave them: no smallest set, no contributions, single heads on their own."""

import json

import numpy as np
import pandas as pd

from tests.analysis.synthetic import ORDERINGS, write_run

MODEL = "hf:some where/a_b & 50%$/Mini|LM^{x}/"
"""A path that LaTeX, file systems and readers would all stumble over."""

WITHOUT_ORACLE = {name: draws for name, draws in ORDERINGS.items() if name != "oracle"}
WITH_GREEDY = WITHOUT_ORACLE | {"greedy": 1}


def write_transformer_run(
    folder, sizes, seed=0, *, draws=WITH_GREEDY, model=MODEL, heads=(("self", 2, 3),), faithful=(), **options
):
    """Write a run and return its tables, that of the heads last.

    ``heads`` are stacks with their numbers of layers and heads; those in ``faithful`` (stack, layer, head) flip half of
    the decisions with their first item, and a random order of theirs flips those with half of the items. The others
    flip, in either order alike, one decision in twenty. Without ``heads`` there is no table of them.
    """
    documents, erasures, items = write_run(folder, sizes, seed, draws=draws, **options)
    generator = np.random.default_rng(seed + 1)
    never = erasures["removed"] < 0
    emptied = pd.array(np.where(generator.random(len(erasures)) < 0.25, 2, 0), dtype="Int32")
    emptied[never.to_numpy()] = pd.NA
    erasures["emptied_rows"] = emptied
    erasures.to_parquet(folder / "erasures.parquet")
    config = json.loads((folder / "config.json").read_text())
    config["settings"] |= {"model": model, "attention": {"layers": "last", "heads": "all", "query": "first"}}
    config["unit"] = "token"
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "summary.json").write_text(json.dumps({"labels": ["no", "yes"]}))
    table = heads_table(generator, sizes, heads, faithful)
    if heads:
        table.to_parquet(folder / "heads.parquet")
    return documents, erasures, items, table


def heads_table(generator, sizes, heads, faithful):
    """One row a document × head."""
    rows = []
    for stack, layers, width in heads:
        for layer, head, document in np.ndindex(layers, width, len(sizes)):
            n = int(sizes[document])
            planted = (stack, layer, head) in faithful
            flips = document % 2 == 0 if planted else generator.random() < 0.05
            attention, random = (1, max(1, n // 2)) if planted else generator.integers(1, n + 1, size=2)
            rows.append(
                {
                    "document": document,
                    "stack": stack,
                    "layer": np.int16(layer),
                    "head": np.int16(head),
                    "n": np.int32(n),
                    "prefixes": np.int32(min(n, 32)),
                    "removed_attention": np.int32(attention if flips else -1),
                    "removed_random": np.int32(random if flips else -1),
                    "top_weight": 0.5,
                    "attention_entropy_normalised": generator.random() if n > 1 else np.nan,
                    "js_top": 0.3 + 0.1 * generator.random() if planted else 0.01 * generator.random(),
                    "js_other": 0.01 * generator.random() if n > 1 else np.nan,
                    "flip_top": bool(flips and attention == 1),
                }
            )
    return pd.DataFrame(rows)
