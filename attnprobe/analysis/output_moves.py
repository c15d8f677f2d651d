"""How far a predicted number moves as items are erased: what there is to tell where no decision can flip."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.whole_curves import WholeCurves
from attnprobe.erasure.registered_orderings import ATTENTION

PERCENT = (10, 25, 50)
"""Shares of the items after whose erasure it is told how far the output has moved; of each document, rounded up."""


class OutputMoves(NamedTuple):
    """Of one ordering: |output without its first items − output|, means over documents and draws.

    Attributes:
        at_10, at_25, at_50: with these percentages of the items erased.
        everything: with all of them erased.
        mean: the mean over every number k = 1 … n of erased items.
        attention_further: the mean of attention less that of this ordering; None of attention itself.
    """

    at_10: Estimate
    at_25: Estimate
    at_50: Estimate
    everything: Estimate
    mean: Estimate
    attention_further: Estimate | None


def output_moves(results: RunResults) -> dict[str, Any] | None:
    """``documents``, their mean ``output``, and ``orderings`` (name → ``OutputMoves``).

    None where the model predicts no number, or the run keeps no whole curves.

    Raises:
        InputError: the table of curves cannot be read, or is not whole.
    """
    if results.meaning.is_distribution:
        return None
    curves = WholeCurves.of(results)
    if curves is None:
        return None
    moved = curves._replace(rows={"moved": np.abs(_from_start(curves))})
    sizes = curves.sizes
    columns: dict[str, Numbers] = {
        **{f"at_{percent}": moved.at("moved", -(-sizes * percent // 100)) for percent in PERCENT},
        "everything": moved.at("moved", sizes),
        "mean": moved.mean("moved", 1, 0),
    }
    places = curves.of_orderings()
    of_attention = columns["mean"][:, places[ATTENTION]].mean(axis=1)
    asked = {(name, field): table[:, draws] for name, draws in places.items() for field, table in columns.items()}
    asked |= {
        (name, "attention_further"): of_attention - columns["mean"][:, draws].mean(axis=1)
        for name, draws in places.items()
        if name != ATTENTION
    }
    found = means(asked)
    return {
        "documents": len(sizes),
        "output": means({"output": curves.at("logit", np.zeros_like(sizes))[:, 0]})["output"],
        "orderings": {
            name: OutputMoves(
                **{field: found[name, field] for field in columns},
                attention_further=found.get((name, "attention_further")),
            )
            for name in places
        },
    }


def moves_on_grid(curves: WholeCurves, shares: Numbers) -> dict[str, Numbers]:
    """By ordering the mean movement over documents and draws with these shares of the items erased, rounded."""
    moved = curves._replace(rows={"moved": np.abs(_from_start(curves))})
    table = np.stack([moved.at("moved", np.rint(share * curves.sizes).astype(np.int64)) for share in shares])
    return {name: table[:, :, draws].mean(axis=(1, 2)) for name, draws in curves.of_orderings().items()}


def _from_start(curves: WholeCurves) -> Numbers:
    """The output of every row less that of the unerased document (rows,)."""
    lengths = np.repeat(curves.sizes + 1, len(curves.draws))
    begins = curves.first.ravel()
    output = np.full(len(curves.rows["logit"]), np.nan)
    rows = np.repeat(begins - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
    output[rows] = curves.rows["logit"][rows] - np.repeat(curves.rows["logit"][begins], lengths)
    return output
