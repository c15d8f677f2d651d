import pytest
import torch

from attnprobe.execution.one_thread import VARIABLES


@pytest.fixture
def several_threads(monkeypatch):
    """torch computes with several threads, here and in processes that do nothing against it."""
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "3")
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)
