"""What is verified of a model before its attention is erased: each check says what it saw, or refuses."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from attnprobe.attention.edited_runs import TOLERANCE, close, frozen, run_with
from attnprobe.attention.model_call import Inputs, ModelCall
from attnprobe.attention.refusals import RefusedError
from attnprobe.attention.selection import ALL, AT, CONTINUED, FIRST, LAST, Selected
from attnprobe.attention.sites import SELF, Site
from attnprobe.attention.taps import Capture, Erase, Use
from attnprobe.attention.token_axes import TokenAxes

NONE = "none"
"""Said of a layer no row of which has an influence on the output."""


class Check(NamedTuple):
    """One thing that was verified when attaching: what, and what was seen."""

    name: str
    seen: str


def check_identity(
    call: ModelCall, sites: Sequence[Site], inputs: Inputs, untouched: Tensor
) -> tuple[list[Tensor], Check]:
    """An edit that changes nothing leaves the logits (batch, classes) as they were; also gives the weights it saw."""
    logits, captured = _capture_all(call, sites, inputs)
    if not close(untouched, logits):
        raise RefusedError(
            "An edit that changes nothing changes the output by "
            f"{float((untouched - logits).abs().amax()):.1g}: the model's attention is not what is seen of it."
        )
    _check_repeated(call, sites, inputs, captured)
    difference = float((untouched - logits).abs().amax())
    return captured, Check("an edit that changes nothing", f"leaves the logits (difference {difference:.1g})")


def _check_repeated(call: ModelCall, sites: Sequence[Site], inputs: Inputs, captured: list[Tensor]) -> None:
    """Another run of the same batch has the same weights: a column is the same token in each."""
    for site, one, other in zip(sites, captured, _capture_all(call, sites, inputs)[1], strict=True):
        if not close(one, other):
            raise RefusedError(
                f"{site.module} at {site.place} has other weights in another run of the same batch: "
                "what a column is changes from run to run."
            )


def _capture_all(call: ModelCall, sites: Sequence[Site], inputs: Inputs) -> tuple[Tensor, list[Tensor]]:
    taps = [Capture() for _ in sites]
    with torch.no_grad():
        logits = run_with(call, inputs, sites, taps)
    return logits, [_seen(site, tap.weights) for site, tap in zip(sites, taps, strict=True)]


def _seen(site: Site, weights: Tensor | None) -> Tensor:
    if weights is None:
        raise RefusedError(f"The attention at {site.place} was computed in one run of the model and not in the next.")
    return weights


def check_distributions(sites: Sequence[Site], captured: list[Tensor], axes: TokenAxes) -> Check:
    """What was captured are distributions over tokens, or with attention sinks what is left of them."""
    _check_mask(sites, captured, axes)
    lowest = 1.0
    for site, weights in zip(sites, captured, strict=True):
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
    return Check("weights", detail)


def _check_mask(sites: Sequence[Site], captured: list[Tensor], axes: TokenAxes) -> None:
    """Refuse a mask that the model reads the other way round: what it calls padding is all that is attended to."""
    of_real = of_padding = False
    for site, weights in zip(sites, captured, strict=True):
        attended, keys = (weights > 0).any(1).any(1), axes.keys(site)
        of_real |= bool((attended & keys).any())
        of_padding |= bool((attended & ~keys).any())
    if of_padding and not of_real:
        raise RefusedError(
            "The mask among the model's inputs is read the other way round by the model, which attends to nothing but "
            "what is padding by it: give its inverse, or let the model call it padding_mask."
        )


def check_against_own(
    call: ModelCall, sites: Sequence[Site], inputs: Inputs, untouched: Tensor, captured: list[Tensor], axes: TokenAxes
) -> Check | None:
    """What was captured are the weights that the model itself gives; None where it gives none."""
    own = _own_attentions(call, inputs, untouched)
    if own is None:
        return None
    matched = 0
    stacks = {site.stack for site in sites}
    for stack, weights in own.items():
        if stack == SELF and SELF not in stacks:  # a classifier of two stacks says "attentions" of its decoder's
            continue
        ours = [(site, w) for site, w in zip(sites, captured, strict=True) if site.stack in (stack, SELF)]
        left = iter(ours)  # a model may give the weights of some of its layers alone, in their order
        for number, other in enumerate(weights):
            if not any(_are_same(site, one, other, axes) for site, one in left):
                if len(ours) == len(weights):
                    layer = ours[number][0].layer
                    raise RefusedError(f"The weights seen in layer {layer} are not those that the model itself gives.")
                raise RefusedError(
                    f"{len(ours)} attention layers were seen, but the model gives the weights of {len(weights)}, "
                    "which are not among them."
                )
            matched += 1
    return Check("the model's own attentions", f"are the weights seen, in {matched} of {len(sites)} layers")


def _are_same(site: Site, seen: Tensor, own: Tensor, axes: TokenAxes) -> bool:
    """Whether weights that were seen are those that a model gives, in the rows of real tokens."""
    if seen.shape != own.shape:
        return False
    if own.shape[1] > 1 and torch.equal(own, own[:, :1].expand_as(own)):
        seen = seen.mean(1, keepdim=True).expand_as(seen)  # some give the mean of their heads for each (WavLM)
    real = axes.queries(site)  # rows of padding are what each implementation makes of them
    return close(own.transpose(1, 2)[real], seen.transpose(1, 2)[real])


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


def check_gradients(call: ModelCall, sites: Sequence[Site], inputs: Inputs, axes: TokenAxes) -> tuple[list[str], Check]:
    """Gradients flow to the weights; also gives for each layer the rows that they flow to."""
    taps = [Capture(differentiable=True) for _ in sites]
    with frozen(call.model), torch.enable_grad():
        try:
            logits = run_with(call, inputs, sites, taps)
        except RuntimeError as error:
            name = type(call.model).__name__
            raise RefusedError(f"{name} cannot be run where gradients are asked for: {_first_line(error)}.") from None
        weights = [_seen(site, tap.weights) for site, tap in zip(sites, taps, strict=True)]
        generator = torch.Generator().manual_seed(0)
        direction = torch.randn(logits.shape, generator=generator).to(logits)
        if not logits.requires_grad:
            raise RefusedError("No gradient flows from the output to the attention weights.")
        try:
            gradients = torch.autograd.grad((logits * direction).sum(), weights, allow_unused=True)
        except RuntimeError as error:  # a kernel that cannot be differentiated
            why = _first_line(error)
            raise RefusedError(f"No gradient flows from the output to the attention weights: {why}.") from None
    finite = all(gradient is None or bool(torch.isfinite(gradient).all()) for gradient in gradients)
    if not finite or all(gradient is None or not bool(gradient.any()) for gradient in gradients):
        raise RefusedError("No finite gradient flows from the output to the attention weights.")
    reads = [
        _rows_read(gradient, axes.queries(site), axes.read) for site, gradient in zip(sites, gradients, strict=True)
    ]
    flowing = sum(rows != NONE for rows in reads)
    return reads, Check("gradients", f"flow to the weights of {flowing} of {len(sites)} layers")


def _first_line(error: Exception) -> str:
    """Of what is said, up to where a second sentence begins."""
    return (str(error).strip().splitlines() or [""])[0].partition(". ")[0].rstrip(".")


def _rows_read(gradient: Tensor | None, mask: Tensor, read: Tensor | None) -> str:
    """Which rows (batch, queries) a gradient flows to, those that the decision is said to be read from first."""
    if gradient is None or not bool(gradient.any()):
        return NONE
    if gradient.shape[2] == 1 and mask.shape[1] > 1:
        return ALL
    rows = gradient.abs().amax(dim=(1, 3)) > 0
    if read is not None and torch.equal(rows, read):
        return AT if int(read.sum(-1).max()) == 1 else CONTINUED
    number = mask.cumsum(-1) - 1
    for name, row in ((FIRST, mask & (number == 0)), (LAST, mask & (number == number[:, -1:]))):
        if torch.equal(rows, row):
            return name
    return ALL


def check_edits(
    call: ModelCall,
    sites: Sequence[Site],
    reads: Sequence[str],
    inputs: Inputs,
    captured: list[Tensor],
    axes: TokenAxes,
) -> Check:
    """Erasing in one document changes its output and no other's; every layer that the output reads can be edited."""
    changed = 0
    for site, weights, of_rows in zip(sites, captured, reads, strict=True):
        if of_rows == NONE:
            continue
        document = axes.batch - 1
        # The key that the rows which are read attend to most: within a window they see few, and must not be left alone.
        rows = Selected(site, torch.ones(site.heads), of_rows).rows(axes.queries(site), axes.read)[document]
        read = weights[document] if len(rows) != weights.shape[2] else weights[document][:, rows]
        erased = torch.zeros_like(weights[:, :1, :1], dtype=torch.bool)
        erased[document, 0, 0, read.sum((0, 1)).argmax()] = True
        if not _changes(call, site, inputs, weights, erased, document):
            # Where windows are short, that key may be none that the decision hangs on: then every key.
            erased[document] = True
            if not _changes(call, site, inputs, weights, erased, document):
                raise RefusedError(f"Erasing attention at {site.place} does not change the output.")
        changed += 1
    return Check("a real edit", f"changes the output, in {changed} of {len(captured)} layers")


def _changes(call: ModelCall, site: Site, inputs: Inputs, weights: Tensor, erased: Tensor, document: int) -> bool:
    """Whether erasing in one document changes its output; it must change no other's, and be the same by every way."""
    with torch.no_grad():
        by_hand = run_with(call, inputs, [site], [Erase(erased)], by_mask=False)
        as_is = run_with(call, inputs, [site], [Use(weights)])
        by_mask = run_with(call, inputs, [site], [Erase(erased)])
    if not close(by_hand, by_mask):
        raise RefusedError(f"Erasing at {site.place} by a mask and by hand give different outputs.")
    if not close(as_is[:document], by_hand[:document]):
        raise RefusedError(f"Erasing attention of one document at {site.place} changes the output of another.")
    return not bool((by_hand == as_is).all(-1)[document])
