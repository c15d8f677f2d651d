"""Run folders as `attnprobe identify` leaves them, with numbers that are known."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

STAMP = "made by these weights"
SETTINGS = {"documents": 4, "heads": "all", "layers": "all", "longest": 512, "seed": 0}


def write_identified(folder, heads, sampled, *, affine=None, stamp=STAMP, width=4, failed=()):
    """Write identifiability tables beside a run's own.

    ``heads`` are (stack, layer, head); ``sampled`` documents have ranges; ``affine`` maps columns of the table of
    documents to numbers of the sampled documents; ``failed`` are those on which programs failed.
    """
    documents = pd.read_parquet(folder / "documents.parquet")
    sampled = list(sampled)
    rows, weights = [], []
    for document, n in zip(documents["document"], documents["n"], strict=True):
        for number, (stack, layer, head) in enumerate(heads):
            rows.append(_row(int(document), int(n), (stack, layer, head), width, document in sampled, number))
            if document in sampled:
                place = np.arange(n)
                weight = (n - place) / (n * (n + 1) / 2)
                key = {"document": document, "stack": stack, "layer": layer, "head": head}
                part = pd.DataFrame({"position": place, "weight": weight, "low": weight / 2, "high": weight * 1.5})
                weights.append(part.assign(maximum_entropy=weight, **key))
    if affine is not None:
        for name, column in affine.items():
            documents[name] = pd.Series(column, index=sampled, dtype="float64").reindex(documents.index)
        booleans = [name for name in affine if name.startswith(("top_can", "earlier"))]
        documents[booleans] = documents[booleans].astype("boolean")
    _write(folder / "documents.parquet", documents, {"attnprobe": STAMP})
    metadata = {"attnprobe": stamp, "identified": json.dumps(SETTINGS)}
    for row in rows:
        if row["document"] in failed:
            names = list(row)
            row |= dict.fromkeys(names[names.index("mean_width") : -1]) | {"failed": True}
    table = pd.DataFrame(rows).astype({"d_k": "Int32", "top_can_change": "boolean", "failed": "boolean"})
    _write(folder / "identifiability.parquet", table, metadata)
    _write(folder / "weight_ranges.parquet", pd.concat(weights, ignore_index=True), metadata)
    return table


def _row(document, n, key, width, sampled, number):
    stack, layer, head = key
    rank = min(n, width + 1)
    moves = n > rank
    keys, critical = (None, np.nan) if stack == "pooling" else (3, 2.0 if moves else np.inf)
    row = {"document": document, "stack": stack, "layer": layer, "head": head, "row": 0, "n": n, "d_v": width}
    row |= {"d_k": keys, "dk_star": critical, "rank": rank, "nullity": n - rank, "distinct": n, "gap": 2.0}
    row |= {"practical_rank_1e3": rank, "practical_rank_1e2": rank - 1, "sampled": sampled}
    reach = {"mean_width": 0.01 * (number + 1) if moves else 0.0, "largest_width": 0.2}
    reach |= {
        "top_weight": 0.3,
        "top_low": 0.2,
        "top_high": 0.4,
        "can_be_top": 2,
        "top_can_change": moves and head == 0,
    }
    reach |= {"kendall_tau_low": -0.5 if moves else 1.0, "kendall_tau_found": 0.5 if moves else 1.0}
    reach |= {"farthest_low": 0.25, "farthest_high": 0.5, "entropy": 1.0, "greatest_entropy": 1.5, "seconds": 0.125}
    if not sampled:
        reach = dict.fromkeys(reach)
    return row | reach | {"failed": False if sampled else None}


def _write(path, table, metadata):
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(metadata), path)
