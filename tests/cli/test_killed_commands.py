"""Any command is stopped or killed at a random moment: started again, it ends like one that nobody disturbed.

The long version, sixty kills over all commands, alone, in a pool and on Ray:

    python -m pytest tests/cli/test_killed_commands.py -m slow
"""

import importlib.util
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest

from tests.fixtures.commands import (
    COMMAND,
    TIMEOUT,
    attnprobe,
    attnprobe_stopped,
    environment,
    heed_interruptions,
    planted_rows,
    wait_until,
    write_splits,
)

KILLS = 60
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
RUN = Path("runs", "planted", "flan-none", "seed-0")
MODEL = ("--model", "flan-none", "--epochs", "3")

WITH_TIMES_WITHIN = ("report.html",)
"""Files that are to be there, and hold times among other things."""

TIMED = ("summary.json", "training.csv", "run.log", "execution.jsonl", "run.lock", "identification-state.jsonl")
"""Files that say when, or how long, or for which start."""


class Story(NamedTuple):
    """A command, and what was done before it: nothing, a training, or all of a run."""

    before: str
    arguments: tuple[str, ...]
    writes_to: Path = RUN


STORIES = {
    "train": Story("data", ("train", "--dataset", "planted", *MODEL)),
    "run": Story("data", ("run", "--dataset", "planted", *MODEL, "--workers", "1")),
    "probe": Story("trained", ("probe", str(RUN), "--workers", "1")),
    "probe, pool": Story("trained", ("probe", str(RUN), "--workers", "2")),
    "probe, ray": Story("trained", ("probe", str(RUN), "--workers", "2", "--executor", "ray")),
    "report": Story("finished", ("report", str(RUN))),
    "identify": Story("finished", ("identify", str(RUN), "--documents", "5")),
    "figures": Story("finished", ("figures", "runs", "--out", "figures"), Path("figures")),
    "claims": Story("finished", ("claims", "runs", "--out", "claims"), Path("claims")),
    "compare": Story("finished", ("compare", "runs", "--out", "compare"), Path("compare")),
    "grid": Story("data", ("grid", "grid.toml", "--data-dir", ".", "--jobs", "2")),
}
IN_THE_SUITE = ("identify", "claims")
"""One that writes tables, state and a report, and one that only writes files; figures do nothing that these do not."""


def bases(folder, documents):
    """Folders before each kind of story."""
    data = folder / "data"
    write_splits(data / "planted", train=planted_rows(80, 1), dev=planted_rows(20, 2), test=planted_rows(documents, 3))
    for model in ("flan-none", "han-none"):
        (data / f"{model}.toml").write_text(f'dataset = "planted"\nmodel = "{model}"\n[training]\nepochs = 2\n')
    (data / "grid.toml").write_text('[[runs]]\nexperiments = ["*-none.toml"]\nseeds = [0]\n')
    for before, command in (("trained", "train"), ("finished", "run")):
        shutil.copytree(data, folder / before)
        done(STORIES[command].arguments, folder / before)
    return folder


def done(arguments, folder):
    status, _, errors = attnprobe(*arguments, cwd=folder)
    assert status == 0, errors


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def small(cache, tmp_path_factory):
    return bases(tmp_path_factory.mktemp("small"), documents=40)


@pytest.fixture(scope="module")
def large(cache, tmp_path_factory):
    return bases(tmp_path_factory.mktemp("large"), documents=6000)


def contents(folder):
    """What is left, but for what holds times.

    A manifest is a set of names: a process that is being stopped and the next one may both enter one.
    """
    return (
        {
            str(path.relative_to(folder)): table_without_times(path) if path.suffix == ".parquet" else path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name not in (*TIMED, *WITH_TIMES_WITHIN, "manifest.jsonl")
        }
        | {"there": [str(path.relative_to(folder)) for path in sorted(folder.rglob("report.html"))]}
        | {"manifests": [set(path.read_text().splitlines()) for path in sorted(folder.rglob("manifest.jsonl"))]}
    )


def table_without_times(path):
    table = pq.read_table(path)
    return (
        table.drop_columns([name for name in table.column_names if name == "seconds"])
        if "seconds" in (table.column_names)
        else path.read_bytes()
    )


def started_new(base, story):
    folder = base / "place"  # one for all: a configuration says where the data are
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base / story.before, folder)
    return folder


