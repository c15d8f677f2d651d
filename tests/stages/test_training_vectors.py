"""A file of vectors of training documents that holds none of them is refused."""

from types import SimpleNamespace
from typing import Any

import pytest
import safetensors.torch
import torch

from attnprobe.base.errors import InputError
from attnprobe.erasure.meaning import Meaning
from attnprobe.settings.run_settings import RunSettings
from attnprobe.stages.training_vectors import prepare

MEAN, SAMPLE = torch.zeros(3, dtype=torch.float64), torch.zeros(5, 3)


@pytest.mark.parametrize("held", [{}, {"pooling.sample": SAMPLE}, {"pooling": MEAN}])
def test_a_file_without_means_is_refused(tmp_path, held):
    path = tmp_path / "training-vectors.safetensors"
    path.write_bytes(safetensors.torch.save(held, {"attnprobe": "made by"}))
    settings = RunSettings(dataset="docstrings", model="flan-rnn", erase_by=("renormalise", "corpus_mean"))
    subject: Any = SimpleNamespace(
        configuration=SimpleNamespace(settings=settings), folder=SimpleNamespace(training_vectors=path), device="cpu"
    )
    probe: Any = SimpleNamespace(meaning=Meaning(), others=())
    with pytest.raises(InputError, match="does not hold what it should; delete it"):
        prepare(probe, subject, "made by")
