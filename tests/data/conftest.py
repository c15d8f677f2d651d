import pytest

from attnprobe.data.datasets import load_dataset
from tests.fixtures.dataset_folders import write_folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    for variable in ("ATTNPROBE_DATA", "ATTNPROBE_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    return folder / "attnprobe"


@pytest.fixture
def films(tmp_path):
    """A loaded dataset of two classes with a vocabulary of a few words."""
    train = [("good", "A fine film. Really fine!"), ("bad", "A dull film. Really dull!")] * 6
    folder = write_folder(tmp_path / "films", train=train, dev=[("bad", "Dull, unseen")], test=[("good", "Fine FILM")])
    return load_dataset(str(folder))
