"""Tables of a made run, as whole as a real one's."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from attnprobe.runs.run_folder import PARQUET

ORDERINGS = [("attention", 0), ("random", 0), ("random", 1), ("oracle", 0)]


def make_tables(documents=7, left_out=(), seed=0):
    """Tables of documents, erasures and items as dictionaries of arrays; documents ``left_out`` have no rows."""
    rng = np.random.default_rng(seed)
    numbers = np.setdiff1d(np.arange(documents), left_out)
    sizes = rng.integers(1, 6, documents)
    of = {"document": numbers, "label": numbers % 3, "n": sizes[numbers], "p_decision": rng.uniform(size=len(numbers))}
    n = np.repeat(of["n"], len(ORDERINGS))
    removed = np.where(rng.uniform(size=len(n)) < 0.3, -1, rng.integers(1, n + 1))
    erasures = {
        "document": np.repeat(numbers, len(ORDERINGS)),
        "ordering": np.tile([name for name, _ in ORDERINGS], len(numbers)),
        "draw": np.tile(np.array([draw for _, draw in ORDERINGS], dtype=np.int8), len(numbers)),
        "n": n,
        "removed": removed,
        "fraction": np.where(removed < 0, np.nan, removed / n),
        "mass": np.where(removed < 0, np.nan, np.where(removed == n, 1.0, rng.uniform(size=len(n)))),
        "emptied": removed == n,
    }
    weights = [rng.dirichlet(np.ones(size)) for size in of["n"]]
    items = {
        "document": np.repeat(numbers, of["n"]),
        "position": np.concatenate([np.arange(size, dtype=np.int32) for size in of["n"]]),
        "weight": np.concatenate(weights),
        "rank_attention": np.concatenate([rng.permutation(size).astype(np.int32) for size in of["n"]]),
    }
    return {"documents": of, "erasures": erasures, "items": items}


def write(folder, name, columns, rows_in_group=5):
    """A table in small row groups, so that documents lie across their borders."""
    path = folder / f"{name}.parquet"
    pq.write_table(_arrow(columns), path, row_group_size=rows_in_group, **PARQUET)
    return path


def _arrow(columns):
    table = {
        name: pa.array(column, mask=np.isnan(column) if column.dtype.kind == "f" else None)
        for name, column in columns.items()
    }
    return pa.table(table)