def undisturbed(base, name):
    """(seconds, contents) of a command that nobody disturbs."""
    folder = started_new(base, STORIES[name])
    began = time.monotonic()
    done(STORIES[name].arguments, folder)
    return time.monotonic() - began, contents(folder)


@pytest.mark.parametrize("name", IN_THE_SUITE)
@pytest.mark.samples(1)
def test_a_command_that_is_stopped_once_ends_the_same_when_it_is_started_again(small, name):
    seconds, whole = undisturbed(small, name)
    generator = random.Random(name)
    story, number = STORIES[name], generator.choice(SIGNALS)
    folder = started_new(small, story)
    status, said = attnprobe_stopped(*story.arguments, cwd=folder, after=generator.uniform(0, seconds), number=number)
    assert status in (0, -signal.SIGKILL if number == signal.SIGKILL else 128 + number), said
    # Whatever the moment, as if it had been killed while it wrote.
    (folder / story.writes_to).mkdir(exist_ok=True)
    (folder / story.writes_to / ".table.csv.0123456789ab").touch()
    done(story.arguments, folder)
    assert contents(folder) == whole


@pytest.mark.slow
def test_a_grid_that_is_stopped_stops_its_runs(small):
    """Killed as well: a run's standard input ends with it."""
    for number in (signal.SIGKILL, signal.SIGTERM):
        folder = started_new(small, STORIES["grid"])
        for experiment in folder.glob("*-none.toml"):
            experiment.write_text(experiment.read_text().replace("epochs = 2", "epochs = 100000\npatience = 100000"))
        process = start(STORIES["grid"].arguments, folder)
        states = [folder / "runs" / "planted" / f"{m}-none" / "seed-0" / "training.csv" for m in ("flan", "han")]
        wait_until(lambda states=states: all(path.exists() for path in states))
        process.send_signal(number)
        process.wait(TIMEOUT)
        assert process.returncode in (-signal.SIGKILL, 143)
        for state in states:
            wait_until(lambda state=state: "stopped; the same command" in (state.parent / "run.log").read_text())


def start(arguments, folder):
    with (folder / "said").open("ab") as said:
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=folder,
            env=environment(),
            stdout=said,
            stderr=said,
            start_new_session=True,
            preexec_fn=heed_interruptions,
        )


@pytest.mark.slow
@pytest.mark.usefixtures("every_figure")  # the command itself draws all of them
@pytest.mark.parametrize("name", STORIES)
def test_a_command_that_is_stopped_again_and_again_ends_the_same(large, name):
    if "ray" in name and importlib.util.find_spec("ray") is None:
        pytest.skip("ray is not installed")
    _, whole = undisturbed(large, name)
    story, generator = STORIES[name], random.Random(name)
    folder = started_new(large, story)
    began = time.monotonic()
    process = start(story.arguments, folder)
    assert process.wait(TIMEOUT) == 0
    seconds = time.monotonic() - began
    (folder / "said").unlink()
    assert contents(folder) == whole
    met = rounds = 0
    while met < KILLS / len(STORIES):
        rounds += 1
        assert rounds < 40, "it always ends before it can be disturbed"
        folder = started_new(large, story)
        for number in generator.choices(SIGNALS, k=3):
            process = start(story.arguments, folder)
            time.sleep(generator.uniform(0.1, 1) * seconds)
            if process.poll() is None:
                met += 1
                whole_group = number == signal.SIGINT or generator.random() < 0.5
                (os.killpg if whole_group else os.kill)(process.pid, number)
            # −SIGTERM and −SIGINT: before the command had begun. 1: a worker's death was met before the signal.
            expected = {0, 1, -number, 128 + number}
            # Ray's own library may crash when its cluster is interrupted, too, after the command has said its sentence.
            expected |= {-signal.SIGSEGV, -signal.SIGABRT} if "ray" in name else set()
            assert process.wait(TIMEOUT) in expected, (folder / "said").read_text()
        process = start(story.arguments, folder)
        status, said = process.wait(TIMEOUT), (folder / "said").read_text()
        assert status == 0, said
        # Python itself tells of an interruption before the command has begun.
        assert "Traceback" not in said or "KeyboardInterrupt" in said, said
        (folder / "said").unlink()
        assert contents(folder) == whole
