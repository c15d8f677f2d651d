"""Attach to a model: find its attention layers, have them verified, and find the blocks that they are in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.attention.blocks import NoBlocksError, blocks_around, recording
from attnprobe.attention.calls import Observed, Place, observing
from attnprobe.attention.checks import (
    Check,
    check_against_own,
    check_distributions,
    check_edits,
    check_gradients,
    check_identity,
)
from attnprobe.attention.counted_tokens import CountedTokens, count_tokens
from attnprobe.attention.edited_runs import run_with
from attnprobe.attention.input_axes import rows_of, without_last
from attnprobe.attention.model_call import Inputs, ModelCall
from attnprobe.attention.refusals import RefusedError, refuse_by_name
from attnprobe.attention.selection import ALL, AT, CONTINUED, FIRST, LAST
from attnprobe.attention.sites import Site, Sites, foreign_to_all, recognise
from attnprobe.attention.taps import Tap
from attnprobe.attention.token_axes import TokenAxes, documents_of, target_of
from attnprobe.base.errors import InputError


class TokensSaid(NamedTuple):
    """What is known of tokens that inputs do not show.

    Attributes:
        among: how many a document has; None: as many as the model is seen to attend among.
        axis: of the first of the inputs that has an entry a token; None: none has, or the second.
    """

    among: int | None = None
    axis: int | None = None


def said_of_tokens(tokens: int | None, token_axis: int | None) -> TokensSaid:
    """What a caller has said, after seeing that it is something.

    Raises:
        InputError: it is no number of tokens, or both were said.
        TypeError: it is no whole number.
    """
    for name, value in (("tokens", tokens), ("token_axis", token_axis)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise TypeError(f"{name} is {type(value).__name__}, but a whole number is needed.")
    if tokens is not None and token_axis is not None:
        raise InputError("tokens and token_axis were both given: one of them says how many tokens there are.")
    if tokens is not None and tokens < 1:
        raise InputError(f"tokens is {tokens}, but a document has one or more.")
    return TokensSaid(tokens, token_axis or None)


@dataclass
class Attachment:
    """A model whose attention has been found, and seen to be editable.

    Attributes:
        call: the model as a function.
        sites: its attention layers.
        reads: for each, the rows that its output depends on: ``first``, ``last``, ``at``,
            ``continued``, ``all`` or ``none``.
        blocks: paths of the model's blocks; empty where it has none that it could be run from.
        calls: the calls of its blocks, in order.
        within: for each attention layer the number of the call that it is in.
        checks: what was verified.
        classes: how many logits a document has.
    """

    call: ModelCall
    sites: Sites
    reads: list[str] = field(default_factory=list)
    blocks: set[str] = field(default_factory=set)
    calls: list[Place] = field(default_factory=list)
    within: dict[Site, int] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    classes: int = 0

    def skipped_before(self, call: int) -> dict[str, int]:
        """How many attentions of each path are computed before a call of a block."""
        return dict(Counter(site.place.path for site, within in self.within.items() if within < call))

    def auto(self) -> list[str]:
        """The rows that ``auto`` stands for: those that the output is seen to depend on, or all."""
        return [reads if reads in (FIRST, LAST, AT, CONTINUED) else ALL for reads in self.reads]


def attach(call: ModelCall, inputs: Inputs, said: TokensSaid | None = None) -> Attachment:
    """Find a model's attention layers and verify, on a batch of inputs, that they can be seen and edited.

    Args:
        call: the model.
        inputs: a batch of two or more documents, some of them padded.
        said: what is known of tokens that the inputs do not show; None: inputs show them, (batch, tokens, …).

    Raises:
        RefusedError: the model has no attention over tokens, or a check failed; the message says which.
    """
    refuse_by_name(call.model)
    with torch.no_grad():
        untouched = _first_run(call, inputs)
        with observing(call.model) as observed:
            call(inputs)
    attachment = Attachment(call, _sites(call, inputs, observed, said), classes=untouched.shape[-1])
    _require_attention(attachment.sites, observed)
    _verify(attachment, inputs, untouched, call.axes(inputs))
    _locate_blocks(attachment, inputs)
    return attachment


def _sites(call: ModelCall, inputs: Inputs, observed: Observed, said: TokensSaid | None) -> Sites:
    """Attention over the tokens that the inputs show, or else over those that are found at the softmax."""
    shown = Sites([], [])
    if said is None or said in (TokensSaid(), TokensSaid(axis=1)):
        axes = TokenAxes.of(inputs, call.model)
        shown = recognise(call.model, observed, axes.batch, axes.lengths)
        shorter = _recognise_in_shorter(call, inputs, axes)
        shown = shown if shorter is None else shown.confirmed_by(shorter, call.model, observed)
        if said is None or said.axis == 1 or (shown.attention and not shown.foreign):
            return shown
    counted = _counted(call, inputs, observed, said)
    of_ids = not documents_of(inputs).dtype.is_floating_point
    if counted is None or (of_ids and shown.foreign and (counted.foreign or not counted.attention)):
        return shown
    if counted.attention and not counted.foreign:
        call.counted = CountedTokens(counted.attention, said.among, said.axis)
    return counted


def _counted(call: ModelCall, inputs: Inputs, observed: Observed, said: TokensSaid) -> Sites | None:
    """Attention over as many tokens as were said, or as most layers attend among; None where nothing attends."""
    documents, target = documents_of(inputs), target_of(inputs)
    batch, own = len(documents), None if target is None else target.shape[1]
    tokens = said.among or (documents.shape[said.axis] if said.axis else None)
    tokens = tokens or count_tokens(call.model, observed, batch, own is not None)
    if tokens is None:
        foreign = foreign_to_all(call.model, observed, batch)
        return Sites([], foreign) if foreign else None
    has_decoder = bool(getattr(getattr(call.model, "config", None), "is_encoder_decoder", False))
    lengths = (tokens, tokens if own is None and has_decoder else own)
    sites = recognise(call.model, observed, batch, lengths)
    if sites.foreign and said == TokensSaid():  # how many tokens there are is no more than a guess then
        places = {each.place for each in sites.foreign}
        foreign = [each for each in foreign_to_all(call.model, observed, batch) if each.place in places]
        return Sites(sites.attention, foreign, sites.elsewhere)
    more = rows_of(inputs, torch.arange(batch + 2, device=documents.device) % batch, batch)
    try:
        with torch.no_grad(), observing(call.model) as again:
            call(more)
    except Exception:  # a model of so many documents and no others
        return sites
    return sites.confirmed_by(recognise(call.model, again, batch + 2, lengths), call.model, observed)


def _verify(attachment: Attachment, inputs: Inputs, untouched: Tensor, axes: TokenAxes) -> None:
    call, sites = attachment.call, attachment.sites.attention
    captured, identity = check_identity(call, sites, inputs, untouched)
    distributions = check_distributions(sites, captured, axes)
    own = check_against_own(call, sites, inputs, untouched, captured, axes)
    attachment.reads, gradients = check_gradients(call, sites, inputs, axes)
    edits = check_edits(call, sites, attachment.reads, inputs, captured, axes)
    checks = (identity, distributions, own, gradients, edits)
    attachment.checks += [check for check in checks if check is not None]


def _recognise_in_shorter(call: ModelCall, inputs: Inputs, axes: TokenAxes) -> Sites | None:
    """What is found when the texts lose two tokens; None where the model does not bear that."""
    source, target = axes.lengths
    shorter = without_last(inputs, axes.batch, source, 2)
    own_target = any(name.startswith("decoder_") for name in inputs)
    lengths = (source - 2, target if target is None or own_target else source - 2)
    try:
        with torch.no_grad(), observing(call.model) as observed:
            call(shorter)
    except Exception:  # texts of a fixed length, or without their end: they are as they were seen
        return None
    return recognise(call.model, observed, axes.batch, lengths)


def _first_run(call: ModelCall, inputs: Inputs) -> Tensor:
    try:
        logits = call(inputs)
    except InputError:
        raise
    except Exception as error:  # whatever a model's code makes of inputs that are not for it
        name, line = type(call.model).__name__, (str(error).strip().splitlines() or [""])[0].rstrip(".:")
        raise InputError(f"{name} cannot be run on what it is given: {type(error).__name__}, {line}.") from error
    if not bool(torch.isfinite(logits).all()):
        raise RefusedError(f"{type(call.model).__name__} gives NaN or infinite logits.")
    return logits


def _require_attention(sites: Sites, observed: Observed) -> None:
    if observed.unread:
        path, kernel = observed.unread[0]
        raise RefusedError(
            f"Attention at {path} is computed by {kernel}, whose weights cannot be read: identity matrices in the "
            "place of its values do not give them."
        )
    if sites.foreign:
        raise RefusedError(sites.foreign[0].sentence)
    if not sites.attention:
        seen = f"{len(observed)} softmaxes, none of which weighs tokens" if observed else "no softmax at all"
        squares = [(path, shape) for path, shape in observed.exponentials if shape[-1] == shape[-2] > 1]
        if squares and not observed:
            path, shape = squares[0]
            raise RefusedError(
                f"The model has no softmax attention over tokens that can be seen: at {path or 'its top'} it takes "
                f"exponentials of shape {shape}, and divides them by their sum in a way that is not followed."
            )
        raise RefusedError(f"The model has no softmax attention over tokens: it computes {seen}.")


class _Locate(Tap):
    """Notes in which call of a block an attention is computed."""

    def __init__(self, calls: list[Place]) -> None:
        self.calls = calls
        self.within = -1

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        self.within = len(self.calls) - 1
        return weights


def _locate_blocks(attachment: Attachment, inputs: Inputs) -> None:
    sites = attachment.sites.attention
    blocks = blocks_around(attachment.call.model, [site.place.path for site in sites])
    if not blocks:
        return
    with torch.no_grad(), recording(attachment.call.model, blocks) as record:
        taps = [_Locate(record.calls) for _ in sites]
        try:
            run_with(attachment.call, inputs, sites, taps)
        except NoBlocksError:
            return
    if all(tap.within >= 0 for tap in taps):
        attachment.blocks, attachment.calls = blocks, record.calls
        attachment.within = {site: tap.within for site, tap in zip(sites, taps, strict=True)}
