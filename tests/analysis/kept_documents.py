"""Run folders written anew: in row groups, without some of their documents, or many times over."""

import itertools
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TABLES = ("documents", "erasures", "items", "heads", "identifiability", "weight_ranges")


def in_groups(folder, documents):
    """Write each table in row groups of so many documents."""
    for path, table in tables(folder).items():
        write(path, [table], documents)


def tables(folder):
    """The run's tables by path."""
    paths = (folder / f"{name}.parquet" for name in TABLES)
    return {path: pq.read_table(path) for path in paths if path.exists()}


def write(path, parts, documents=2048):
    """Write parts of a table, each in order of document, in row groups of so many documents."""
    with pq.ParquetWriter(path, parts[0].schema) as writer:
        for part in parts:
            group = part["document"].to_numpy() // documents
            starts = [*np.flatnonzero(np.diff(group, prepend=-1)), len(group)]
            for start, end in itertools.pairwise(starts):
                writer.write_table(part.slice(start, end - start), row_group_size=max(1, end - start))


def leave_out(folder, documents, *, renumber=False, note=True):
    """Take documents out of every table: as a run that could not read them, or renumbered as if they never were."""
    for path, table in tables(folder).items():
        kept = table.filter(pa.array(~np.isin(table["document"].to_numpy(), documents)))
        if renumber:
            numbers = kept["document"].to_numpy()
            numbers = numbers - np.searchsorted(np.sort(documents), numbers)
            place = kept.column_names.index("document")
            kept = kept.set_column(place, "document", pa.array(numbers, kept.schema.field(place).type))
        pq.write_table(kept, path)
    if note and not renumber:
        path = folder / "summary.json"
        summary = json.loads(path.read_text()) if path.exists() else {}
        first = [[int(number), "ValueError: no such token"] for number in documents]
        path.write_text(json.dumps(summary | {"quarantined": {"documents": len(documents), "first": first}}))


def keep_only(folder, documents):
    """Take all other documents out of every table, and say nothing of it."""
    present = pq.read_table(folder / "documents.parquet", columns=["document"])["document"].to_numpy()
    leave_out(folder, np.setdiff1d(present, documents), note=False)


def repeat(folder, times, items_of=None):
    """Make a run of so many times as many documents, numbered on, out of one whose tables hold documents 0 to N − 1.

    ``items_of`` are the documents whose items are kept, by default all.
    """
    documents = len(pq.read_table(folder / "documents.parquet", columns=["document"]))
    for path, table in tables(folder).items():
        place, numbers = table.column_names.index("document"), table["document"].to_numpy()
        parts = [table.set_column(place, "document", pa.array(numbers + documents * copy)) for copy in range(times)]
        if path.name == "items.parquet" and items_of is not None:
            parts = [part.filter(pa.array(np.isin(part["document"].to_numpy(), items_of))) for part in parts]
        write(path, [part for part in parts if len(part)])
