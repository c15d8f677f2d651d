"""Attach to a model: find its attention layers, and prove that it computes with what is seen and edited there."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from attnprobe.errors import InputError
from attnprobe.interception.blocks import NoBlocksError, blocks_around, recording
from attnprobe.interception.calls import Place, intercepting
from attnprobe.interception.sites import SELF, Site, Sites, recognise
from attnprobe.interception.taps import Capture, Erase, Tap, Use
from attnprobe.probes.model_call import Inputs, ModelCall
from attnprobe.probes.selection import ALL, FIRST, LAST, Selected
from attnprobe.probes.token_axes import TokenAxes

NONE = "none"
"""Said of a layer no row of which has an influence on the output."""

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-5, torch.float16: 2e-2, torch.bfloat16: 5e-2}
"""Two runs agree where they differ by no more than this share of the largest logit, and no more than this."""


class RefusedError(InputError):
    """A model's attention cannot be erased, or not provably; the message says why in one sentence."""


class Check(NamedTuple):
    """One thing that was verified when attaching: what, and what was seen."""

    name: str
    seen: str


@dataclass
class Attachment:
    """A model whose attention has been found, and seen to be editable.

    Attributes:
        call: the model as a function.
        sites: its attention layers.
        reads: for each, the rows that its output depends on: ``first``, ``last``, ``all`` or ``none``.
        blocks: paths of the model's blocks; empty where it has none that it could be run from.
        calls: the calls of its blocks, in order.
        within: for each attention layer the number of the call that it is in.
        checks: what was verified.
    """

    call: ModelCall
    sites: Sites
    reads: list[str] = field(default_factory=list)
    blocks: set[str] = field(default_factory=set)
    calls: list[Place] = field(default_factory=list)
    within: dict[Site, int] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)

    def skipped_before(self, call: int) -> dict[str, int]:
        """How many attentions of each path are computed before a call of a block."""
        return dict(Counter(site.place.path for site, within in self.within.items() if within < call))

    def auto(self) -> list[str]:
        """The rows that ``auto`` stands for: the one that the output depends on, or all."""
        return [reads if reads in (FIRST, LAST) else ALL for reads in self.reads]


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
        untouched = _run(call, inputs)
        with intercepting(call.model, {}) as observed:
            call(inputs)
    sites = recognise(call.model, observed, axes.batch, axes.lengths)
    shorter = _recognise_in_shorter(call, inputs, axes)
    attachment = Attachment(call, sites if shorter is None else sites.confirmed_by(shorter, call.model))
    sites = attachment.sites
    _require_attention(sites, len(observed))
    captured = _check_identity(attachment, inputs, untouched)
    _check_distributions(attachment, captured, axes)
    _check_against_own(attachment, inputs, untouched, captured, axes)
    _check_gradients(attachment, inputs, axes)
    _check_edits(attachment, inputs, captured, axes)
    _locate_blocks(attachment, inputs)
    return attachment


def _recognise_in_shorter(call: ModelCall, inputs: Inputs, axes: TokenAxes) -> Sites | None:
    """What is found when the texts lose two tokens; None where the model does not bear that."""
    source, target = axes.lengths
    shape = (axes.batch, source)
    shorter = {
        name: value[:, : source - 2]
        if isinstance(value, Tensor) and value.shape[:2] == shape and not name.startswith("decoder_")
        else value
        for name, value in inputs.items()
    }
    own_target = any(name.startswith("decoder_") for name in inputs)
    lengths = (source - 2, target if target is None or own_target else source - 2)
    try:
        with torch.no_grad(), intercepting(call.model, {}) as observed:
            call(shorter)
    except Exception:  # texts of a fixed length, or without their end: they are as they were seen
        return None
    return recognise(call.model, observed, axes.batch, lengths)


def close(one: Tensor, other: Tensor) -> bool:
    """Whether two runs of a model agree, within ``TOLERANCE`` of their type."""
    if one.shape != other.shape or not bool(torch.isfinite(other).all()):
        return False
    scale = float(one.abs().amax().clamp(min=1.0))
    return float((one.double() - other.double()).abs().amax()) <= TOLERANCE[one.dtype] * scale


@contextlib.contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """No parameter requires a gradient inside the context: what is differentiated is attention alone."""
    free = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in free:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in free:
            parameter.requires_grad_(True)


def _run(call: ModelCall, inputs: Inputs) -> Tensor:
    logits = call(inputs)
    if not bool(torch.isfinite(logits).all()):
        raise RefusedError(f"{type(call.model).__name__} gives NaN or infinite logits.")
    return logits


