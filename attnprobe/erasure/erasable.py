"""A batch of documents whose items can be erased: what an engine makes, and what orderings are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple, Protocol

from torch import Tensor

from attnprobe.erasure.curve_names import Score
from attnprobe.erasure.guarantees.certified_sets import CertifiedSets
from attnprobe.erasure.guarantees.requirements import Requirements
from attnprobe.erasure.guarantees.smallest_sets import MinimalSufficientSet, smallest_sets
from attnprobe.erasure.pooled_states import PooledStates


class SingleEffects(NamedTuple):
    """What erasing each item alone does, each (batch, items); padding has 0 and False.

    Attributes:
        js: JS divergence from the unerased output, in nats.
        flips: whether the decision becomes another.
        probability: how sure the model then is of its first decision.
        logit: the logit of the class that was decided for; NaN where no class is.
        targets: probability, its logarithm and logit of each target (3, targets, batch, items); None of no target.
    """

    js: Tensor
    flips: Tensor
    probability: Tensor
    logit: Tensor
    targets: Tensor | None = None


class Pooling(NamedTuple):
    """What one row of attention pools, and the affine readout of the pooled vector.

    Attributes:
        values: (batch, items, dim).
        alone: the logits that each item would give alone, bias included (batch, classes, items), float64.
        bias: the logits of the zero vector (classes,), float64.
    """

    values: Tensor
    alone: Tensor
    bias: Tensor


class OutputProducts(NamedTuple):
    """What items are of the vectors that one layer gives in some rows, of some documents.

    With o the vector of a row, and c what of it is the item's.

    Attributes:
        own: ⟨c, c⟩ (documents, rows, items).
        with_output: ⟨c, o⟩ (documents, rows, items).
        output: ⟨o, o⟩ (documents, rows, 1).
    """

    own: Tensor
    with_output: Tensor
    output: Tensor


Slopes = Callable[[float, Score], Tensor]
"""Of a share of the selected weights, and a score of the decision: see :meth:`Erasures.slopes`."""


class FlowLayer(NamedTuple):
    """One layer of self-attention, each (documents, heads, tokens, tokens).

    Attributes:
        weights: attention of each token to each.
        gradients: of the decision's logit with respect to them; zero where no class is decided for.
    """

    weights: Tensor
    gradients: Tensor


class Flow(NamedTuple):
    """Self-attention of all layers over the same tokens, of some documents.

    Attributes:
        layers: in order of computation, those that the output depends on.
        rows: what share of the decision each token's last row has (documents, tokens), which sum to one.
        of_items: makes numbers of tokens (documents, tokens) sums over each item's (documents, items).
    """

    layers: Sequence[FlowLayer]
    rows: Tensor
    of_items: Callable[[Tensor], Tensor]


class InputEffects(NamedTuple):
    """What the words that a model reads do to its decision, one number an item; padding has 0.

    Attributes:
        gradients: |derivative of the decision's probability by the word's one-hot vector|, which is that by its
            embedding times the embedding, the attention held fixed (documents, items).
        left_out: total variation between the outputs with and without the word, everything run again
            (documents, items).
    """

    gradients: Tensor
    left_out: Tensor


class StandIn(NamedTuple):
    """A way of erasing, and the draw of what stands in for what is erased: one of several, where there are several."""

    erase_by: str
    draw: int


class FirstItems(NamedTuple):
    """Of the first item of each document.

    Attributes:
        weights: its share of the items' attention (batch,).
        flips: whether erasing it alone flips the decision (batch,).
        of_several: whether there are other items (batch,).
    """

    weights: Tensor
    flips: Tensor
    of_several: Tensor


class OtherErasures(Protocol):
    """A batch of documents that is erased in otherwise than the run means it first: in some ways, each with its draws.

    What is decided of the unerased documents, and what orderings are made of, is that of the first way.
    """

    @property
    def stand_ins(self) -> Sequence[StandIn]:
        """What stands in, by its number."""
        ...

    def first_flips(self, order: Tensor, pairs: Sequence[tuple[int, int]]) -> dict[str, Tensor]:
        """Where orderings flip the decision: the columns of :meth:`Erasures.first_flips`, each (pairs, batch).

        Args:
            order: (orderings, batch, items).
            pairs: the number of an ordering, and of what stands in.
        """
        ...

    def single_effects(self) -> SingleEffects:
        """What erasing each item alone does, each (stand-ins, batch, items)."""
        ...

    def smallest_sets(self) -> dict[str, Tensor] | None:
        """Where the smallest sets that flip decisions do so: the same columns (stand-ins, batch); None: not known."""
        ...


class Attention(NamedTuple):
    """What a batch's attention is, one number an item.

    Attributes:
        scores: logarithms of the weights up to a constant a document (batch, items).
        weights: attention in float64, zero at padding (batch, items).
        gradients: of the decision's probability with respect to it (batch, items).
        products: gradient times attention (batch, items).
        mask: True where an item is real (batch, items).
        sizes: how many items are real (batch,).
    """

    scores: Tensor
    weights: Tensor
    gradients: Tensor
    products: Tensor
    mask: Tensor
    sizes: Tensor


class Curves(NamedTuple):
    """The score along orderings (…, batch, items + 1): at k, of what is left without the first k items, or of them.

    Beyond a document's n items both stay what they are at n: the score when nothing is left, and of the whole document.
    """

    erased: Tensor
    kept: Tensor


class DecisionCurves(NamedTuple):
    """Curves (orderings, documents, items + 1) of the decision's probability, its logarithm, and its logit.

    The logit is NaN where no class is decided for. ``targets`` has the same of each class that is followed beside the
    decision, by its number.
    """

    probability: Curves
    log_probability: Curves
    logit: Curves
    targets: Mapping[int, DecisionCurves] = MappingProxyType({})


class Erasures(Protocol):
    """What an engine makes of a batch of documents: what its decisions become when items are erased."""

    @property
    def attention(self) -> Attention:
        """What orderings are made of."""
        ...

    def log_probabilities(self) -> Tensor:
        """Of the unerased documents (batch, classes), float64; their argmax is the decision where it is a class."""
        ...

    def decision(self) -> Tensor:
        """What is decided (batch,): classes, or the numbers of another decision."""
        ...

    def probability(self) -> Tensor:
        """How sure the model is of its decisions (batch,), float64."""
        ...

    def left_out_share(self) -> Tensor | None:
        """What share of the attention is on tokens that are in no item (batch,); None where all are in one."""
        ...

    def sink_share(self) -> Tensor | None:
        """What share is on a first item that is none, because it is a sink (batch,); None where none is left out."""
        ...

    def single_effects(self) -> SingleEffects:
        """What erasing each item alone does."""
        ...

    def first_flips(self, order: Tensor) -> dict[str, Tensor]:
        """Where orderings (orderings, batch, items) flip the decision.

        ``removed`` (−1 for never), ``fraction`` and ``mass`` (NaN for never), ``emptied`` (whether the decision changes
        only when nothing is left), each (orderings, batch), and what else there is to say.
        """
        ...

    def smallest_set(self) -> Tensor | None:
        """The items of the smallest set that flips each decision (batch, items), −1 behind them; None: not known.

        A document that no set flips has −1 alone.
        """
        ...

    def greedy_order(self) -> Tensor | None:
        """Orderings (batch, items) that ask the gradient again after each removal, −1 behind the flip.

        None where they were not asked for, or the smallest set is known.
        """
        ...

    def curves(self, order: Tensor, documents: Tensor) -> DecisionCurves:
        """How sure the model is of the decisions along orderings (orderings, batch, items), of some rows of the batch.

        ``documents`` (documents,) are the rows.
        """
        ...

    def aopcs(self, order: Tensor, documents: Tensor) -> Tensor | None:
        """AOPC of the probability along orders, where it has a closed form; else None.

        Args:
            order: of the items of some rows of the batch alone (orders, documents, items).
            documents: which rows (documents,).
        """
        ...

    def probability_without(self, erased: Tensor, documents: Tensor) -> Tensor:
        """How sure the model is of the decisions when sets of items are erased (sets, documents), float64.

        ``erased`` (sets, documents, items) is True where an item is, ``documents`` (documents,) are rows of the batch.
        """
        ...

    def largest_falls(self, documents: Tensor, sizes: Tensor) -> Tensor | None:
        """The largest fall of that when so many items (documents,) are erased, for rows of the batch; None: not known.

        What a set attains, and what none passes (documents, 2).
        """
        ...

    def aopc_limits(self, documents: Tensor, score: Score) -> Tensor | None:
        """Least and largest AOPC of any ordering, for rows (documents,) of the batch; None: there is no such score.

        Four ends a document (documents, 4): between which the least is certain to be, and the largest. An end is
        infinite where the other one is attained, and what is beyond is not known.
        """
        ...

    def certified_sets(self, documents: Tensor, largest: int, known: Tensor) -> CertifiedSets | None:
        """What flips decisions and what guarantees them, by asking for sets; None: it is known without.

        Args:
            documents: rows of the batch (documents,).
            largest: of how many items all sets of a document are asked for that has too many to ask for all.
            known: of each document a set whose erasure flips its decision, empty where none is known
                (documents, items).
        """
        ...

    def input_effects(self, documents: Tensor) -> InputEffects | None:
        """What the words of rows (documents,) of the batch do to the decision; None: not known."""
        ...

    def contributions(self) -> Tensor | None:
        """Each item's weight times the logits that it would give alone (batch, classes, items), if they add up."""
        ...

    def requirements(self) -> Requirements | None:
        """What has to be kept so that the decision stands whatever else is erased; None: not known."""
        ...

    def pooling(self) -> Pooling | None:
        """What the attention pools, where it is one row and the rest of the model is affine."""
        ...

    def pooled_states(self) -> PooledStates | None:
        """What the attention makes of documents in which items are erased; None: not a vector that is known."""
        ...

    def attention_outputs(self) -> Iterable[Sequence[OutputProducts]] | None:
        """What items are of what attention gives, of all selected layers and rows; some documents after others.

        An item's part is its values, weighted and mapped on as the layer does, of all selected heads together. None:
        that cannot be seen.
        """
        ...

    def layer_outputs(self) -> Iterable[Sequence[OutputProducts]] | None:
        """The same of what layers as a whole give: an item's part goes with its values, and no weight is rescaled."""
        ...

    def slopes(self) -> Slopes | None:
        """What the score's derivatives are where all selected weights are a share of themselves; None: not asked here.

        Each item's weights times the score's derivatives with respect to them, summed over all rows, heads and layers
        that are selected and over the item's tokens (batch, items), float64.
        """
        ...

    def flows(self) -> Iterable[Flow] | None:
        """Attention of all layers, some documents after others, in order; None: there is no such attention."""
        ...

    @property
    def decides_classes(self) -> bool:
        """Whether the decision is the class with the largest logit."""
        ...

    def otherwise(self) -> Sequence[OtherErasures]:
        """The same batch, erased in all further ways that the run was asked for."""
        ...


