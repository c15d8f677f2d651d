"""Examine a Hugging Face model: where its attention is, what was verified, and what an erasure costs in each layer."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from attnprobe.attention.attachment import Attachment, TokensSaid, attach
from attnprobe.attention.calls import Place, observing
from attnprobe.attention.checks import NONE, Check
from attnprobe.attention.decisions import attach_to_decision, own_decision
from attnprobe.attention.edited_runs import run_with
from attnprobe.attention.examples import example_inputs
from attnprobe.attention.foreign import Foreign
from attnprobe.attention.model_call import Inputs, ModelCall
from attnprobe.attention.orientation import settled
from attnprobe.attention.refusals import refuse_by_name
from attnprobe.attention.selection import Selected
from attnprobe.attention.sites import Site, recognise
from attnprobe.attention.taps import Erase
from attnprobe.base.errors import InputError
from attnprobe.engines.choice import fastest_engine, make_engine
from attnprobe.erasure.meaning import Meaning

BEHIND_SOFTMAX = "softmax intercepted"
BY_MASK = "scaled_dot_product_attention, erased by its mask"
UNFUSED = "scaled_dot_product_attention, computed by hand"
"""Ways in: how a layer's weights are reached."""

_REPETITIONS = 3


class Erasure(NamedTuple):
    """How the erasures in one layer are computed.

    Attributes:
        engine: see ``attnprobe.engines.choice``.
        share: what one erasure in one document runs through, counted, in forward passes over the document.
        seconds: of one erasure in each of the examples, all at once.
    """

    engine: str
    share: float
    seconds: float


class Layer(NamedTuple):
    """One attention layer.

    Attributes:
        site: where it is computed, and how many heads it has.
        shape: of its weights on the examples, as the model lays them out.
        way_in: how they are reached; empty where the model is refused before that is known.
        reads: the rows that the output depends on, ``first``, ``last``, ``all`` or ``none``; empty where not known.
        erasure: None where there is nothing to erase.
    """

    site: Site
    shape: tuple[int, ...]
    way_in: str = ""
    reads: str = ""
    erasure: Erasure | None = None


@dataclass
class Examination:
    """What was seen of a model.

    Attributes:
        model: the name of its class.
        parameters: how many it has.
        documents: how many the examples are.
        lengths: how many tokens the examples have: source, and target where the model has a decoder.
        layers: attention layers, in order of computation.
        foreign: what else computes attention.
        checks: what was verified.
        block_calls: in one forward pass; 0 where the model cannot be run from one of its blocks on.
        seconds: of one forward pass over the examples.
        refusal: one sentence that says why attention cannot be erased; None where it provably can.
    """

    model: str
    parameters: int
    documents: int = 0
    lengths: tuple[int, int | None] = (0, None)
    layers: list[Layer] = field(default_factory=list)
    foreign: list[Foreign] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    block_calls: int = 0
    seconds: float = 0.0
    refusal: str | None = None


def examine(model: nn.Module, *, decision: bool = False, inputs: Inputs | None = None) -> Examination:
    """Attach to a model, on examples, and describe all that is seen; what is refused, as far as it is.

    Args:
        model: of Hugging Face; put into evaluation mode.
        decision: whether to refuse a model that decides nothing about a text, as whoever gives a verdict does; else it
            is seen whether its attention can be erased, and no more.
        inputs: the examples, of pictures or sounds, say, whose tokens are found at the softmax; by default random
            tokens.
    """
    seen = Examination(type(model).__name__, sum(parameter.numel() for parameter in model.parameters()))
    try:
        refuse_by_name(model)
        call, said = ModelCall(model), None if inputs is None else TokensSaid()
        examples = example_inputs(model) if inputs is None else settled(call, inputs)
        shapes = _look(seen, call, examples)
        meaning = Meaning(decision=own_decision(model))
        attachment = attach_to_decision(call, examples, meaning, said) if decision else attach(call, examples, said)
        seen.lengths = call.axes(examples).lengths
        _describe(seen, attachment, examples, shapes)
    except InputError as error:
        seen.refusal = str(error)
    except Exception as error:
        # A model's own code raises whatever it likes at inputs that it was not made for.
        of = "tokens alone" if inputs is None else "these examples"
        seen.refusal = f"{seen.model} cannot be run on {of}: {_in_one_line(error)}"
    return seen


def _look(seen: Examination, call: ModelCall, inputs: Inputs) -> dict[Place, tuple[int, ...]]:
    """Note all attention of one run; gives the shapes of all weights."""
    axes = call.axes(inputs)
    seen.documents, seen.lengths = axes.batch, axes.lengths
    with torch.no_grad(), observing(call.model) as observed:
        call(inputs)
    sites = recognise(call.model, observed, seen.documents, seen.lengths)
    shapes = {observation.place: observation.shape for observation in observed}
    seen.layers = [Layer(site, shapes[site.place]) for site in sites.attention]
    seen.foreign = sites.foreign
    return shapes


def _describe(seen: Examination, attachment: Attachment, inputs: Inputs, shapes: dict[Place, tuple[int, ...]]) -> None:
    seen.foreign = attachment.sites.elsewhere
    seen.checks = attachment.checks
    seen.block_calls = len(attachment.calls)
    ways = _ways_in(attachment, inputs)
    with torch.no_grad():
        seen.seconds = _seconds(lambda: attachment.call(inputs))
    seen.layers = [
        Layer(site, shapes[site.place], way, reads, None if reads == NONE else _erasure(attachment, number, inputs))
        for number, (site, way, reads) in enumerate(
            zip(attachment.sites.attention, ways, attachment.reads, strict=True)
        )
    ]


class _Unfused(Erase):
    """Erases nothing, and notes whether it was asked for the weights: a mask alone does not need them."""

    asked = False

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        self.asked = True
        return weights


def _ways_in(attachment: Attachment, inputs: Inputs) -> list[str]:
    sites = attachment.sites.attention
    nothing = torch.zeros(1, 1, 1, 1, dtype=torch.bool, device=next(attachment.call.model.parameters()).device)
    taps = [_Unfused(nothing) for _ in sites]
    with torch.no_grad():
        run_with(attachment.call, inputs, sites, taps)
    return [
        (UNFUSED if tap.asked else BY_MASK) if site.fused else BEHIND_SOFTMAX
        for site, tap in zip(sites, taps, strict=True)
    ]


def _erasure(attachment: Attachment, number: int, inputs: Inputs) -> Erasure:
    """Of all heads of one layer, in the rows that the output depends on."""
    site = attachment.sites.attention[number]
    selected = [Selected(site, torch.ones(site.heads, dtype=torch.bool), attachment.auto()[number])]
    kind = fastest_engine(attachment, selected, inputs)
    engine = make_engine(kind, attachment, selected, inputs)
    keys = attachment.call.axes(inputs).keys(site)
    documents = torch.arange(len(keys), device=keys.device)
    erased = keys & (keys.cumsum(-1) == 2)

    def erase() -> None:
        for _ in engine.evaluate(documents, erased):
            pass

    engine.rows_run = 0.0
    seconds = _seconds(erase)
    return Erasure(kind, engine.rows_run / len(documents) / _REPETITIONS, seconds)


def _seconds(run: Callable[[], object]) -> float:
    times = []
    for _ in range(_REPETITIONS):
        started = time.perf_counter()
        run()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def _in_one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}{f': {lines[0].rstrip(chr(46))}' if lines else ''}."