def refuse_by_name(model: nn.Module) -> None:
    """Refuse what is known, without running it, to compute attention where it cannot be seen.

    Raises:
        RefusedError: the model is one of these.
    """
    name = type(model).__name__
    marks = ("_orig_mod", "_compiled_call_impl")
    if any(getattr(part, mark, None) is not None for part in model.modules() for mark in marks):
        raise RefusedError(
            f"{name} is compiled, and its attention cannot be seen: give the model without torch.compile."
        )
    if any(isinstance(part, torch.jit.ScriptModule) for part in model.modules()):
        raise RefusedError(f"{name} is scripted, and its attention cannot be seen: give the model as Python code.")
    config: Any = getattr(model, "config", None)
    implementation = getattr(config, "_attn_implementation", None)
    if isinstance(implementation, str) and implementation not in ("eager", "sdpa"):
        raise RefusedError(
            f"{name} computes attention with {implementation!r}, in which no weight can be seen: "
            "load it with attn_implementation='sdpa' or 'eager'."
        )
    if getattr(config, "attention_type", None) == "block_sparse":
        raise RefusedError(f"{name} has block-sparse attention, whose columns are blocks and not tokens.")


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


def _capture_all(attachment: Attachment, inputs: Inputs) -> tuple[Tensor, list[Tensor]]:
    taps = [Capture() for _ in attachment.sites.attention]
    with torch.no_grad():
        logits = run_with(attachment.call, inputs, attachment.sites.attention, taps)
    return logits, [_seen(site, tap.weights) for site, tap in zip(attachment.sites.attention, taps, strict=True)]


def _seen(site: Site, weights: Tensor | None) -> Tensor:
    if weights is None:
        raise RefusedError(f"The attention at {site.place} was computed in one run of the model and not in the next.")
    return weights


def run_with(
    call: ModelCall, inputs: Inputs, sites: Sequence[Site], taps: Sequence[Tap], *, by_mask: bool = True
) -> Tensor:
    """The logits of a run in which these taps act at these sites."""
    with intercepting(
        call.model, dict(site.tapped(tap, by_mask=by_mask) for site, tap in zip(sites, taps, strict=True))
    ):
        return call(inputs)


def _check_identity(attachment: Attachment, inputs: Inputs, untouched: Tensor) -> list[Tensor]:
    logits, captured = _capture_all(attachment, inputs)
    if not close(untouched, logits):
        raise RefusedError(
            "An edit that changes nothing changes the output by "
            f"{float((untouched - logits).abs().amax()):.1g}: the model's attention is not what is seen of it."
        )
    difference = float((untouched - logits).abs().amax())
    attachment.checks.append(Check("an edit that changes nothing", f"leaves the logits (difference {difference:.1g})"))
    return captured


def _check_distributions(attachment: Attachment, captured: list[Tensor], axes: TokenAxes) -> None:
    lowest = 1.0
    for site, weights in zip(attachment.sites.attention, captured, strict=True):
        real = axes.queries(site) if weights.shape[2] > 1 else axes.queries(site)[:, :1]
        keys = axes.keys(site)
        sums = weights.double().sum(-1).transpose(1, 2)[real]
        slack = 50 * TOLERANCE[weights.dtype]
        if bool((weights < 0).any()) or bool((sums > 1 + slack).any()):
            raise RefusedError(f"{site.module} at {site.place} gives weights that are no distributions.")
        lowest = min(lowest, float(sums.min()))
        on_padding = weights.masked_fill(keys[:, None, None, :], 0.0).transpose(1, 2)[real]
        if site.extra and bool((on_padding > 0).any()):
            raise RefusedError(f"{site.module} at {site.place} has columns that are not the tokens.")
    detail = "every row sums to one" if lowest > 0.999 else f"rows sum to {lowest:.2f} or more (attention sinks)"
    attachment.checks.append(Check("weights", detail))


def _check_against_own(
    attachment: Attachment, inputs: Inputs, untouched: Tensor, captured: list[Tensor], axes: TokenAxes
) -> None:
    own = _own_attentions(attachment.call, inputs, untouched)
    if own is None:
        return
    sites = attachment.sites.attention
    matched = 0
    stacks = attachment.sites.stacks()
    for stack, weights in own.items():
        if stack == SELF and SELF not in stacks:  # a classifier of two stacks says "attentions" of its decoder's
            continue
        ours = [(site, w) for site, w in zip(sites, captured, strict=True) if site.stack in (stack, SELF)]
        if len(ours) != len(weights):
            raise RefusedError(
                f"{len(ours)} attention layers were seen, but the model gives the weights of {len(weights)}."
            )
        for (site, one), other in zip(ours, weights, strict=True):
            real = axes.queries(site)  # rows of padding are what each implementation makes of them
            if one.shape != other.shape or not close(other.transpose(1, 2)[real], one.transpose(1, 2)[real]):
                raise RefusedError(f"The weights seen in layer {site.layer} are not those that the model itself gives.")
            matched += 1
    attachment.checks.append(
        Check("the model's own attentions", f"are the weights seen, in {matched} of {len(sites)} layers")
    )


