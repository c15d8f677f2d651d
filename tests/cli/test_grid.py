"""A grid as its user runs it: side by side, interrupted, again."""

import os
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from attnprobe.base.stopping import STOPS_WITH_INPUT
from attnprobe.cli import main
from attnprobe.stages import grid as gridding
from tests.fixtures.commands import COMMAND, TIMEOUT, AtWork, attnprobe, environment, planted_folder

EXPERIMENT = (
    'dataset = "planted"\nmodel = "{model}"\n[data]\ntrain_words = 9\n[training]\nepochs = {epochs}\npatience = 99\n'
)


def write_grid(folder, models, epochs):
    folder.mkdir()
    for model in models:
        (folder / f"planted-{model}.toml").write_text(EXPERIMENT.format(model=model, epochs=epochs))
    (folder / "grid.toml").write_text('[[runs]]\nexperiments = ["planted-*.toml"]\nseeds = [0]\n')
    return folder / "grid.toml"


def contents(out):
    """What a finished grid leaves, but for what holds times."""
    timed = ("summary.json", "training.csv", "run.log", "execution.jsonl")
    return {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file() and p.name not in timed}


@pytest.mark.slow
def test_a_killed_grid_goes_on_and_ends_with_the_same_files(tmp_path):
    planted_folder(tmp_path / "data" / "planted")
    grid = write_grid(tmp_path / "experiments", ["flan-none"], epochs=30)
    common = ("grid", grid, "--data-dir", tmp_path / "data")
    status, out, errors = attnprobe(*common, "--out", "whole", cwd=tmp_path)
    assert status == 0, errors
    assert "1 run, 0 of them finished before" in out

    process = subprocess.Popen(
        [*COMMAND, *map(str, common), "--out", "broken"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    state = tmp_path / "broken" / "planted" / "flan-none" / "seed-0" / "training-state.safetensors"
    waited = time.monotonic() + TIMEOUT
    while not state.exists() and time.monotonic() < waited:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=TIMEOUT)
    assert state.exists()

    status, _, errors = attnprobe(*common, "--out", "broken", cwd=tmp_path)
    assert status == 0, errors
    log = (state.parent / "run.log").read_text()
    assert "resuming after epoch" in log
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")

    status, out, _ = attnprobe(*common, "--out", "broken", cwd=tmp_path)
    assert status == 0
    assert "1 run, 1 of them finished before" in out


class Forked(AtWork):
    """What the grid starts for a run, forked from a process that has imported what it takes seconds to import."""

    def __init__(self, command, *, stdin, stdout, stderr, env):
        assert command[: len(COMMAND)] == COMMAND
        assert (stdin, stderr) == (subprocess.PIPE, subprocess.STDOUT)
        assert env.pop(STOPS_WITH_INPUT)  # a command that is forked has no input
        log = os.readlink(f"/proc/self/fd/{stdout}")
        super().__init__(*command[len(COMMAND) :], cwd=Path.cwd(), output=log, **env)


def test_a_failing_run_is_told_and_the_others_are_done(tmp_path, monkeypatch, capsys):
    """The one that fails is a process that Python starts, the other is forked."""
    start = subprocess.Popen
    processes = SimpleNamespace(PIPE=subprocess.PIPE, STDOUT=subprocess.STDOUT)
    processes.Popen = lambda command, **how: (start if "nowhere" in str(command) else Forked)(command, **how)
    monkeypatch.setattr(gridding, "subprocess", processes)
    planted_folder(tmp_path / "data" / "planted")
    grid = write_grid(tmp_path / "experiments", ["flan-none", "han-none"], epochs=1)
    wrong = tmp_path / "experiments" / "planted-han-none.toml"
    wrong.write_text(wrong.read_text().replace('"planted"', '"nowhere"'))
    out = tmp_path / "runs"
    assert main(["grid", str(grid), "--data-dir", str(tmp_path / "data"), "--out", str(out), "--jobs", "1"]) == 1
    said, errors = capsys.readouterr()
    assert "1 of 2 runs failed: planted-han-none seed 0" in errors
    assert "planted-flan-none seed 0: done" in said
    assert "There is no dataset 'nowhere'" in (out / "nowhere" / "han-none" / "seed-0" / "run.log").read_text()


@pytest.mark.parametrize(("of_the_run", "of_the_grid", "said"), [(3, 3, "without some documents"), (143, 1, "failed")])
def test_a_run_that_left_documents_out_is_done_and_no_other_is(
    tmp_path, monkeypatch, capsys, of_the_run, of_the_grid, said
):
    grid = write_grid(tmp_path / "experiments", ["flan-none"], epochs=1)
    monkeypatch.setattr(gridding, "_run", lambda *_: (of_the_run, 1.0))
    assert main(["grid", str(grid), "--data-dir", str(tmp_path), "--out", str(tmp_path / "runs")]) == of_the_grid
    assert said in capsys.readouterr().out
