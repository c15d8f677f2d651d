import secrets

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


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    """Clusters of Ray that are started side by side would each make one in the home folder, in each other's place."""
    path = tmp_path_factory.mktemp("ray") / "token"
    path.write_text(secrets.token_hex(32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN_PATH", str(path))
        patch.delenv("RAY_ADDRESS", raising=False)
        yield
