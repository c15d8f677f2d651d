import sys

import numpy as np
import pytest
import torch
from torch import nn

from attnprobe.models.pooled.architectures import POOLED
from attnprobe.settings.dropout import Dropout
from attnprobe.training import Trainer, TrainingSettings
from attnprobe.training.adam import Adam
from tests.fixtures.ragged_documents import random_documents


def weights():
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(*shape, dtype=torch.float64)) for shape in ((20, 3), (4, 3), (5,))]


def give_gradients(parameters, step):
    """Of some rows of the first, some of them twice; of all entries of the second; of the third now and then."""
    generator = torch.Generator().manual_seed(step)
    rows = torch.randint(20, (1, 7), generator=generator)
    values = torch.randn(7, 3, dtype=torch.float64, generator=generator)
    parameters[0].grad = torch.sparse_coo_tensor(rows, values, (20, 3), check_invariants=True)
    parameters[1].grad = torch.randn(4, 3, dtype=torch.float64, generator=generator)
    if step % 3:
        parameters[2].grad = torch.randn(5, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("resumed_after", [None, 0, 3])
def test_it_is_pytorchs_adam_and_of_sparse_gradients_its_sparse_adam(resumed_after):
    ours, theirs = weights(), weights()
    optimiser = Adam(ours, 1e-2)
    others = torch.optim.SparseAdam(theirs[:1], lr=1e-2), torch.optim.Adam(theirs[1:], lr=1e-2)
    for step in range(6):
        if step == resumed_after:
            state = optimiser.state_dict()
            optimiser = Adam(ours, 1e-2)
            optimiser.load_state_dict(state)
        for each in (optimiser, *others):
            each.zero_grad()
            each.param_groups[0]["lr"] = 1e-2 / (1 + step)
        give_gradients(ours, step)
        give_gradients(theirs, step)
        for each in (optimiser, *others):
            each.step()
        for found, expected in zip(ours, theirs, strict=True):
            torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("resumed_after", [None, 3])
def test_amsgrad_and_weight_decay_are_pytorchs_but_for_what_does_not_decay(amsgrad, resumed_after):
    ours, theirs = weights()[1:], weights()[1:]

    def made():
        return Adam(ours, 1e-2, amsgrad=amsgrad, weight_decay=0.1, undecayed=ours[1:])

    optimiser = made()
    groups = [{"params": theirs[:1], "weight_decay": 0.1}, {"params": theirs[1:], "weight_decay": 0.0}]
    other = torch.optim.Adam(groups, lr=1e-2, amsgrad=amsgrad)
    for step in range(6):
        if step == resumed_after:
            state = optimiser.state_dict()
            optimiser = made()
            optimiser.load_state_dict(state)
        for each, parameters in ((optimiser, ours), (other, theirs)):
            generator = torch.Generator().manual_seed(step)
            for parameter in parameters:
                scale = 10.0 / (1 + step) ** 2  # the largest moment is an early one
                parameter.grad = scale * torch.randn(parameter.shape, dtype=torch.float64, generator=generator)
            each.step()
        for found, expected in zip(ours, theirs, strict=True):
            torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-12)


def test_of_sparse_gradients_the_rows_that_are_there_decay():
    sparse, dense = (nn.Parameter(torch.arange(6.0).view(3, 2)) for _ in range(2))
    one, other = (Adam([each], 1e-2, amsgrad=True, weight_decay=0.1) for each in (sparse, dense))
    sparse.grad = torch.sparse_coo_tensor(
        torch.tensor([[1]]), torch.tensor([[0.5, -0.5]]), (3, 2), check_invariants=True
    )
    dense.grad = sparse.grad.to_dense()
    before = sparse.detach().clone()
    one.step()
    other.step()
    torch.testing.assert_close(sparse[1], dense[1], atol=1e-7, rtol=1e-6)
    assert torch.equal(sparse[[0, 2]], before[[0, 2]])


def test_training_does_without_pytorchs_compiler(monkeypatch):
    """Which takes a second of CPU time to import."""
    trainer = Trainer(POOLED["flan-rnn"](30, 3, Dropout()), TrainingSettings(), 0)
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)
    trainer.step(random_documents(4).batch(np.arange(4)))
