"""Which engine computes a selection's erasures fastest, of those that are seen to give what whole runs give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.blocks import NoBlocksError
from attnprobe.attention.checks import NONE
from attnprobe.attention.edited_runs import close
from attnprobe.attention.head_outputs import require_standing_in
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.refusals import RefusedError
from attnprobe.attention.selection import ALL, AT, CONTINUED, FIRST, LAST, Selected
from attnprobe.base.errors import InputError
from attnprobe.engines.inner_replay import InnerReplay
from attnprobe.engines.protocol import Engine
from attnprobe.engines.replay import Replay
from attnprobe.engines.row_tail import NoSingleRowError
from attnprobe.engines.single_row import SingleRow
from attnprobe.engines.taken_mass import vectors_of
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.erasure.stand_ins import TrainingVectors

SINGLE_ROW, INNER_REPLAY, REPLAY, FORWARD = "single row", "replay from inside", "replay", "whole runs"
"""Engines, the fastest first; from inside a layer for the map of heads, and in further ways of erasing."""


@dataclass
class Tried:
    """What has been made of a batch to choose engines on: none of it hangs on the way of erasing.

    Attributes:
        engines: by name.
        training: what heads of selected layers give, where that stands in for something.
    """

    engines: dict[str, Engine] = field(default_factory=dict)
    training: list[TrainingVectors] | None = None


def make_engine(
    kind: str,
    attachment: Attachment,
    selected: Sequence[Selected],
    inputs: Inputs,
    meaning: Meaning = BY_DEFAULT,
) -> Engine:
    """A batch, run once and ready for erasures by the engine of this name.

    Raises:
        NoSingleRowError, NoBlocksError: the engine cannot do this.
    """
    if kind == SINGLE_ROW:
        return SingleRow(attachment, selected, inputs, _read(attachment, selected), meaning)
    if kind in (INNER_REPLAY, REPLAY):
        if not attachment.within:
            raise NoBlocksError("the model has no blocks")
        if kind == INNER_REPLAY:
            return InnerReplay(attachment, selected, inputs, meaning)
        start = min(attachment.within[chosen.site] for chosen in selected)
        return Replay(attachment, selected, inputs, start, meaning)
    return Replay(attachment, selected, inputs, None, meaning)


def fastest_engine(
    attachment: Attachment,
    selected: Sequence[Selected],
    inputs: Inputs,
    meaning: Meaning = BY_DEFAULT,
    *,
    inside: bool = False,
    tried: Tried | None = None,
) -> str:
    """The name of the fastest engine that gives what whole runs of the model give, on this batch.

    Args:
        attachment: the model.
        selected: what is erased.
        inputs: the batch.
        meaning: what is meant by erased, and by decided.
        inside: whether erasures may begin inside the lowest layer, of which most is known: of single heads, and in
            further ways.
        tried: what another choice on this batch, of another way of erasing, has left.

    Raises:
        RefusedError: nothing that is selected has an influence on the output; or nothing can take the mass that rows
            lose, and by this meaning something does.
    """
    tried = Tried() if tried is None else tried
    if meaning.adds_vectors and tried.training is None:
        tried.training = _of_examples(attachment, selected, inputs)
    seeds = torch.arange(attachment.call.axes(inputs).batch, device=next(attachment.call.model.parameters()).device)

    def made(kind: str) -> Engine:
        if kind not in tried.engines:
            tried.engines[kind] = make_engine(kind, attachment, selected, inputs, meaning)
        return tried.engines[kind].under(meaning, seeds, tried.training)[-1]

    whole = made(FORWARD)
    _require_influence(whole, attachment, selected, inputs)
    kinds = [SINGLE_ROW] * _is_single_row(attachment, selected) + [INNER_REPLAY] * inside + [REPLAY]
    return next((kind for kind in kinds if _is_faithful(partial(made, kind), whole, attachment, inputs)), FORWARD)


def replay_is_faithful(
    attachment: Attachment, selected: Sequence[Selected], inputs: Inputs, meaning: Meaning = BY_DEFAULT
) -> bool:
    """Whether a replay from the lowest of these layers on gives what whole runs of the model give, on this batch.

    Raises:
        RefusedError: nothing can take the mass that rows lose, and by this meaning something does.
    """
    training = _of_examples(attachment, selected, inputs) if meaning.adds_vectors else None
    seeds = torch.arange(attachment.call.axes(inputs).batch, device=next(attachment.call.model.parameters()).device)

    def made(kind: str) -> Engine:
        return make_engine(kind, attachment, selected, inputs, meaning).under(meaning, seeds, training)[-1]

    return _is_faithful(lambda: made(REPLAY), made(FORWARD), attachment, inputs)


def _is_faithful(made: Callable[[], Engine], whole: Engine, attachment: Attachment, inputs: Inputs) -> bool:
    """Whether an engine can be made, and gives what whole runs give."""
    try:
        return _agree(made(), whole, attachment, inputs)
    # Whatever a model's code makes of being run in another way, whole runs are still right.
    except (NoSingleRowError, NoBlocksError, RuntimeError, TypeError, ValueError, IndexError, KeyError):
        return False
    except (AttributeError, AssertionError, NotImplementedError):
        return False


def _of_examples(attachment: Attachment, selected: Sequence[Selected], inputs: Inputs) -> list[TrainingVectors]:
    """What heads of selected layers give of examples, in the place of training documents.

    Raises:
        RefusedError: nothing can take the mass that rows lose.
    """
    read = [chosen.site for chosen in selected if _rows_read(attachment, chosen) != NONE]
    require_standing_in(attachment.call, read, inputs)
    return vectors_of(attachment.call, selected, [inputs])


def engine_by_name(name: str) -> str:
    """The name itself.

    Raises:
        InputError: there is no such engine.
    """
    known = (SINGLE_ROW, INNER_REPLAY, REPLAY, FORWARD)
    if name not in known:
        raise InputError(f"There is no engine {name!r}; known: {', '.join(known)}.")
    return name


def _read(attachment: Attachment, selected: Sequence[Selected]) -> str:
    return _rows_read(attachment, selected[0])


def _rows_read(attachment: Attachment, chosen: Selected) -> str:
    return attachment.reads[attachment.sites.attention.index(chosen.site)]


def _is_single_row(attachment: Attachment, selected: Sequence[Selected]) -> bool:
    """Whether the selection is the row that the output depends on, of the last attention that is computed."""
    if len(selected) != 1 or selected[0].site is not attachment.sites.attention[-1] or not attachment.within:
        return False
    read = _read(attachment, selected)
    return read in (FIRST, LAST, AT) and selected[0].query in (read, ALL)


def _require_influence(whole: Engine, attachment: Attachment, selected: Sequence[Selected], inputs: Inputs) -> None:
    """Erasing everything that is selected changes some output."""
    documents = torch.arange(len(whole.logits), device=whole.logits.device)
    keys = attachment.call.axes(inputs).keys(selected[0].site)
    if torch.equal(_evaluated(whole, documents, keys), _evaluated(whole, documents, torch.zeros_like(keys))):
        chosen = selected[-1]
        read = _rows_read(attachment, chosen)
        named = {
            ALL: "all rows",
            NONE: "no row of it",
            AT: "the row that is decided at",
            CONTINUED: "the rows that the continuation is read from",
        }
        rows = named.get(read, f"the {read} row")
        raise RefusedError(
            f"Erasing row {_named(chosen.query)} of {chosen.site.stack} layer {chosen.site.layer} changes nothing: "
            f"the output depends on {rows}."
        )


def _named(query: str | tuple[int, ...]) -> str:
    return query if isinstance(query, str) else ",".join(map(str, query))


def _agree(engine: Engine, whole: Engine, attachment: Attachment, inputs: Inputs) -> bool:
    """Whether two engines give the same logits: with nothing erased, with some, and with everything."""
    if not close(whole.logits, engine.logits):
        return False
    axes = attachment.call.axes(inputs)
    tokens = axes.keys(engine.attended[0].selected.site)
    generator = torch.Generator().manual_seed(0)
    some = (torch.rand(tokens.shape, generator=generator) < 0.5).to(tokens.device) & tokens
    # Neither in order nor as many as there are: an engine that does not tell documents apart is seen to.
    documents = torch.arange(axes.batch, device=tokens.device).flip(0)
    documents = torch.cat([documents, documents[:1]])
    for erased in (torch.zeros_like(tokens), some, tokens):
        sets = erased[documents]
        if not close(_evaluated(whole, documents, sets), _evaluated(engine, documents, sets)):
            return False
    gradients = zip(engine.attended, whole.attended, strict=True)
    return all(close(_of_keys(b.gradients), _of_keys(a.gradients)) for a, b in gradients)


def _evaluated(engine: Engine, documents: Tensor, erased: Tensor) -> Tensor:
    """The logits after erasures (erasures, classes), of however many micro-batches."""
    return torch.cat([logits for _, logits in engine.evaluate(documents, erased)])


def _of_keys(gradients: Tensor) -> Tensor:
    """Summed in double precision, whatever the order, and compared within the tolerance of their own type."""
    return gradients.double().sum((1, 2)).to(gradients.dtype)
