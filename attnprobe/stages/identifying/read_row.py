"""A model as a function of the one row of its last attention that a document's decision is read from.

The engines of ``probes`` erase; here the row may be any distributions, one a head. The model runs on the document with
the row's weights replaced, from its last block on where it has blocks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.blocks import Needed, recording, replaying
from attnprobe.attention.calls import intercepting
from attnprobe.attention.edited_runs import frozen
from attnprobe.attention.input_axes import rows_of
from attnprobe.attention.key_widths import KeyWidths
from attnprobe.attention.model_call import READ_AT, Inputs
from attnprobe.attention.selection import AT, FIRST, LAST
from attnprobe.attention.taps import Capture, Tap
from attnprobe.base.errors import InputError
from attnprobe.identifiability.linear_programs import Numbers

_TOKENS = 1 << 13
"""Tokens that are run at once."""

_AFFINE = 1e-9
"""By how much what a norm is given may miss being affine in the weights, relative to its largest number."""


class ReadRow:
    """The row of one document, in float64; the model is turned to float64 for good.

    Args:
        attachment: a model that reads its last attention in the first or the last row alone.
        inputs: one document without padding.

    Attributes:
        weights: of the row (heads, items), sums one.
        values: what they average (heads, items, d_v).
        scores: before the softmax, of all rows (heads, rows, items).
        key_width: d_k.

    Raises:
        InputError: the model reads other rows, or what it averages cannot be seen.
    """

    def __init__(self, attachment: Attachment, inputs: Inputs) -> None:
        self._attachment = attachment
        self._inputs = inputs
        self._site = attachment.sites.attention[-1]
        read = attachment.reads[-1]
        at = inputs.get(READ_AT)
        if read not in (FIRST, LAST, AT) or (at is not None and int(at.sum()) != 1):
            raise InputError(f"the decision is read from {read} rows of the last attention, and not from one.")
        model = attachment.call.model.double()
        self._start = attachment.within.get(self._site)
        needed = Needed() if self._start is None else Needed.to_start_at(attachment.calls, self._start)
        widths = KeyWidths()
        tap = _Keep(widths)
        with (
            torch.no_grad(),
            recording(model, attachment.blocks, needed) as self._record,
            widths,
            intercepting(model, dict([self._site.tapped(tap)])),
        ):
            attachment.call(inputs)
        if tap.weights is None or tap.values is None or tap.scores is None or tap.key_width is None:
            raise InputError(f"the queries, keys and values of {self._site.module} at {self._site.place} are not seen.")
        self._row = int(at.int().argmax()) if at is not None else 0 if read == FIRST else tap.weights.shape[2] - 1
        self.weights = _numbers(tap.weights[0, :, self._row])
        self.values = _numbers(tap.values[0])
        self.scores = tap.scores[0]
        self.key_width = tap.key_width

    def logits(self, weights: Numbers) -> Numbers:
        """Logits (k, classes) of a run of the model for each of the weights (k, heads, items)."""
        return np.concatenate([logits for logits, _ in self._runs(weights)])

    def logits_and_gradients(self, weights: Numbers) -> tuple[Numbers, Numbers]:
        """Logits (classes,), and their gradients with respect to the weights (heads, items), in the shape of both."""
        free = torch.from_numpy(weights).requires_grad_()
        with frozen(self._attachment.call.model), torch.enable_grad():
            logits, _ = self._run(free[None])
            rows = [torch.autograd.grad(one, free, retain_graph=True)[0] for one in logits[0]]
        return _numbers(logits[0]), _numbers(torch.stack(rows))

    def before_norm(self) -> tuple[Numbers, Numbers] | None:
        """What the first LayerNorm behind the attention is given, as an affine function of the weights a' of the row.

        Returns:
            b (d,) and T (heads, items, d) with b + Σ_h a'_h T_h: b as observed, Σ_h a_h T_h zero. T is each head's
            values times its part of the output map, up to a vector added to all items of a head. None where there is
            no such norm, or it is given something else.
        """
        heads, items = self.weights.shape
        one_hot = np.broadcast_to(self.weights, (heads, items, heads, items)).copy()
        for head in range(heads):
            one_hot[head, :, head] = np.eye(items)
        generator = np.random.default_rng(0)
        mixed = generator.dirichlet(np.ones(items), heads)
        asked = np.concatenate([self.weights[None], mixed[None], one_hot.reshape(-1, heads, items)])
        given = [normed for _, normed in self._runs(asked) if normed is not None]
        if not given:
            return None
        observed, of_mixed, *_ = seen = np.concatenate(given)
        values = (seen[2:] - observed).reshape(heads, items, -1)
        missed = np.abs(observed + np.einsum("hi,hid->d", mixed, values) - of_mixed).max()
        return (observed, values) if missed <= _AFFINE * np.abs(observed).max() else None

    @torch.no_grad()
    def _runs(self, weights: Numbers) -> Iterator[tuple[Numbers, Numbers | None]]:
        """Logits, and what the first norm behind the attention is given in this row, in parts."""
        size = max(1, _TOKENS // weights.shape[-1])
        for first in range(0, len(weights), size):
            logits, given = self._run(torch.from_numpy(weights[first : first + size]))
            yield _numbers(logits), None if given is None else _numbers(given)

    def _run(self, weights: Tensor) -> tuple[Tensor, Tensor | None]:
        model, call = self._attachment.call.model, self._attachment.call
        rows = torch.zeros(len(weights), dtype=torch.int64)
        tap = _Use(weights, self._row)
        skipped = None
        with contextlib.ExitStack() as stack:
            if self._start is not None:
                stack.enter_context(replaying(model, self._record, self._start, rows, 1))
                skipped = self._attachment.skipped_before(self._start)
            given = stack.enter_context(_first_norm_behind(tap, model))
            stack.enter_context(intercepting(model, dict([self._site.tapped(tap)]), skipped=skipped))
            logits = call(rows_of(self._inputs, rows, 1))
        return logits, given[0][:, self._row] if given and given[0].dim() == 3 else None


class _Keep(Capture):
    """Keeps values and the width of keys too."""

    wants_values = True

    def __init__(self, widths: KeyWidths) -> None:
        super().__init__()
        self._widths = widths
        self.values: Tensor | None = None
        self.key_width: int | None = None

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        self.key_width = self._widths.of(weights if scores is None else scores)
        return super().edit(weights, scores)

    def context(self, values: Tensor | None, product: Tensor | None) -> Tensor | None:
        self.values = values
        return None


class _Use(Tap):
    """Puts weights (batch, heads, keys) in the place of one row."""

    def __init__(self, weights: Tensor, row: int) -> None:
        self._weights = weights
        self._row = row
        self.passed = False

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        self.passed = True
        edited = weights.clone()
        edited[:, :, self._row] = self._weights.to(edited)
        return edited


@contextlib.contextmanager
def _first_norm_behind(tap: _Use, model: nn.Module) -> Iterator[list[Tensor]]:
    """Yields a list for what the first LayerNorm behind the tap is given."""
    given: list[Tensor] = []

    def keep(_norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if tap.passed and not given:
            given.append(inputs[0])

    with contextlib.ExitStack() as stack:
        for module in model.modules():
            if isinstance(module, nn.LayerNorm):
                stack.callback(module.register_forward_pre_hook(keep).remove)
        yield given


def _numbers(tensor: Tensor) -> Numbers:
    return tensor.detach().double().cpu().numpy()
