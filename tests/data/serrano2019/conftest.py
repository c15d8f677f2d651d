import importlib.util

import pytest

from attnprobe.data.serrano2019 import hub


@pytest.fixture
def local_hub(tmp_path, monkeypatch):
    """A folder that stands for the hub."""
    if importlib.util.find_spec("datasets") is None:
        pytest.skip("needs the extra hub")
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hub cache")
    monkeypatch.setattr(hub, "ROOT", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def no_hub(monkeypatch):
    """A hub that nothing comes from, at once."""

    def fail(name):
        raise ConnectionError("no network in tests.")

    monkeypatch.setattr(importlib, "import_module", fail)
