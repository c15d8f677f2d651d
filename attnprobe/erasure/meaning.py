"""What a test means by erased and by decided; here alone are the functions of its way of erasing and decision called.

What those of other packages give is checked each time, so that what they do wrong is said and not computed with.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from attnprobe.base.bounds import LONGEST_NAME
from attnprobe.base.errors import InputError
from attnprobe.erasure import registered_decisions, registered_ways
from attnprobe.erasure.asking import asking
from attnprobe.erasure.decisions.continuation import of_tokens
from attnprobe.erasure.decisions.entry import AS_USUAL, Decision, DecisionOptions
from attnprobe.erasure.divergence import js_divergence
from attnprobe.erasure.edits import attended
from attnprobe.erasure.registered_decisions import CLASS, CONTINUATION, DECISIONS, as_set, lacking, not_taken
from attnprobe.erasure.registered_ways import ERASING, RENORMALISE, WayOfErasing, leave_others, mean_of_the_row
from attnprobe.erasure.stand_ins import RowsOfAttention

SLACK = 1e-6
"""By how much a probability may miss 0 and 1 by rounding."""


@dataclass(frozen=True)
class Meaning:
    """A way of erasing and a decision, by their names, what is set of the decision, and what is followed beside it.

    Attributes:
        erase_by, decision: names.
        options: what is set of the decision.
        targets: numbers of logits whose scores are kept, whatever is decided.

    Raises, whatever is asked for:
        InputError: there is no such entry; or one of another package fails, writes to what it is given, or gives what
            it should not. The message names it and the package.
    """

    erase_by: str = RENORMALISE
    decision: str = CLASS
    options: DecisionOptions = AS_USUAL
    targets: tuple[int, ...] = ()

    @property
    def renormalises(self) -> bool:
        """Whether what remains of a row is scaled to the sum that the row had, and nothing takes its place."""
        return self.erase_by == RENORMALISE

    @property
    def adds_up(self) -> bool:
        """Whether what remains of a row keeps its weights: what it gives is then a sum over what is not erased."""
        return self._way.edit is leave_others

    @property
    def draws(self) -> int:
        """How many vectors stand in of each document, over which results are averaged."""
        return self._way.draws

    @property
    def has_stand_in(self) -> bool:
        """Whether something takes the mass that rows lose."""
        return self._way.stand_in is not None

    @property
    def spreads_evenly(self) -> bool:
        """Whether the mean of what a row attends to takes the mass: as weight, that is an even share of it for each."""
        return self._way.stand_in is mean_of_the_row

    @property
    def adds_vectors(self) -> bool:
        """Whether something takes the mass that is no weight of what the row attends to."""
        return self.has_stand_in and not self.spreads_evenly

    @property
    def needs_training(self) -> bool:
        """Whether what takes it is made of vectors of training documents."""
        return self._way.needs_training

    @property
    def decides_classes(self) -> bool:
        """Whether a decision is the class of the largest logit."""
        return self.decision == CLASS

    @cached_property
    def _way(self) -> WayOfErasing:
        return ERASING[self.erase_by]

    @cached_property
    def _decides(self) -> Decision:
        return as_set(self.decision, self.options)

    @property
    def title(self) -> str:
        """What readers are shown for the decision."""
        return self._decides.title

    @property
    def flips_at_all(self) -> bool:
        """Whether there can be another decision; of a number that a model predicts, only where a tolerance is set."""
        return self._decides.flips

    @property
    def has_probability(self) -> bool:
        """Whether a decision has a probability, and outputs have divergences; of a number there is nothing of these."""
        return self._decides.has_probability

    @property
    def has_logit(self) -> bool:
        """Whether a number stands for each decision, beside its probability."""
        return self._decides.logit is not None

    @property
    def has_labels(self) -> bool:
        """Whether several labels are decided at once."""
        return self._decides.labels is not None

    @property
    def counts_of_logits(self) -> tuple[int, int | None]:
        """How many logits a model has to give, at least and at most; None where there is no most."""
        return self._decides.least_logits, self._decides.most_logits

    def check(self) -> None:
        """See to it that there are such entries, and that what is set of the decision can be set of it."""
        ERASING.require(self.erase_by)
        DECISIONS.require(self.decision)
        threshold, tolerance = self.options.threshold, self.options.tolerance
        if not math.isfinite(threshold):
            raise InputError(f"The threshold is {threshold}, but a finite number is needed.")
        if tolerance is not None and not 0 < tolerance < math.inf:
            raise InputError(f"The tolerance is {tolerance}, but a finite number above 0 is needed.")
        for name, takers in not_taken(self.decision, self.options).items():
            raise InputError(f"The {name} is for the decision {' or '.join(takers)}, and not for {self.decision}.")
        for name in lacking(self.decision, self.options):
            raise InputError(f"The decision {self.decision} needs a {name}.")

    def require_nothing_stands_in(self, where: str) -> None:
        """See to it that nothing takes the mass that rows lose.

        Args:
            where: it could not, within a sentence.
        """
        if self.has_stand_in:
            of = ERASING.told(self.erase_by)
            raise InputError(f"{of[0].upper()}{of[1:]} puts vectors in the place of what is erased: not in {where}.")

    def edit(self, weights: Tensor, erased: Tensor, scores: Tensor | None = None) -> Tensor:
        """Rows of attention after erasing in them; rows of which nothing is erased stay as they are, to the last bit.

        Args:
            weights: attention weights (…, keys).
            erased: True where a weight is erased, broadcast against the weights.
            scores: their logarithms up to a constant a row (…, keys), where they are known.
        """
        if self.erase_by in registered_ways.OWN:
            return self._way.edit(weights, erased, scores)
        erased, of = erased.expand_as(weights), ERASING.told(self.erase_by)
        with asking(of, [weights, erased] if scores is None else [weights, erased, scores]):
            edited = self._way.edit(weights, erased, scores)
        _refuse(of, _fault_of_rows(edited, weights, scores))
        return torch.where(erased.any(-1, keepdim=True), edited, weights)

    def stand_ins(self, rows: RowsOfAttention) -> Tensor | None:
        """The vectors that take the mass which rows lose (draws, documents, …, rows, dim); None: nothing does.

        What a row gives after erasing is its edited weights times its values, and the mass that it lost,
        ``(weights - edited).sum(-1)``, times such a vector.

        Args:
            rows: whose they are.
        """
        if self._way.stand_in is None:
            return None
        if self._way.needs_training and rows.training is None:
            of = ERASING.told(self.erase_by)
            raise InputError(
                f"{of[0].upper()}{of[1:]} needs what attention gives of training documents: there are none."
            )
        shape = (self.draws, *rows.attends.shape[:-1], rows.values.shape[-1])
        if self.erase_by in registered_ways.OWN:
            return self._way.stand_in(rows).expand(shape)
        of = ERASING.told(self.erase_by)
        with asking(of, [rows.values, rows.attends, rows.seeds, *(rows.training or ())]):
            made = self._way.stand_in(rows)
        _refuse(of, _fault_of_stand_ins(made, shape, rows.values.dtype))
        return made.expand(shape)

    def decide(self, logits: Tensor) -> Tensor:
        """What is decided (…), int64, by logits (…, classes)."""
        if self.decision in registered_decisions.OWN:
            return self._decides.decide(logits)
        of = DECISIONS.told(self.decision)
        with asking(of, [logits]):
            decided = self._decides.decide(logits)
        _refuse(of, _fault_of_numbers(decided, logits))
        return decided

    def flips(self, logits: Tensor, unerased: Tensor, decided: Tensor) -> Tensor:
        """Whether logits (…, classes) decide otherwise than the unerased ones, which decided for numbers (…)."""
        if self._decides.departs is not None:
            return self._decides.departs(logits, unerased)
        return self.decide(logits) != decided

    def labels(self, logits: Tensor) -> Tensor:
        """Which labels are decided for, Boolean (…, labels), of a decision that has several."""
        assert self._decides.labels is not None, "of a decision that has labels"
        return self._decides.labels(logits)

    def log_probabilities(self, logits: Tensor) -> Tensor:
        """The distribution of what a model says (…, outcomes), of each label (…, labels, 2); NaN where it has none."""
        if self._decides.log_probabilities is None:
            return torch.full_like(logits, torch.nan)
        return self._decides.log_probabilities(logits)

    def divergence(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        """Jensen-Shannon divergence in nats of two such distributions (…); of several labels the mean over them."""
        js = js_divergence(log_p, log_q, dim=-1)
        return js.mean(-1) if self.has_labels else js

    def graded(self, logits: Tensor, decided: Tensor) -> Tensor:
        """What orderings are made of the gradient of (…): the probability of decisions, or the number in its place."""
        return self.probability(logits, decided) if self.has_probability else self.logit(logits, decided)

    def logit(self, logits: Tensor, decided: Tensor) -> Tensor:
        """The number that stands for decisions (…), by logits (…, classes); NaN where there is none."""
        if self._decides.logit is None:
            return torch.full_like(logits[..., 0], torch.nan)
        return self._decides.logit(logits, decided)

    def probability(self, logits: Tensor, decided: Tensor) -> Tensor:
        """How sure a model is of decisions (…), from 0 to 1, by logits (…, classes); differentiable.

        NaN of a number, which has no probability.
        """
        if not self.has_probability:
            return torch.full_like(logits[..., 0], torch.nan)
        if self.decision in registered_decisions.OWN:
            return self._decides.probability(logits, decided)
        of = DECISIONS.told(self.decision)
        with asking(of, [logits, decided]):
            probability = self._decides.probability(logits, decided)
        _refuse(of, _fault_of_probabilities(probability, logits))
        return probability

    def of_targets(self, logits: Tensor) -> Tensor:
        """Probability, its logarithm and logit of the targets (3, targets, …), by logits (…, classes).

        By the softmax; of several labels that are decided at once each by itself, by the sigmoid. Of a continuation
        they are its tokens, each with its lead in the place of the logit.
        """
        chosen = list(self.targets)
        if self.decision == CONTINUATION:
            log_p, lead = (each[..., chosen].movedim(-1, 0) for each in of_tokens(logits))
            return torch.stack([log_p.exp(), log_p, lead])
        log_p = torch.nn.functional.logsigmoid(logits) if self.has_labels else logits.log_softmax(-1)
        log_p, logit = (each[..., chosen].movedim(-1, 0) for each in (log_p, logits))
        return torch.stack([log_p.exp(), log_p, logit])

    def names(self, classes: list[str], decided: Iterable[int]) -> dict[int, str]:
        """What numbers of decisions mean.

        Args:
            classes: the names of the model's classes.
            decided: the numbers.
        """
        if self._decides.name is not None:
            return {number: self._decides.name(list(classes), number) for number in decided}
        of = DECISIONS.told(self.decision)
        with asking(of, []):
            names = self._decides.names(list(classes))
        _refuse(of, _fault_of_names(names))
        numbers = list(decided)
        for number in numbers:
            if number >= len(names):
                _refuse(of, f"it decides {number}, and has names of {len(names)} numbers from 0 on")
        return {number: names[number] for number in numbers}


BY_DEFAULT = Meaning()
"""That of Serrano & Smith (2019)."""


def _refuse(of: str, wrong: str | None) -> None:
    if wrong is not None:
        raise InputError(f"What is registered as {of} is none: {wrong}.")


def _fault_of_rows(edited: object, weights: Tensor, scores: Tensor | None) -> str | None:
    """What is wrong with edited rows, in words; None where nothing is."""
    wrong = _fault_of_tensor("its edit", edited, weights.shape, weights.dtype)
    if wrong is not None or not isinstance(edited, Tensor):
        return wrong
    if not bool(torch.isfinite(edited).all()):
        return "its edit gives NaN or infinite weights"
    if bool((edited.detach() != 0)[~attended(weights.detach(), scores)].any()):
        return "its edit gives weight to keys that the model does not attend to"
    return _fault_of_gradient("its edit", edited, weights)


def _fault_of_stand_ins(made: object, shape: tuple[int, ...], dtype: torch.dtype) -> str | None:
    """What is wrong with vectors that are to be expanded to a shape, in words; None where nothing is."""
    if isinstance(made, Tensor):
        fits = made.dim() == len(shape) and all(a in (1, b) for a, b in zip(made.shape, shape, strict=True))
        shape = tuple(made.shape) if fits else shape
    wrong = _fault_of_tensor("its stand_in", made, shape, dtype)
    if wrong is None and isinstance(made, Tensor) and not bool(torch.isfinite(made).all()):
        return "its stand_in gives NaN or infinite numbers"
    return wrong


def _fault_of_numbers(decided: object, logits: Tensor) -> str | None:
    wrong = _fault_of_tensor("its decide", decided, logits.shape[:-1], torch.int64)
    if wrong is None and isinstance(decided, Tensor) and bool((decided < 0).any()):
        return f"its decide gives {int(decided.min())}, but numbers from 0 on are needed"
    return wrong


def _fault_of_probabilities(probability: object, logits: Tensor) -> str | None:
    wrong = _fault_of_tensor("its probability", probability, logits.shape[:-1], logits.dtype)
    if wrong is not None or not isinstance(probability, Tensor):
        return wrong
    outside = ~((probability >= -SLACK) & (probability <= 1 + SLACK))
    if bool(outside.any()):
        return f"its probability is {float(probability[outside][0]):g}, but numbers from 0 to 1 are needed"
    return _fault_of_gradient("its probability", probability, logits)


def _fault_of_names(names: object) -> str | None:
    texts = isinstance(names, list) and all(isinstance(each, str) and 0 < len(each) <= LONGEST_NAME for each in names)
    return None if texts else "its names are no list of texts"


def _fault_of_tensor(what: str, given: object, shape: tuple[int, ...], dtype: torch.dtype) -> str | None:
    if not isinstance(given, Tensor):
        return f"{what} gives {type(given).__name__}, but a tensor is needed"
    if given.shape != shape:
        return f"{what} gives a tensor of shape {tuple(given.shape)}, but {tuple(shape)} is needed"
    if given.dtype != dtype:
        found, needed = (str(each).removeprefix("torch.") for each in (given.dtype, dtype))
        return f"{what} gives {found} numbers, but {needed} is needed"
    return None


def _fault_of_gradient(what: str, given: Tensor, of: Tensor) -> str | None:
    lost = torch.is_grad_enabled() and of.requires_grad and not given.requires_grad
    return f"{what} is not differentiable" if lost else None
