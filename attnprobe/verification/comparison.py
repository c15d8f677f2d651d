"""A document's stored results, number by number, beside what the slow reference finds."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from attnprobe.erasure.curve_names import OF_TARGET, TARGET_SCORES
from attnprobe.erasure.registered_orderings import RANDOM, RANK, SMALLEST_SET
from attnprobe.runs.run_folder import RunFolder
from attnprobe.verification.orders import ByKeys, Order, Prefix
from attnprobe.verification.reference import Reference
from attnprobe.verification.reference_chance import AreasOfOrders
from attnprobe.verification.reference_limits import ITEMS, extremes
from attnprobe.verification.stored_results import Column, StoredDocument, StoredFlip

AGREE = 1e-5
"""Weights and masses agree within this; probabilities, divergences and gradients within this times the document's
largest logit or gradient, where that is over one."""

FOLLOWED = 200
"""Removals that an ordering is followed for, one by one."""

SINGLE = 20
"""Items of a document that are erased alone."""

POINTS = 20
"""Points of a curve that are looked at; of a shorter one all."""

_NEVER = -1


@dataclass
class Comparison:
    """What was compared in all documents.

    Attributes:
        folder: of the run, for the names of its files.
        made: what was compared → how often.
        within_rounding: how many of these comparisons could not be decided in the run's precision.
        first_flips: orderings of documents, and smallest sets, whose first flip was compared.
        cut: of these, how many were not followed one by one to their end.
        differing: sentences on what differs.
    """

    folder: RunFolder
    made: Counter[str] = field(default_factory=Counter)
    within_rounding: int = 0
    first_flips: int = 0
    cut: int = 0
    differing: list[str] = field(default_factory=list)

    def compare(
        self, stored: StoredDocument, reference: Reference, orders: dict[tuple[str, int], Order], seed: int
    ) -> bool:
        """Take in one document; whether its decision is the same, so that the rest could be compared.

        Args:
            stored: what the run says of it.
            reference: the same document.
            orders: its orderings, made of the reference's numbers.
            seed: its own, of which random orders are made.
        """
        if not self._same_decision(stored, reference):
            return False
        self._compare_items(stored, reference)
        for (name, draw), flip in stored.erasures.items():
            if name != SMALLEST_SET and (name, draw) not in orders:
                continue  # of another package, and the run does not say in which order it erased
            self.first_flips += 1
            where = self.where("erasures", stored.number, f"ordering {name}" + f", draw {draw}" * (draw > 0))
            if name == SMALLEST_SET:
                self.compare_smallest(where, flip.removed, reference)
            else:
                self.compare_first_flip(where, flip, reference, orders[name, draw])
            rank = (stored.items or {}).get(f"{RANK}{name}")
            if draw == 0 and rank is not None:
                self._compare_rank(
                    self.where("items", stored.number), name, rank, flip, reference, orders.get((name, 0))
                )

        of_targets = [("target_curves", target, curves) for target, curves in stored.target_curves.items()]
        for table, target, curves in [("curves", None, stored.curves), *of_targets]:
            for (name, draw), curve in curves.items():
                if (name, draw) in orders:
                    where = self.where(table, stored.number, f"ordering {name}" + f", draw {draw}" * (draw > 0))
                    self._compare_curve(where, curve, reference, orders[name, draw], target)

        self._compare_limits(stored, reference)
        self._compare_correlations(stored, reference)
        if stored.among_random and reference.items <= ITEMS:
            areas = AreasOfOrders(reference, seed, sum(name == RANDOM for name, _ in orders))
            self._compare_among_random(stored, orders, areas, AGREE * size_of(reference))
        return True

    def _compare_among_random(
        self, stored: StoredDocument, orders: dict[tuple[str, int], Order], areas: AreasOfOrders, slack: float
    ) -> None:
        """As many random orders reach more than an ordering, and as much, as areas that differ by ``slack`` allow."""
        for (name, draw), among in stored.among_random.items():
            area = areas.along(orders[name, draw]) if (name, draw) in orders else None
            if area is None:
                continue
            self.made["random orders"] += 1
            others = areas.at_random(among.tried)
            more, at_least = (sum(other > area + end for other in others) for end in (slack, -slack))
            if not more <= among.better <= among.better + among.equal <= at_least:
                where = self.where("erasures", stored.number, f"ordering {name}" + f", draw {draw}" * (draw > 0))
                self.differing.append(
                    f"{where}: random_better is {among.better} and random_equal {among.equal}, but of {among.tried} "
                    f"random orders {more} reach more and {at_least} as much or more"
                )

    def _compare_correlations(self, stored: StoredDocument, reference: Reference) -> None:
        """Each is the reference's, but for pairs of words that are a matter of rounding."""
        if not stored.correlations:
            return
        found, where = reference.correlations(), self.where("documents", stored.number)
        for name, tau in stored.correlations.items():
            self.made["correlations"] += 1
            self.within_rounding += found[name].slack > 0
            if not abs(tau - found[name].value) <= AGREE + found[name].slack:
                self.differing.append(f"{where}: {name} is {tau:.8g}, the reference finds {found[name].value:.8g}")

    def _compare_limits(self, stored: StoredDocument, reference: Reference) -> None:
        """No ordering that was erased passes a limit; of a short document the least and the most are within theirs."""
        slack, where = AGREE * size_of(reference), self.where("documents", stored.number)
        for score, (lower, lower_attained, upper_attained, upper) in stored.limits.items():
            self.made["limits"] += 1
            reached = [float((curve[score][0] - curve[score][1:]).mean()) for curve in stored.curves.values()]
            right = all(lower - slack <= area <= upper + slack for area in reached)
            if right and reference.items <= ITEMS:
                reached = list(extremes(reference, score))
                right = lower - slack <= reached[0] <= lower_attained + slack
                right = right and upper_attained - slack <= reached[1] <= upper + slack
            if not right:
                ends = f"{lower:.8g} to {lower_attained:.8g} and {upper_attained:.8g} to {upper:.8g}"
                self.differing.append(
                    f"{where}: the limits of the {score}'s AOPC are {ends}, but orderings reach {min(reached):.8g} and "
                    f"{max(reached):.8g}"
                )

    def _compare_curve(
        self, where: str, curve: dict[str, Column], reference: Reference, order: Order, target: int | None
    ) -> None:
        """Some points of a curve, its ends among them, are what the model says without these items, and with them.

        Of the decision, or of the class of a number that is followed beside it.
        """
        size, n = size_of(reference), reference.items
        inner = np.random.default_rng(n).permutation(np.arange(2, n))[: POINTS - 3]
        prefixes = {k: order.prefix(k) if k else Prefix([], True) for k in sorted({0, 1, n, *inner.tolist()})}
        sides = {k: (items, sorted(set(range(n)) - set(items))) for k, (items, certain) in prefixes.items() if certain}
        reference.run_each(erased for side in sides.values() for erased in side)
        for k, (_, certain) in prefixes.items():
            if not certain:
                self.within_rounding += 1
                continue
            for kept, erased in zip(("", "kept_"), sides[k], strict=True):
                logits = reference.logits(erased)
                if target is None:
                    p = reference.probability(logits)
                    found = {"probability": p, "log_probability": float(np.log(max(p, sys.float_info.min)))}
                    found["logit"] = reference.logit(logits)
                else:
                    found = dict(zip(TARGET_SCORES, reference.scores_of_class(logits, target), strict=True))
                for name, number in found.items():
                    if kept + name in curve:
                        at = f"{where}, {k} removed"
                        self.compare_number(at, kept + name, float(curve[kept + name][k]), number, size)

    def _same_decision(self, stored: StoredDocument, reference: Reference) -> bool:
        """Whether it is the same document with the same decision, so that the rest can be compared."""
        where = self.where("documents", stored.number)
        self.made["documents"] += 1
        if stored.n != reference.items:
            self.differing.append(f"{where}: n is {stored.n}, the reference finds {reference.items}")
            return False
        if stored.decision == reference.decision:
            p = float(reference.probability(reference.logits()))
            self.compare_number(where, "p_decision", stored.p_decision, p, size_of(reference))
            return True
        if reference.may_decide(stored.decision):
            self.within_rounding += 1
        else:
            self.differing.append(f"{where}: decision is {stored.decision}, the reference finds {reference.decision}")
        return False

    def _compare_items(self, stored: StoredDocument, reference: Reference) -> None:
        if stored.items is None:
            return
        size = size_of(reference)
        alone = set(np.random.default_rng(stored.number).permutation(reference.items)[:SINGLE].tolist())
        reference.run_each([item] for item in alone)
        for item, (weight, gradient) in enumerate(zip(reference.weights, reference.gradients, strict=True)):
            where = self.where("items", stored.number, f"position {item}")
            row = {name: column[item] for name, column in stored.items.items()}
            self.compare_number(where, "weight", row["weight"], float(weight))
            self.compare_number(where, "gradient", row["gradient"], float(gradient), size)
            if item in alone:
                self.compare_number(where, "js", row["js"], reference.js([item]), size)
                self._compare_flip(where, bool(row["flips"]), reference.flips([item]))
                logits = reference.logits([item])
                for name, score in (("probability", reference.probability), ("logit", reference.logit)):
                    if name in row:
                        self.compare_number(where, name, float(row[name]), score(logits), size, "single scores")
                for place, target in enumerate(reference.targets):
                    names = [f"{start}{place}" for start in OF_TARGET]
                    for name, number in zip(names, reference.scores_of_class(logits, target), strict=True):
                        self.compare_number(where, name, float(row[name]), number, size, "single scores")

    def compare_number(
        self, where: str, column: str, stored: float, found: float, size: float = 1.0, counted: str | None = None
    ) -> None:
        """Take in a number of a column.

        Args:
            where: it is, in words.
            column: its name.
            stored, found: by the run, and by the reference; NaN where there is none.
            size: how large what it is made of is, where that is over one.
            counted: as what, if not by its column.
        """
        self.made[counted or column] += 1
        both_undefined = np.isnan(stored) and np.isnan(found)
        if not (both_undefined or abs(stored - found) <= AGREE * size):
            self.differing.append(f"{where}: {column} is {stored:.8g}, the reference finds {found:.8g}")

    def _compare_flip(self, where: str, stored: bool, found: bool | None) -> None:
        self.made["flips"] += 1
        self.within_rounding += found is None
        if found is not None and found != stored:
            self.differing.append(f"{where}: flips is {stored}, the reference finds {found}")

    def _compare_rank(
        self, where: str, name: str, rank: Column, flip: StoredFlip, reference: Reference, order: Order | None
    ) -> None:
        """The order that was erased is that of the reference; of a smallest set, which has none, it flips."""
        self.made["ranks"] += 1
        places = [int(item) for item in np.argsort(rank, kind="stable") if rank[item] >= 0]
        if name == SMALLEST_SET:
            right = len(places) == max(0, flip.removed) and (not places or reference.flips(places))
        else:
            right = None if order is None else order.is_ordered(places)
        if right and flip.removed > 0:
            right = len(places) >= flip.removed
            emptied = reference.nothing_is_left(places[: flip.removed])
            if flip.emptied not in (emptied, None):
                self.differing.append(
                    f"{where}: {RANK}{name} leaves {'nothing' if emptied else 'something'} at the first flip, but "
                    f"emptied is {flip.emptied}"
                )
        self.within_rounding += right is None
        if right is False:
            self.differing.append(f"{where}: {RANK}{name} is not the order that the reference finds")

    def compare_first_flip(self, where: str, flip: StoredFlip, reference: Reference, order: Order) -> None:
        """The prefix of this length flips the decision, and no shorter one does."""
        removed = flip.removed
        last = reference.items if removed == _NEVER else removed
        counts = list(range(1, min(last, FOLLOWED) + 1))
        if last > FOLLOWED:
            self.cut += 1
            if isinstance(order, ByKeys):  # any prefix is had without those before it
                counts += [last - 1, last]
        prefixes = [order.prefix(count) for count in counts]
        reference.run_each(items for items, certain in prefixes if certain)
        for count, (items, certain) in zip(counts, prefixes, strict=True):
            self.made["prefixes"] += 1
            found = reference.flips(items) if certain else None
            self.within_rounding += found is None
            if found is not None and found != (count == removed):
                there = _first(reference, lambda k: reference.flips(order.prefix(k).items))
                self.differing.append(f"{where}: removed is {_told(removed)}, the reference finds {there}")
                return
        if removed == counts[-1] and certain:
            self.compare_number(where, "mass", flip.mass, float(reference.weights[items].sum()))

    def compare_smallest(self, where: str, removed: int, reference: Reference) -> None:
        """A set of this size flips the decision, and no smaller one does: by size, as far as need be."""

        def flips(count: int) -> bool | None:
            found = [reference.flips(erased) for erased in reference.smallest_sets(count)]
            return True if True in found else None if None in found else False

        last = reference.items if removed == _NEVER else removed
        first = last - 1 if reference.larger_sets_flip else 1
        claims = {count: count == removed for count in range(first, last + 1)}
        for count, claimed in claims.items():
            if not count:
                continue
            found = flips(count)
            self.made["smallest sets"] += 1
            self.within_rounding += found is None
            if found is not None and found != claimed:
                there = _first(reference, flips)
                self.differing.append(f"{where}: removed is {_told(removed)}, the reference finds {there}")
                return

    def where(self, table: str, document: int, at: str = "") -> str:
        """A place in the run's tables, as sentences begin with it."""
        return f"{self.folder.table(table)}, document {document}" + f", {at}" * bool(at)


def size_of(reference: Reference) -> float:
    """The largest logit or gradient, or one: what goes wrong in the last digit of it is rounding."""
    return max(1.0, float(reference.logits().abs().max()), float(reference.gradients.abs().max()))


def _first(reference: Reference, flips: Callable[[int], bool | None]) -> str:
    """The first count of removals that flips the decision, in words."""
    for count in range(1, min(reference.items, FOLLOWED) + 1):
        if flips(count):
            return str(count)
    return _told(_NEVER) if reference.items <= FOLLOWED else f"none up to {FOLLOWED}"


def _told(removed: int) -> str:
    return f"{removed} (never)" if removed == _NEVER else str(removed)
