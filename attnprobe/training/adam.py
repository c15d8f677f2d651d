"""Adam (Kingma & Ba 2015), of sparse embeddings only the rows that a batch holds; and AMSGrad (Reddi et al. 2018)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from attnprobe.settings.training import TrainingSettings

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

    Args:
        parameters: to be updated.
        learning_rate: at first.
        amsgrad: whether steps are divided by the largest second moment so far, and not by the last one.
        weight_decay: that times the weight is added to a gradient; of a sparse one, to the rows that it has.
        undecayed: parameters to whose gradients nothing is added.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        learning_rate: float,
        *,
        amsgrad: bool = False,
        weight_decay: float = 0.0,
        undecayed: Collection[nn.Parameter] = (),
    ) -> None:
        self.param_groups: list[dict[str, Any]] = [{"params": list(parameters), "lr": learning_rate}]
        self._moments = (*MOMENTS, LARGEST) if amsgrad else MOMENTS
        self._weight_decay = weight_decay
        self._undecayed = {id(parameter) for parameter in undecayed}
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
        dense: list[tuple[list[Tensor], Tensor, Tensor]] = []
        for number, parameter in enumerate(self.param_groups[0]["params"]):
            if parameter.grad is None:
                continue
            state = self._state.setdefault(number, {})
            if not state:
                state |= {"step": torch.zeros(()), **{name: torch.zeros_like(parameter) for name in self._moments}}
            tables, step = [parameter, *(state[name] for name in self._moments)], state["step"]
            decay = 0.0 if id(parameter) in self._undecayed else self._weight_decay
            if parameter.grad.is_sparse:
                _update_rows(tables, parameter.grad.coalesce(), step, rate, decay)
            else:
                dense.append((tables, _decayed(parameter.grad, parameter, decay), step))
        if dense:
            tables_of_all, gradients, steps = (list(of_all) for of_all in zip(*dense, strict=True))
            _update(tables_of_all, gradients, steps, rate, EPSILON)

    def state_dict(self) -> dict[str, Any]:
        """Steps and both moments of each weight by its number, under ``state``, and the ``param_groups``."""
        return {"state": self._state, "param_groups": self.param_groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember what another one has remembered of each weight."""
        parameters = self.param_groups[0]["params"]
        self._state = {
            number: {
                name: tensor.to("cpu" if name == "step" else parameters[number].device, copy=True)
                for name, tensor in state.items()
            }
            for number, state in state_dict["state"].items()
        }


def adam_of(model: nn.Module, settings: TrainingSettings) -> Adam:
    """Adam of a model's weights as settings have it; the weights of its attention do not decay."""
    return Adam(
        model.parameters(),
        settings.learning_rate,
        amsgrad=settings.amsgrad,
        weight_decay=settings.weight_decay,
        undecayed=[weight for name, weight in model.named_parameters() if "attention" in name],
    )


MOMENTS = ("exp_avg", "exp_avg_sq")
"""What is remembered of each weight's gradient, beside the number of steps."""

LARGEST = "max_exp_avg_sq"
"""What AMSGrad remembers as well."""


def _decayed(gradient: Tensor, weight: Tensor, decay: float) -> Tensor:
    return gradient.add(weight, alpha=decay) if decay else gradient


def _update_rows(tables: list[Tensor], gradient: Tensor, step: Tensor, learning_rate: float, decay: float) -> None:
    """Update rows of a weight and of its moments; for the others, nothing has happened."""
    rows = gradient._indices()[0]
    taken = [table.index_select(0, rows) for table in tables]
    # Where SparseAdam adds epsilon, the square's root is not yet divided by that of its bias.
    epsilon = EPSILON / (1 - BETA_2 ** (float(step) + 1)) ** 0.5
    _update([taken], [_decayed(gradient._values(), taken[0], decay)], [step], learning_rate, epsilon)
    for table, updated in zip(tables, taken, strict=True):
        table.index_copy_(0, rows, updated)


def _update(
    tables: list[list[Tensor]], gradients: list[Tensor], steps: list[Tensor], learning_rate: float, epsilon: float
) -> None:
    """Update weights and their moments in place: of each weight itself, both moments, and of AMSGrad the largest."""
    columns = [list(of_all) for of_all in zip(*tables, strict=True)]
    weights, means, squares = columns[:3]
    adam(
        weights,
        gradients,
        means,
        squares,
        columns[3] if len(columns) > 3 else [],
        steps,
        fused=True if weights[0].device.type == "cpu" else None,
        amsgrad=len(columns) > 3,
        beta1=BETA_1,
        beta2=BETA_2,
        lr=learning_rate,
        weight_decay=0.0,
        eps=epsilon,
        maximize=False,
    )