def _own_attentions(call: ModelCall, inputs: Inputs, untouched: Tensor) -> dict[str, list[Tensor]] | None:
    """The attention weights that a Hugging Face model gives when asked, by stack; None where it gives none."""
    model: Any = call.model
    config: Any = getattr(model, "config", None)
    present = getattr(config, "_attn_implementation", None)
    if config is None or not hasattr(model, "set_attn_implementation") or present is None:
        return None
    outputs: list[Any] = []
    with model.register_forward_hook(lambda _model, _inputs, output: outputs.append(output)):
        try:
            model.set_attn_implementation("eager")
            with torch.no_grad():
                logits = call({**inputs, "output_attentions": True})
        except Exception:  # it cannot give them; that is no failure of ours
            return None
        finally:
            with contextlib.suppress(Exception):
                model.set_attn_implementation(present)
    if not close(untouched, logits):  # asked for them, it computes something else (Falcon: without its mask)
        return None
    (output,) = outputs
    names = {"attentions": "self", "encoder_attentions": "encoder", "decoder_attentions": "decoder"}
    found: dict[str, list[Tensor]] = {}
    for name, stack in (names | {"cross_attentions": "cross"}).items():
        given = getattr(output, name, None)
        # Some give scores under this name (SqueezeBERT), which are no weights.
        if given and all(isinstance(w, Tensor) and w.dim() == 4 and bool((w >= 0).all()) for w in given):
            found[stack] = list(given)
    return found or None


def _check_gradients(attachment: Attachment, inputs: Inputs, axes: TokenAxes) -> None:
    sites = attachment.sites.attention
    taps = [Capture(differentiable=True) for _ in sites]
    with frozen(attachment.call.model), torch.enable_grad():
        logits = run_with(attachment.call, inputs, sites, taps)
        weights = [_seen(site, tap.weights) for site, tap in zip(sites, taps, strict=True)]
        generator = torch.Generator().manual_seed(0)
        direction = torch.randn(logits.shape, generator=generator).to(logits)
        if not logits.requires_grad:
            raise RefusedError("No gradient flows from the output to the attention weights.")
        gradients = torch.autograd.grad((logits * direction).sum(), weights, allow_unused=True)
    finite = all(gradient is None or bool(torch.isfinite(gradient).all()) for gradient in gradients)
    if not finite or all(gradient is None or not bool(gradient.any()) for gradient in gradients):
        raise RefusedError("No finite gradient flows from the output to the attention weights.")
    attachment.reads = [
        _rows_read(gradient, axes.queries(site)) for site, gradient in zip(sites, gradients, strict=True)
    ]
    flowing = sum(reads != NONE for reads in attachment.reads)
    attachment.checks.append(Check("gradients", f"flow to the weights of {flowing} of {len(sites)} layers"))


def _rows_read(gradient: Tensor | None, mask: Tensor) -> str:
    if gradient is None or not bool(gradient.any()):
        return NONE
    if gradient.shape[2] == 1 and mask.shape[1] > 1:
        return ALL
    rows = gradient.abs().amax(dim=(1, 3)) > 0
    number = mask.cumsum(-1) - 1
    for name, row in ((FIRST, mask & (number == 0)), (LAST, mask & (number == number[:, -1:]))):
        if torch.equal(rows, row):
            return name
    return ALL


def _check_edits(attachment: Attachment, inputs: Inputs, captured: list[Tensor], axes: TokenAxes) -> None:
    """Erasing in one document changes its output and no other's; every layer that the output reads can be edited."""
    changed = 0
    for site, weights, reads in zip(attachment.sites.attention, captured, attachment.reads, strict=True):
        if reads == NONE:
            continue
        document = axes.batch - 1
        erased = torch.zeros_like(weights[:, :1, :1], dtype=torch.bool)
        # The key that the rows which are read attend to most: within a window they see few, and must not be left alone.
        rows = Selected(site, torch.ones(site.heads), reads).rows(axes.queries(site))[document]
        read = weights[document] if len(rows) != weights.shape[2] else weights[document][:, rows]
        erased[document, 0, 0, read.sum((0, 1)).argmax()] = True
        with torch.no_grad():
            by_hand = run_with(attachment.call, inputs, [site], [Erase(erased)], by_mask=False)
            as_is = run_with(attachment.call, inputs, [site], [Use(weights)])
            by_mask = run_with(attachment.call, inputs, [site], [Erase(erased)])
        same = (by_hand == as_is).all(-1)
        if not close(by_hand, by_mask):
            raise RefusedError(f"Erasing at {site.place} by a mask and by hand give different outputs.")
        if bool(same[document]):
            raise RefusedError(f"Erasing attention at {site.place} does not change the output.")
        if not close(as_is[:document], by_hand[:document]):
            raise RefusedError(f"Erasing attention of one document at {site.place} changes the output of another.")
        changed += 1
    attachment.checks.append(Check("a real edit", f"changes the output, in {changed} of {len(captured)} layers"))


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
