import pytest

from tests.fixtures.commands import planted_folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("ATTNPROBE_DATA", raising=False)


@pytest.fixture
def planted(tmp_path):
    return planted_folder(tmp_path / "planted")
