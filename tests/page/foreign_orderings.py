"""Runs with orderings of any name, as an extension or somebody else may have called them."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def with_orderings(folder, names):
    """Give a run the rows of ``gradient`` once more by each of these names, and its order."""
    erasures = pq.read_table(folder / "erasures.parquet")
    column = erasures.column_names.index("ordering")
    erasures = erasures.set_column(column, "ordering", erasures["ordering"].cast(pa.string()))
    gradient = erasures.filter(pc.equal(erasures["ordering"], "gradient"))
    more = [gradient.set_column(column, "ordering", pa.array([name] * len(gradient))) for name in names]
    pq.write_table(pa.concat_tables([erasures, *more]), folder / "erasures.parquet")
    items = pq.read_table(folder / "items.parquet")
    for name in names:
        items = items.append_column(f"rank_{name}", items["rank_gradient"])
    pq.write_table(items, folder / "items.parquet")