class Erasable:
    """A batch of documents as an ordering sees it: its attention, its output, and what comes of erasing items.

    What is asked for twice is computed once. Tensors are not to be changed.

    Args:
        erasures: the batch, ready for erasures.
        documents: each document's number in its split, from 0 (batch,).
    """

    def __init__(self, erasures: Erasures, documents: Tensor) -> None:
        self.erasures = erasures
        self.documents = documents

    @cached_property
    def attention(self) -> Attention:
        """Weights, gradients and what else there is one number of an item."""
        return self.erasures.attention

    def log_probabilities(self) -> Tensor:
        """Of the unerased documents (batch, classes), float64; their argmax is the decision where it is a class."""
        return self._log_probabilities

    @cached_property
    def _log_probabilities(self) -> Tensor:
        return self.erasures.log_probabilities()

    def decision(self) -> Tensor:
        """What is decided (batch,): classes, or the numbers of another decision."""
        return self.erasures.decision()

    def probability(self) -> Tensor:
        """How sure the model is of its decisions (batch,), float64."""
        return self.erasures.probability()

    def left_out_share(self) -> Tensor | None:
        """What share of the attention is on tokens that are in no item (batch,); None where all are in one."""
        return self.erasures.left_out_share()

    def sink_share(self) -> Tensor | None:
        """What share is on a first item that is none, because it is a sink (batch,); None where none is left out."""
        return self.erasures.sink_share()

    def single_effects(self) -> SingleEffects:
        """What erasing each item alone does."""
        return self._single_effects

    @cached_property
    def _single_effects(self) -> SingleEffects:
        return self.erasures.single_effects()

    def first_flips(self, order: Tensor) -> dict[str, Tensor]:
        """Where orderings (orderings, batch, items), int64, flip the decision; see :meth:`Erasures.first_flips`."""
        return self.erasures.first_flips(order)

    def curves(self, order: Tensor, documents: Tensor) -> DecisionCurves:
        """How sure the model is of the decisions along orderings; see :meth:`Erasures.curves`."""
        return self.erasures.curves(order, documents)

    def aopcs(self, order: Tensor, documents: Tensor) -> Tensor | None:
        """AOPC of the probability along orders, where it has a closed form; see :meth:`Erasures.aopcs`."""
        return self.erasures.aopcs(order, documents)

    def probability_without(self, erased: Tensor, documents: Tensor) -> Tensor:
        """How sure the model is when sets of items are erased; see :meth:`Erasures.probability_without`."""
        return self.erasures.probability_without(erased, documents)

    def largest_falls(self, documents: Tensor, sizes: Tensor) -> Tensor | None:
        """The largest fall by sets of a size, where it is known; see :meth:`Erasures.largest_falls`."""
        return self.erasures.largest_falls(documents, sizes)

    def aopc_limits(self, documents: Tensor, score: Score) -> Tensor | None:
        """Least and largest AOPC of any ordering, where they are known; see :meth:`Erasures.aopc_limits`."""
        return self.erasures.aopc_limits(documents, score)

    def certified_sets(self, documents: Tensor, largest: int, known: Tensor) -> CertifiedSets | None:
        """What flips decisions and what guarantees them, by asking; see :meth:`Erasures.certified_sets`."""
        return self.erasures.certified_sets(documents, largest, known)

    def requirements(self) -> Requirements | None:
        """What has to be kept so that the decision stands whatever else is erased, where it is known."""
        return self._requirements

    @cached_property
    def _requirements(self) -> Requirements | None:
        return self.erasures.requirements()

    def smallest_sufficient_set(self) -> MinimalSufficientSet | None:
        """The smallest set of items that guarantees each decision, where it is known."""
        return self._smallest_sufficient_set

    @cached_property
    def _smallest_sufficient_set(self) -> MinimalSufficientSet | None:
        requirements = self.requirements()
        return None if requirements is None else smallest_sets(requirements)

    def input_effects(self, documents: Tensor) -> InputEffects | None:
        """What the words of some rows of the batch do to the decision; see :meth:`Erasures.input_effects`."""
        return self.erasures.input_effects(documents)

    def smallest_set(self) -> Tensor | None:
        """The items of the smallest set that flips each decision, where it is known; see :class:`Erasures`."""
        return self._smallest_set

    @cached_property
    def _smallest_set(self) -> Tensor | None:
        return self.erasures.smallest_set()

    def greedy_order(self) -> Tensor | None:
        """Orderings that ask the gradient again after each removal, where it was asked for; see :class:`Erasures`."""
        return self._greedy_order

    @cached_property
    def _greedy_order(self) -> Tensor | None:
        return self.erasures.greedy_order()

    def contributions(self) -> Tensor | None:
        """Each item's weight times the logits that it would give alone (batch, classes, items), if they add up."""
        return self._contributions

    def pooling(self) -> Pooling | None:
        """What the attention pools, where it is one row and the rest of the model is affine."""
        return self._pooling

    @cached_property
    def _pooling(self) -> Pooling | None:
        return self.erasures.pooling()

    def pooled_states(self) -> PooledStates | None:
        """What the attention makes of documents in which items are erased, where that is a vector that is known."""
        return self.erasures.pooled_states()

    def attention_outputs(self) -> Iterable[Sequence[OutputProducts]] | None:
        """What items are of what attention gives, where that can be seen; see :meth:`Erasures.attention_outputs`."""
        return self.erasures.attention_outputs()

    def layer_outputs(self) -> Iterable[Sequence[OutputProducts]] | None:
        """What items are of what layers as a whole give, where that can be seen."""
        return self.erasures.layer_outputs()

    def slopes(self) -> Slopes | None:
        """Derivatives from no attention on to all of it, where their integral has no closed form."""
        return self.erasures.slopes()

    def flows(self) -> Iterable[Flow] | None:
        """Attention of all layers, where it is self-attention over the same tokens; see :meth:`Erasures.flows`."""
        return self.erasures.flows()

    @property
    def decides_classes(self) -> bool:
        """Whether the decision is the class with the largest logit."""
        return self.erasures.decides_classes

    @cached_property
    def _contributions(self) -> Tensor | None:
        return self.erasures.contributions()

    def otherwise(self) -> Sequence[OtherErasures]:
        """The same batch, erased in all further ways that the run was asked for."""
        return self.erasures.otherwise()
