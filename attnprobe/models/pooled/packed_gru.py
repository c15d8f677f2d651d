"""A bidirectional GRU over sequences of many lengths, as it is trained on a CPU: one function, its gradient by hand.

The same mathematics as ``nn.GRU`` on packed sequences (Cho et al. 2014, in cuDNN's form, whose reset gate is on the
product with the hidden state). PyTorch's own takes a few dozen small operations a step and direction, each with its
part in the graph of gradients, and spends most of its time between them. Here both directions go in one batched product
a step, sequences that have ended take no part in it, inputs are projected for all steps at once, and whatever in the
gradient does not depend on later steps is computed for all steps at once as well.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from attnprobe.attention.onednn import OneDnnProducts


class Packing(NamedTuple):
    """The places that sequences have in both directions: step by step, in a step first those read from the beginning,
    then those read from the end, and among these the longest sequence first.

    Attributes:
        sizes: how many sequences have a first, a second, … step.
        rows: int64 (places,), twice the row of the flat sequences that is read there, plus one where from the end.
        places: int64 (places,), the inverse of ``rows``.
        before: int64 (places,), the place of the step before, counted from as many places as there are first steps.
    """

    sizes: list[int]
    rows: Tensor
    places: Tensor
    before: Tensor


def packing(lengths: Tensor) -> Packing:
    """How sequences of these lengths (sequences,), which lie one after another, are gone through."""
    ordered, order = lengths.sort(descending=True, stable=True)
    starts = (lengths.cumsum(0) - lengths)[order]
    steps = torch.arange(int(ordered[0]))[:, None, None]
    there = (steps < ordered).expand(-1, 2, -1)
    sizes = there[:, 0].sum(1)
    from_end = torch.tensor([[False], [True]])
    rows = (2 * (starts + torch.where(from_end, ordered - 1 - steps, steps)) + from_end)[there]
    # Numbers of the places of a grid that all sequences fill, those that are not there left out.
    numbers = there.flatten().cumsum(0).view(there.shape) + (2 * len(lengths) - 1)
    first = torch.arange(2 * len(lengths)).view(1, 2, -1)
    before = torch.cat([first, numbers[:-1]])[there]
    places = torch.empty_like(rows).scatter_(0, rows, torch.arange(len(rows)))
    return Packing(sizes.tolist(), rows, places, before)


def packed_gru(values: Tensor, lengths: Tensor, forwards: nn.GRU, backwards: nn.GRU) -> Tensor:
    """Hidden states of both directions (items, 2 · hidden).

    Args:
        values: the items of all sequences one after another (items, dim), on the CPU.
        lengths: of the sequences (sequences,), none of them 0.
        forwards: the layer that reads them from the beginning.
        backwards: the layer that reads them from the end.
    """
    of_input, of_hidden, input_bias, hidden_bias = (
        torch.stack(of_both) for of_both in zip(forwards.parameters(), backwards.parameters(), strict=True)
    )
    states: Tensor = _PackedGRU.apply(  # type: ignore[no-untyped-call]
        values, packing(lengths), of_input.flatten(0, 1), of_hidden, input_bias.flatten(), hidden_bias
    )
    return states


class _PackedGRU(torch.autograd.Function):
    """Gates are those of ``nn.GRU``: reset, update and new, in this order."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        values: Tensor,
        packed: Packing,
        of_input: Tensor,
        of_hidden: Tensor,
        input_bias: Tensor,
        hidden_bias: Tensor,
    ) -> Tensor:
        """Hidden states (items, 2 · hidden).

        Args:
            ctx: keeps what the gradient needs.
            values: the items of all sequences (items, dim).
            packed: how to go through them.
            of_input: weights (2 · gates · hidden, dim).
            of_hidden: weights (2, gates · hidden, hidden).
            input_bias: (2 · gates · hidden,).
            hidden_bias: (2, gates · hidden).
        """
        hidden, first = of_hidden.shape[2], 2 * packed.sizes[0]
        steps = [2 * size for size in packed.sizes]
        bias = input_bias.clone().view(2, 3 * hidden)
        bias[:, : 2 * hidden] += hidden_bias[:, : 2 * hidden]
        with OneDnnProducts():
            projected = linear(values, of_input, bias.flatten()).view(-1, 2, 3 * hidden)
        new = projected[..., 2 * hidden :].reshape(-1, hidden).index_select(0, packed.rows)
        projected[..., 2 * hidden :] = hidden_bias[:, 2 * hidden :]
        gates = projected.view(-1, 3 * hidden).index_select(0, packed.rows)
        del projected

        states = values.new_empty(first + len(gates), hidden)  # in front, those before the first step
        states[:first] = 0
        of_steps = (part.split_with_sizes(steps) for part in (gates, gates[:, : 2 * hidden], *gates.chunk(3, 1), new))
        recurrent, state = of_hidden.transpose(1, 2), states[:first].view(2, -1, hidden)
        for size, gate, both, reset, update, of_state, candidate, following in zip(
            packed.sizes, *of_steps, states[first:].split_with_sizes(steps), strict=True
        ):
            state = state[:, :size]
            gate.view(2, size, -1).baddbmm_(state, recurrent)
            both.sigmoid_()
            candidate.addcmul_(reset, of_state).tanh_()
            following = following.view(2, size, -1)
            torch.lerp(candidate.view(2, size, -1), state, update.view(2, size, -1), out=following)
            state = following
        ctx.save_for_backward(values, gates, new, states, of_input, of_hidden)
        ctx.packed = packed
        return states[first:].index_select(0, packed.places).view(len(values), 2 * hidden)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        """Gradients of what :meth:`forward` is given."""
        values, gates, new, states, of_input, of_hidden = ctx.saved_tensors
        packed: Packing = ctx.packed
        hidden = of_hidden.shape[2]
        steps = [2 * size for size in packed.sizes]
        reset, update, of_state = gates.chunk(3, 1)
        previous = states.index_select(0, packed.before)
        wanted = gradients[0].reshape(-1, hidden).index_select(0, packed.rows)

        # How the hidden state answers to what goes into the gates, for all steps at once: x − xy is x(1 − y).
        of_new = torch.addcmul(new.new_ones(()), new, new, value=-1)
        of_new.addcmul_(of_new, update, value=-1)
        chain = torch.empty_like(gates)
        of_reset, of_update, of_hidden_new = chain.chunk(3, 1)
        torch.mul(of_new, reset, out=of_hidden_new)
        torch.mul(of_hidden_new, of_state, out=of_reset).addcmul_(of_reset, reset, value=-1)
        torch.sub(previous, new, out=of_update).mul_(update).addcmul_(of_update, update, value=-1)

        # From the last step to the first, times what is wanted of the hidden state, which the step before hears of.
        of_steps = [part.split_with_sizes(steps) for part in (chain, update, wanted)]
        for size, gate, z, state, earlier in zip(
            reversed(packed.sizes),
            *(reversed(part) for part in of_steps),
            [*reversed(of_steps[2][:-1]), None],
            strict=True,
        ):
            gate.view(-1, 3, hidden).mul_(state[:, None])
            if earlier is not None:
                sooner = earlier.view(2, -1, hidden)[:, :size]
                sooner.addcmul_(state.view(2, size, -1), z.view(2, size, -1))
                sooner.baddbmm_(gate.view(2, size, -1), of_hidden)

        by_row = chain.index_select(0, packed.places).view(-1, 2, 3 * hidden)
        before = previous.index_select(0, packed.places).view(-1, 2, hidden)
        of_hidden_weights = torch.bmm(by_row.permute(1, 2, 0), before.transpose(0, 1))
        of_hidden_bias = by_row.sum(0)
        by_row[..., 2 * hidden :] = of_new.mul_(wanted).index_select(0, packed.places).view(-1, 2, hidden)
        of_rows = by_row.flatten(1)
        with OneDnnProducts():
            of_values = linear(of_rows, of_input.t()) if ctx.needs_input_grad[0] else None
        return of_values, None, of_rows.t() @ values, of_hidden_weights, of_rows.sum(0), of_hidden_bias
