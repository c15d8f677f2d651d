"""What keys and queries of a trained model can realise of its heads' alternatives: dimensions, measured and counted.

With all rows read on and queries and keys free, the dimension is a difference of two ranks (``tangent_ranks``), which
counting gives for generic matrices (``dimension_counts``). Of a row of its own with the keys as they are, the query
alone is free. Only the space of scores that queries and keys can reach matters, and that is the same for any two
factors of the scores.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.identifiability import dk_star, fixed_key_dimension, local_dimension, nullity, tangent_dimension
from attnprobe.identifiability.value_space import rounding_threshold
from attnprobe.stages.identifying.read_row import ReadRow


class KeyDimensions(NamedTuple):
    """In how many directions one head's weights can move at the same output.

    Attributes:
        head: its number.
        items, d_k, d_v: of the document and the head.
        dk_star: the critical d_k.
        free_rows: with every row free to be any distribution: items · nullity.
        realised: those that queries and keys of width d_k can realise, measured; no more than ``free_rows``, which
            rounding could make of it where weights are next to nothing.
        counted: the same by count.
        by_query: of the row that is read, with its query alone free, measured; no more than the nullity.
        by_query_counted: min(d_k, n − 1) − d_v, where that is positive.
    """

    head: int
    items: int
    d_k: int
    d_v: int
    dk_star: float
    free_rows: int
    realised: int
    counted: int
    by_query: int
    by_query_counted: int


def key_dimensions(row: ReadRow, head: int) -> KeyDimensions:
    """Dimensions of one head.

    Time and memory are those of a matrix of items² rows and 2 · items · d_k columns.

    Raises:
        ValueError: scores that are not finite, as those of causal attention.
    """
    items, d_v = row.values.shape[1:]
    left, sigma, right = torch.linalg.svd(row.scores[head].double())
    # Where scores have a lower rank than d_k, so have queries and keys.
    width = min(row.key_width, int((sigma > rounding_threshold(row.scores[head].double())).sum()))
    queries, keys = left[:, :width] * sigma[:width], right[:width].T
    values = torch.from_numpy(row.values[head])

    def scores_of(query: Tensor, key: Tensor) -> Tensor:
        return query @ key.T

    found = tangent_dimension(scores_of, (queries, keys), values)
    by_query = fixed_key_dimension(torch.from_numpy(row.weights[head]), values, keys)
    free = int(nullity(values).nullity)
    return KeyDimensions(
        head=head,
        items=items,
        d_k=row.key_width,
        d_v=d_v,
        dk_star=dk_star(items, d_v),
        free_rows=items * free,
        realised=min(int(found.dimension), items * free),
        counted=local_dimension(items, row.key_width, d_v),
        by_query=min(int(by_query.dimension), free),
        by_query_counted=max(0, min(row.key_width, items - 1) - d_v),
    )
