"""Attach to a model: find its attention layers, have them verified, and find the blocks that they are in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import torch
from torch import Tensor

from attnprobe.attention.blocks import NoBlocksError, blocks_around, recording
from attnprobe.attention.calls import Place, observing
from attnprobe.attention.checks import (
    Check,
    check_against_own,
    check_distributions,
    check_edits,
    check_gradients,
    check_identity,
)
from attnprobe.attention.edited_runs import run_with
from attnprobe.attention.input_axes import without_last
from attnprobe.attention.model_call import Inputs, ModelCall
from attnprobe.attention.refusals import RefusedError, refuse_by_name
from attnprobe.attention.selection import ALL, AT, CONTINUED, FIRST, LAST
from attnprobe.attention.sites import Site, Sites, recognise
from attnprobe.attention.taps import Tap
from attnprobe.attention.token_axes import TokenAxes
from attnprobe.base.errors import InputError


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


def attach(call: ModelCall, inputs: Inputs) -> Attachment:
    """Find a model's attention layers and verify, on a batch of inputs, that they can be seen and edited.

    Args:
        call: the model.
        inputs: a batch of two or more documents, some of them padded.

    Raises:
        RefusedError: the model has no attention over tokens, or a check failed; the message says which.
    """
    refuse_by_name(call.model)
    axes = TokenAxes.of(inputs, call.model)
    with torch.no_grad():
        untouched = _first_run(call, inputs)
        with observing(call.model) as observed:
            call(inputs)
    sites = recognise(call.model, observed, axes.batch, axes.lengths)
    shorter = _recognise_in_shorter(call, inputs, axes)
    found = sites if shorter is None else sites.confirmed_by(shorter, call.model)
    attachment = Attachment(call, found, classes=untouched.shape[-1])
    sites = attachment.sites
    _require_attention(sites, len(observed))
    _verify(attachment, inputs, untouched, axes)
    _locate_blocks(attachment, inputs)
    return attachment


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


def _require_attention(sites: Sites, softmaxes: int) -> None:
    if sites.foreign:
        place, name, shape = sites.foreign[0]
        of = f" of shape {shape}" if shape else ""
        raise RefusedError(
            f"{name} at {place} gives weights{of}, whose columns are not the tokens "
            "(windowed, pooled or sparse attention)."
        )
    if not sites.attention:
        seen = f"{softmaxes} softmaxes, none of which weighs tokens" if softmaxes else "no softmax at all"
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
