"""Runs made and opened by calling a function: all that the command line does with its first three commands."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Unpack

import pandas as pd

from attnprobe.base.errors import InputError
from attnprobe.base.run_layout import CONFIG
from attnprobe.execution.settings import ExecutionSettings
from attnprobe.in_python.argument_types import ProbeArguments, RunArguments, TrainArguments
from attnprobe.in_python.arguments import OF_A_RUN, arguments_of, by_table
from attnprobe.in_python.finished_run import FinishedRun
from attnprobe.in_python.sentences import speaking, told_in_python
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.doors import in_arguments, of_what_is_given
from attnprobe.settings.experiment_files import experiment_tables
from attnprobe.settings.own_explanations import ExplanationSettings
from attnprobe.settings.run_settings import AT_ANY_TIME, RunSettings
from attnprobe.settings.unfit import SettingTypeError, told_by

AnyPath = str | PathLike[str]

_PLACES = ("data_dir", "text_column", "label_column", "device", "force")
"""Arguments that are no settings: where data are, and where to compute."""

_OF_SETTINGS = arguments_of(*OF_A_RUN)
_OF_EXECUTION = arguments_of(ExecutionSettings)
_AT_ANY_TIME = {
    **{name: declared for name, declared in arguments_of(RunSettings).items() if declared.name in AT_ANY_TIME},
    **arguments_of(ExplanationSettings),
    **{name: declared for name, declared in arguments_of(AttentionSettings).items() if declared.name == "also"},
}


class _Keeper:
    """A folder that nobody asked for: it is there as long as an object needs it, and no longer than Python runs."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="attnprobe-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def run(
    dataset: AnyPath | None = None,
    model: AnyPath | None = None,
    *,
    out: AnyPath | None = None,
    quiet: bool = False,
    **settings: Unpack[RunArguments],
) -> FinishedRun:
    """Train a classifier and run every erasure test on it: what ``attnprobe run`` does, with the same settings.

    Running again with the same ``out`` reuses what is finished and resumes what is not.

    Args:
        dataset: a name, or a folder; by default the docstrings of what is installed.
        model: a name, or ``hf:`` and a Hugging Face model; by default ``flan-rnn``.
        out: below it the run's folder goes, ``<dataset>/<model>/seed-<N>``, with its report. By default the run is in
            a temporary folder, which goes with the results that are returned, and no report is written.
        quiet: whether nothing is printed.
        settings: each by the name of its flag (docs/settings.md): ``epochs=5``, ``batch_size=32``,
            ``erase_by=["renormalise", "zero"]``; and ``experiment`` (a TOML file of settings), ``data_dir``,
            ``text_column``, ``label_column``, ``device``, ``force``, ``workers``, ``executor``.

    Raises:
        InputError: a setting, the data, the model or the folder cannot be used.
        SettingTypeError: there is no such setting, or it is of another type; it is a TypeError and an InputError.
        FailedError: work failed; what is finished is kept where ``out`` is given.
    """
    from attnprobe.stages import training as stages
    from attnprobe.stages.reporting import report
    from attnprobe.stages.views import probe_with_views

    with told_in_python(), speaking(quiet=quiet) as say:
        given: dict[str, Any] = dict(settings)
        execution = _execution(given)
        with _begun(dataset, model, out, given, say, fine_tune=False) as (at_work, keeper):
            stages.train(at_work)
            probe_with_views(at_work, execution, force=bool(settings.get("force")))
            if out is not None:
                report(at_work.folder, say)
        return _finished(at_work.folder.path, keeper)


def train(
    dataset: AnyPath | None = None,
    model: AnyPath | None = None,
    *,
    out: AnyPath | None = None,
    quiet: bool = False,
    **settings: Unpack[TrainArguments],
) -> TrainedRun:
    """Train a classifier, or fine-tune a Hugging Face model: the first part of :func:`run`, with the same arguments.

    Args:
        dataset: as of :func:`run`.
        model: as of :func:`run`; a checkpoint is fine-tuned whatever it decides as it is.
        out: as of :func:`run`.
        quiet: whether nothing is printed.
        settings: as of :func:`run`, without those of who tests.

    Raises:
        InputError: as of :func:`run`; and SettingTypeError and FailedError.
    """
    from attnprobe.stages import training as stages

    with (
        told_in_python(),
        speaking(quiet=quiet) as say,
        _begun(dataset, model, out, dict(settings), say, fine_tune=True) as (at_work, keeper),
    ):
        stages.train(at_work)
        return TrainedRun(at_work.folder.path, keeper)


