"""Adam (Kingma & Ba 2015), of embeddings only the rows that a batch holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
"""As in the paper, and as PyTorch has them."""


class Optimiser(Protocol):
    """What the trainer needs of an optimiser; those of PyTorch have it."""

    param_groups: list[dict[str, Any]]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        ...

    def step(self) -> Any:  # noqa: ANN401
        """Update the weights by their gradients."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What is remembered of each weight by its number, under ``state``, and the ``param_groups``."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Remember what another one has remembered."""
        ...


class Adam:
    """The same formulas as ``torch.optim.Adam`` and, where gradients are sparse, ``torch.optim.SparseAdam``.

    Those import PyTorch's compiler, a second of CPU time that training has no use for, and go over the touched rows
    of an embedding and its two moments twenty times; here they are taken out, updated by one kernel and put back.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], learning_rate: float) -> None:
        self.param_groups: list[dict[str, Any]] = [{"params": list(parameters), "lr": learning_rate}]
        self._state: dict[int, dict[str, Tensor]] = {}

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        for parameter in self.param_groups[0]["params"]:
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                parameter.grad.zero_()

    @torch.no_grad()
    def step(self) -> None:
        """Update the weights that have gradients."""
        rate: float = self.param_groups[0]["lr"]
        dense: list[tuple[Tensor, ...]] = []
        for number, parameter in enumerate(self.param_groups[0]["params"]):
            if parameter.grad is None:
                continue
            state = self._state.setdefault(number, {})
            if not state:
                state |= {"step": torch.zeros(()), **{name: torch.zeros_like(parameter) for name in _MOMENTS}}
            mean, square, step = (state[name] for name in (*_MOMENTS, "step"))
            if parameter.grad.is_sparse:
                _update_rows(parameter, parameter.grad.coalesce(), mean, square, step, rate)
            else:
                dense.append((parameter, parameter.grad, mean, square, step))
        if dense:
            _update([list(of_all) for of_all in zip(*dense, strict=True)], rate, EPSILON)

    def state_dict(self) -> dict[str, Any]:
        """Steps and both moments of each weight by its number, under ``state``, and the ``param_groups``."""
        return {"state": self._state, "param_groups": self.param_groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember what another one has remembered of each weight."""
        parameters = self.param_groups[0]["params"]
        self._state = {
            number: {
                name: tensor.to(parameters[number].device if name in _MOMENTS else "cpu", copy=True)
                for name, tensor in state.items()
            }
            for number, state in state_dict["state"].items()
        }


_MOMENTS = ("exp_avg", "exp_avg_sq")


def _update_rows(
    weight: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: Tensor, learning_rate: float
) -> None:
    """Update rows of a weight and of its moments; for the others, nothing has happened."""
    rows = gradient._indices()[0]
    tables = (weight, mean, square)
    taken = [table.index_select(0, rows) for table in tables]
    # Where SparseAdam adds epsilon, the square's root is not yet divided by that of its bias.
    epsilon = EPSILON / (1 - BETA_2 ** (float(step) + 1)) ** 0.5
    _update([[taken[0]], [gradient._values()], [taken[1]], [taken[2]], [step]], learning_rate, epsilon)
    for table, updated in zip(tables, taken, strict=True):
        table.index_copy_(0, rows, updated)


def _update(columns: list[list[Tensor]], learning_rate: float, epsilon: float) -> None:
    """Update weights and their moments in place: weights, gradients, first moments, second moments, steps."""
    weights, gradients, means, squares, steps = columns
    adam(
        weights,
        gradients,
        means,
        squares,
        [],
        steps,
        fused=True if weights[0].device.type == "cpu" else None,
        amsgrad=False,
        beta1=BETA_1,
        beta2=BETA_2,
        lr=learning_rate,
        weight_decay=0.0,
        eps=epsilon,
        maximize=False,
    )
