"""All stages of a run that compute: it is trained and tested, and so are its further selections of layers."""

from __future__ import annotations

from attnprobe.execution.settings import ExecutionSettings
from attnprobe.stages.testing import probe
from attnprobe.stages.training import Run, train
from attnprobe.stages.views import cost_in_words, views_of


def train_and_test(run: Run, execution: ExecutionSettings, *, force: bool = False) -> int:
    """Train and test; what is finished is left as it is.

    Args:
        run: whose folder is ours.
        execution: by whom it is tested.
        force: whether the folders of further selections are emptied, as the run's own was.

    Returns:
        How many documents were left out, over all selections.

    Raises:
        InputError: as the stages.
    """
    train(run)
    left_out = probe(run, execution)
    for view in views_of(run):
        with view.folder.locked():
            view.folder.open(view.configuration, force=force)
            loaded = view.subject.load()
            run.say(cost_in_words(run, view, loaded))
            left_out += probe(view, execution, loaded)
    return left_out