def load_run(path: AnyPath) -> FinishedRun:
    """Open the folder of a finished run, whoever made it; nothing is written, and torch is not loaded.

    Raises:
        InputError: it is no run, or has not been probed, or a file of it cannot be read.
    """
    with told_in_python():
        folder = _path(path, "path")
        if not (folder / CONFIG).exists():
            raise InputError(f"{folder} is not a run: there is no {CONFIG} in it.")
        return _finished(folder, None)


@dataclass(frozen=True)
class TrainedRun:
    """A trained model in a run's folder, to be tested.

    Attributes:
        folder: of the run.
        keeper: what keeps the folder there, where it goes with the last object that needs it.
    """

    folder: Path
    keeper: object = None

    @property
    def training(self) -> pd.DataFrame:
        """The log, one row an epoch; empty where the model is tested as it is."""
        log = self.folder / "training.csv"
        return pd.read_csv(log) if log.exists() else pd.DataFrame()

    def probe(self, *, device: str = "auto", quiet: bool = False, **settings: Unpack[ProbeArguments]) -> FinishedRun:
        """Run every erasure test on the model: what ``attnprobe probe`` does, with the same settings.

        Args:
            device: where to compute: ``auto``, ``cpu`` or ``cuda``.
            quiet: whether nothing is printed.
            settings: ``erase_by``, ``certify``, ``also``, ``explanations`` (a file of scores), ``specials``,
                ``sinks``, ``subwords``; and who tests: ``workers``, ``executor``, …

        Raises:
            InputError: as of :func:`run`; and SettingTypeError and FailedError.
        """
        from attnprobe.stages.opening import opened_again
        from attnprobe.stages.views import probe_with_views

        with told_in_python(), speaking(quiet=quiet) as say:
            given: dict[str, Any] = dict(settings)
            execution = _execution(given)
            asked = by_table(given, _AT_ANY_TIME)
            section = ExplanationSettings.section
            with told_by(in_arguments):
                explanations = {section: ExplanationSettings(**asked[section])} if section in asked else {}
            with opened_again(self.folder, asked | explanations, device, say, in_arguments) as at_work:
                probe_with_views(at_work, execution)
        return _finished(self.folder, self.keeper)


@contextmanager
def _begun(
    dataset: AnyPath | None,
    model: AnyPath | None,
    out: AnyPath | None,
    given: dict[str, Any],
    say: Callable[[str], None],
    *,
    fine_tune: bool,
) -> Iterator[tuple[Any, object]]:
    """A run at work, and what keeps its folder where nobody has said where it goes."""
    from attnprobe.stages.asked_settings import settings_asked
    from attnprobe.stages.opening import Whereabouts, begun

    folder = Path() if out is None else _path(out, "out")
    experiment = given.pop("experiment", None)
    file: Mapping[str, Any] = {} if experiment is None else experiment_tables(_path(experiment, "experiment"))
    places = {name: given.pop(name) for name in _PLACES if name in given}
    places = {name: value for name, value in places.items() if value is not None}
    named = {name: value for name, value in (("dataset", dataset), ("model", model)) if value is not None}
    asked = by_table({**named, **given}, _OF_SETTINGS)
    names = of_what_is_given(asked, file, in_arguments)
    chosen = settings_asked(asked, dict(file), names, fine_tune=fine_tune)
    if "data_dir" in places:
        places["data_dir"] = _path(places["data_dir"], "data_dir")
    keeper = None if out is not None else _Keeper()
    where = Whereabouts(keeper.path if keeper is not None else folder, **places)
    with begun(chosen, where, say, names) as at_work:
        yield at_work, keeper


def _path(given: object, name: str) -> Path:
    """What an argument names a place by.

    Raises:
        SettingTypeError: it is neither a text nor a path.
    """
    if isinstance(given, str | PathLike):
        return Path(given)
    raise SettingTypeError("", "{}", f"{name}: a path is needed, as a text or a Path, and this is {given!r}.")


def _execution(given: dict[str, Any]) -> ExecutionSettings:
    """Who tests; taken out of what is given."""
    own = {name: given.pop(name) for name in list(given) if name in _OF_EXECUTION}
    with told_by(in_arguments):
        return ExecutionSettings(**by_table(own, _OF_EXECUTION).get(ExecutionSettings.section, {}))


def _finished(folder: Path, keeper: object) -> FinishedRun:
    return dataclasses.replace(FinishedRun.load(folder), keeper=keeper)
