"""A probed run of a model whose values are five wide: so that weights are not unique."""

import pytest

import attnprobe.models.pooled.architectures  # noqa: F401 - what is imported while the width is another keeps it
from attnprobe.cli import main
from tests.commands import planted_folder

WIDTH = 5


def narrow_models(patch):
    """Models that are made from now on have words of five numbers."""
    for module in ("flan", "classifier"):
        patch.setattr(f"attnprobe.models.pooled.{module}.EMBEDDING_DIM", WIDTH)


def probed_run(folder):
    """Train and probe flan-none on planted documents below ``folder``; the run's folder."""
    planted = planted_folder(folder / "planted", test=12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        narrow_models(patch)
        arguments = ["--dataset", planted, "--model", "flan-none", "--epochs", "2", "--learning-rate", "0.05"]
        assert main([str(argument) for argument in ("train", *arguments, "--out", folder / "runs")]) == 0
        run = folder / "runs" / "planted" / "flan-none" / "seed-0"
        assert main(["probe", str(run)]) == 0
    return run
