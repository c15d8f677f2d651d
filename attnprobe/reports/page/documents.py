"""What the page knows of a document: its words and, as packed numbers, what its erasures are computed from."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from attnprobe.analysis.erased_orders import Positions, order_of_places, ranked_orderings
from attnprobe.analysis.results import FirstFlips, RunResults
from attnprobe.erasure.certified_names import (
    ENUMERATED,
    FLIP_BOUND,
    FLIP_SMALLEST,
    FLIPPING_ITEM,
    NO_SET,
    SUFFICIENT_ITEM,
)
from attnprobe.erasure.curve_names import OF_TARGET
from attnprobe.erasure.rationale_names import RATIONALE
from attnprobe.erasure.registered_orderings import OWN, RANK
from attnprobe.reports.page.readable import gaps, legible, legible_item
from attnprobe.runs.tables import check_columns, columns_of_table

SNIPPET = 110
"""Characters of a document that the list of documents shows."""

_CONTRIBUTION = re.compile(r"contribution_(\d+)")

MOST_SHARE = 65_535
"""What a probability of one is as a whole number of 16 bits."""

DOUBLES = ("weight", "gradient")
"""Columns that shade the items, kept as they are: float32 would tie what is not equal."""

TABLE = "items.parquet"


def ranked_by(ordering: str, columns: Iterable[Any], *, affine: bool) -> list[str]:
    """The columns of items whose product the items were ranked by, where they are among these.

    Args:
        ordering: its name.
        columns: those that there are.
        affine: whether the readout is, so that all attention is one row; elsewhere columns are means of several heads.
    """
    wanted = OWN[ordering].columns if ordering in OWN else ()
    return list(wanted) if set(wanted) <= set(columns) and (affine or len(wanted) == 1) else []


_FLAGS = ("flips", SUFFICIENT_ITEM, FLIPPING_ITEM)


@dataclass(frozen=True)
class ItemColumns:
    """Which columns a run's table of items has, of texts and of those that the page packs, in order.

    Attributes:
        texts: ``token``, and ``before`` in all but old runs.
        doubles: kept as float64.
        singles: kept as float32, the contributions to each class last.
        ranks: orderings of which the table has the order in which they erased.
        flags: kept as bytes: whether an item flips the decision alone, whether it is in the smallest set that
            guarantees it or in the smallest known one that flips it, and whether people marked it.
    """

    texts: list[str]
    doubles: list[str]
    singles: list[str]
    ranks: list[str]
    flags: list[str]

    @classmethod
    def of(cls, results: RunResults) -> ItemColumns:
        """Those of a run.

        Raises:
            InputError: the table of items is missing or cannot be read, or has contributions to some classes alone.
        """
        path = results.folder / TABLE
        names = columns_of_table(path)
        classes = sorted(int(match[1]) for name in names if (match := _CONTRIBUTION.fullmatch(name)))
        check_columns(path, [f"contribution_{c}" for c in range(len(results.labels) if classes else 0)], names)
        classes = classes[: len(results.labels)]
        # Where the page does not compute them: the probabilities without each item of the decision and of what is
        # followed beside it.
        followed = [f"{OF_TARGET[0]}{place}" for place in range(len(results.targets))]
        effects = [name for name in ("js", *([] if classes else ["probability", *followed])) if name in names]
        return cls(
            ["token", *(name for name in ("before",) if name in names)],
            [name for name in DOUBLES if name in names],
            [*effects, *(f"contribution_{c}" for c in classes)],
            ranked_orderings(names),
            [name for name in names if name in _FLAGS or name.startswith(RATIONALE)],
        )

    @property
    def annotators(self) -> dict[str, str]:
        """The columns that say which items people marked, and whose marks they are."""
        return {name: name.removeprefix(RATIONALE) for name in self.flags if name.startswith(RATIONALE)}

    @property
    def contributions(self) -> list[str]:
        """Those of the classes, in order."""
        return [name for name in self.singles if _CONTRIBUTION.fullmatch(name)]


class SampledDocuments:
    """The items of some documents of a run.

    Args:
        results: the run.
        rows: which documents, as rows of ``results.several``.
    """

    def __init__(self, results: RunResults, rows: Sequence[int]) -> None:
        self.results = results
        self.columns = ItemColumns.of(results)
        self._numbers = results.several["document"].to_numpy()[list(rows)].tolist()

    @cached_property
    def _table(self) -> pd.DataFrame:
        """The items of all of them, by document and position."""
        of = self.columns
        ranks = [f"{RANK}{name}" for name in of.ranks]
        names = ["document", "position", *of.texts, *of.doubles, *of.singles, *ranks, *of.flags]
        table = self.results.items(names, self._numbers)
        table["token"] = table["token"].astype(str)
        table["before"] = (
            table["before"].astype(object).where(table["before"].notna(), None) if "before" in table else None
        )
        return table.sort_values(["document", "position"], ignore_index=True)

    @cached_property
    def _rows(self) -> dict[int, slice]:
        """Where in the table each document's items stand, by its number."""
        numbers, first = np.unique(self._table["document"].to_numpy(), return_index=True)
        ends = [*first.tolist(), len(self._table)][1:]
        return {
            number: slice(start, end) for number, start, end in zip(numbers.tolist(), first.tolist(), ends, strict=True)
        }

    @cached_property
    def _columns(self) -> dict[str, npt.NDArray[Any]]:
        """The columns of the table that are packed or written, each as a whole: a data frame is slow by the piece."""
        of, table = self.columns, self._table
        kinds = {
            **dict.fromkeys(of.doubles, "<f8"),
            **dict.fromkeys(of.singles, "<f4"),
            **dict.fromkeys(of.flags, "u1"),
        }
        ranks = {f"{RANK}{name}": table[f"{RANK}{name}"] for name in of.ranks}
        for name in of.flags:  # null where the annotator did not look at the document, or its sets were not asked for
            table[name] = table[name].astype(object).fillna(False).astype(bool)
        return {
            **{name: table[name].to_numpy(dtype=kind) for name, kind in kinds.items()},
            **{name: places.to_numpy(dtype=np.float64, na_value=np.nan) for name, places in ranks.items()},
            **{name: table[name].to_numpy(dtype=object) for name in ("token", "before")},
        }

    @cached_property
    def _document_numbers(self) -> npt.NDArray[np.int64]:
        return self.results.several["document"].to_numpy(dtype=np.int64)

    def _where(self, row: int) -> slice | None:
        return self._rows.get(int(self._document_numbers[row]))

    def items(self, row: int) -> pd.DataFrame | None:
        """The items of a document, in order of position; None where they were not kept."""
        where = self._where(row)
        return None if where is None else self._table[where]

    @cached_property
    def _removed(self) -> dict[tuple[int, str], list[int]]:
        """Items erased when the decision changes, of each document and ordering by draw: −1 for never."""
        erasures = self.results.erasures
        wanted = erasures[erasures["document"].isin(self._numbers)].sort_values("draw", kind="stable")
        by_both: Any = wanted.groupby(["document", "ordering"], observed=True)["removed"]
        return {key: removed.tolist() for key, removed in by_both}

    def order(self, row: int, ordering: str) -> Positions | None:
        """Positions in the order in which an ordering erased them, as far as it goes; None where that is not known.

        Raises:
            InputError: the table of items holds no order in their place.
        """
        where, column = self._where(row), f"{RANK}{ordering}"
        if where is None or column not in self._columns:
            return None
        document = int(self._document_numbers[row])
        return order_of_places(self._columns[column][where], ordering, self.results.folder / TABLE, document)

    @cached_property
    def shown_ranks(self) -> list[str]:
        """The orderings whose order the page packs: those that it shows."""
        return [name for name in self._flips if name in self.columns.ranks]

    @cached_property
    def _flips(self) -> dict[str, FirstFlips]:
        """Of the orderings that the page shows."""
        return self.results.with_twins()

    def _places(self, row: int, ordering: str, n: int) -> bytes:
        """Each item's place in an ordering from 1 on, 0 where it has none, in the fewest bytes that hold n."""
        places = np.zeros(n, dtype=np.int64)
        order = self.order(row, ordering)
        if order is not None:
            places[order] = np.arange(1, len(order) + 1)
        return places.astype("u1" if n < 1 << 8 else "<u2" if n < 1 << 16 else "<u4").tobytes()

    def encoded(self, row: int) -> dict[str, Any] | None:
        """A document ready for JSON; None where its items were not kept.

        ``numbers`` is base64 of little-endian float64 columns, then float32, then places in orderings, then bytes, each
        (items,). ``removed`` holds by ordering and draw how many items are erased when the decision changes, −1 for
        never; ``emptied`` whether nothing is left by then, of the orderings of which that is so in a draw.

        Raises:
            InputError: the table of items holds no order where one should be.
        """
        where = self._where(row)
        if where is None:
            return None
        columns = {name: column[where] for name, column in self._columns.items()}
        tokens, between = columns["token"].tolist(), gaps(columns["before"].tolist())
        beginning = "".join(gap + token for gap, token in zip(between[:SNIPPET], tokens, strict=False))
        packed = b"".join(
            [
                *(columns[name].tobytes() for name in (*self.columns.doubles, *self.columns.singles)),
                *(self._places(row, name, len(tokens)) for name in self.shown_ranks),
                *(columns[name].tobytes() for name in self.columns.flags),
            ]
        )
        flips = self._flips
        several, number = self.results.several, int(self._document_numbers[row])
        told: dict[str, Any] = {
            name: several[name].iat[row] for name in ("label", "decision", "p_decision") if name in several
        }
        label, decision, p = int(told["label"]), int(told["decision"]), told.get("p_decision")
        return {
            "number": number,
            "label": label,
            "decision": decision,
            "decided": legible(self.results.class_name(decision)),
            "labelled": legible(self.results.class_name(label)) if label >= 0 else None,
            "p": None if p is None or np.isnan(p) else float(p),
            "removed": {name: self._removed[number, name] for name in flips},
            "emptied": {name: flip.emptied[row].tolist() for name, flip in flips.items() if flip.emptied[row].any()},
            "mass": {
                name: [None if np.isnan(draw) else round(float(draw), 4) for draw in flip.mass[row]]
                for name, flip in flips.items()
            },
            "snippet": legible(" ".join(beginning.split())[:SNIPPET]),
            "tokens": [legible_item(token) for token in tokens],
            "between": between,
            "numbers": base64.b64encode(packed).decode("ascii"),
            **self._certainty(row),
            **self._kept_courses(number),
        }

    def _certainty(self, row: int) -> dict[str, Any]:
        """What is known of the smallest sets that guarantee a document's decision and flip it, where found by asking.

        ``smallest`` says of the latter that it is ``exact`` or ``attained``, that ``none`` flips or that none is
        ``open`` to see; ``flip_bound`` is how many items it has at least.
        """
        if ENUMERATED not in self.results.several:
            return {}
        every, bound, known = (
            float(self.results.several[name].to_numpy(dtype=np.float64)[row])
            for name in (ENUMERATED, FLIP_BOUND, FLIP_SMALLEST)
        )
        if np.isnan(every):
            return {"guarantee": "unknown", "smallest": "unknown"}
        if known == NO_SET:
            smallest = "none" if bound == NO_SET else "open"
        else:
            smallest = "exact" if bound == known else "attained"
        return {"guarantee": "exact" if every else "attained", "smallest": smallest, "flip_bound": int(bound)}

    def _kept_courses(self, number: int) -> dict[str, Any]:
        """The decision's probability along the first draw of each ordering, where whole curves are kept of it.

        Not of an affine readout, of which the page computes it. ``courses`` is base64 of little-endian whole numbers
        (items + 1,), of which the largest that 16 bits hold is one: it is drawn and told in per cent.
        """
        found = {} if self.columns.contributions else self._courses.get(number, {})
        packed = {
            name: base64.b64encode(np.rint(course * MOST_SHARE).astype("<u2").tobytes()).decode("ascii")
            for name, course in found.items()
        }
        return {"courses": packed} if packed else {}

    @cached_property
    def _courses(self) -> dict[int, dict[str, npt.NDArray[np.float64]]]:
        """By document and ordering, probabilities without the first items of draw 0 (items + 1,)."""
        table = self.results.curves()
        courses: dict[int, dict[str, npt.NDArray[np.float64]]] = {}
        if table is None or not self.results.meaning.is_distribution:
            return courses
        wanted = table[table["document"].isin(self._numbers) & (table["draw"] == 0)]
        by_both: Any = wanted.groupby(["document", "ordering"], observed=True)["probability"]
        for (document, ordering), course in by_both:
            if ordering in self._flips:
                courses.setdefault(int(document), {})[str(ordering)] = course.to_numpy(np.float64).clip(0, 1)
        return courses
