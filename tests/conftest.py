import gc
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest
from hypothesis import settings

settings.register_profile("suite", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("suite")


def pytest_collection_finish():
    """What is imported lives as long as the suite: looking for garbage in it again and again is a tenth of its time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture
def only_head_maps(monkeypatch):
    """Of the figures that every run has only the map of heads is drawn: for tests that are about something else."""
    from attnprobe.reports.figures import FIGURES, head_map

    monkeypatch.setattr(FIGURES, "_entries", {"head_map": head_map.draw})
