"""Tables of results in one form, whatever they were put together from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of tables with a column ``document``, in order of document; rows of one document stay as they are."""
    table = pa.concat_tables([canonical(table) for table in tables]).unify_dictionaries()
    order = np.argsort(table["document"].to_numpy(), kind="stable")
    return table.take(pa.array(order))


def canonical(table: pa.Table) -> pa.Table:
    """The same rows; the dictionary of a column of texts holds those that occur, in order of first sight."""
    for number, column in enumerate(table.schema):
        if pa.types.is_dictionary(column.type):
            values = table.column(number).cast(column.type.value_type).combine_chunks()
            table = table.set_column(number, column.name, values.dictionary_encode())
    return table
