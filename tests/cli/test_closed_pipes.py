"""Whoever reads what a command says, and for how long, changes nothing of what it does."""

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from attnprobe.base.closed_output import output_that_may_end
from tests.fixtures.commands import COMMAND, ROOT, TIMEOUT, attnprobe, attnprobe_unheard, environment, planted_folder

SETTINGS = ("--model", "flan-none", "--epochs", "1", "--workers", "1")
TABLES = ("documents", "erasures", "items", "curves")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a dataset and a finished run of it; the cache is one for all."""
    folder = tmp_path_factory.mktemp("closed")
    planted_folder(folder / "planted")
    status, _, errors = attnprobe("run", "--dataset", "planted", *SETTINGS, cwd=folder)
    assert status == 0, errors
    return folder


@pytest.fixture
def run_folder(finished, tmp_path):
    """The same of which a test may change everything: (its folder, the run's folder in it)."""
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy", Path("runs", "planted", "flan-none", "seed-0")


def results_of(run):
    return {name: (run / f"{name}.parquet").read_bytes() for name in TABLES} | {
        "answer": json.loads((run / "summary.json").read_text())["answer"]
    }


@pytest.mark.parametrize("lines", [0, 1])
@pytest.mark.samples(1)
def test_a_run_that_nobody_listens_to_is_the_same_run(finished, tmp_path, lines):
    planted_folder(tmp_path / "planted")
    status, said = attnprobe_unheard("run", "--dataset", "planted", *SETTINGS, cwd=tmp_path, lines=lines)
    assert status == 0
    assert len(said.splitlines()) == lines
    run = Path("runs", "planted", "flan-none", "seed-0")
    ours, theirs = results_of(tmp_path / run), results_of(finished / run)
    assert ours["answer"] == theirs["answer"]
    assert (tmp_path / run / "report.html").exists()


def test_a_refusal_that_nobody_hears_is_one(tmp_path):
    assert attnprobe_unheard("run", "--dataset", tmp_path / "nowhere", cwd=tmp_path) == (2, "")


def test_what_is_only_said_ends_quietly(run_folder):
    folder, run = run_folder
    for command in (["list"], ["describe", "planted"], ["show", run, 1], ["--help"], ["run", "--help"]):
        status, said = attnprobe_unheard(*command, cwd=folder, lines=1)
        assert (status, len(said.splitlines())) == (0, 1), command


@pytest.mark.slow
def test_commands_that_work_work_on(run_folder):
    folder, run = run_folder
    new, trained = ("--dataset", "planted", "--model", "flan-conv", "--epochs", "1"), "runs/planted/flan-conv/seed-0"
    commands = {
        ("train", *new): f"{trained}/model.safetensors",
        ("probe", trained, "--workers", "1"): f"{trained}/items.parquet",
        ("claims", run, "--out", "claims"): "claims/seeds.csv",
        ("compare", run, "--out", "compare"): "compare/leaderboard.csv",
        ("verify", run, "--documents", "2"): run,
    }
    for command, made in commands.items():
        assert attnprobe_unheard(*command, cwd=folder)[0] == 0, command
        assert (folder / made).exists(), command
    script = ROOT / "figures" / "table1_datasets.py"
    assert attnprobe_unheard(folder / run, "--out", folder / "one", cwd=folder, script=str(script))[0] == 0
    assert (folder / "one" / "table1_datasets.csv").exists()


@pytest.mark.slow
def test_the_doctor_verifies_and_refuses_unheard(tmp_path):
    pytest.importorskip("transformers")
    from tests.fixtures.checkpoints import bert, save

    save(tmp_path / "good", lambda: bert(classifier=True, initializer_range=0.3))
    assert [attnprobe_unheard("doctor", name, cwd=tmp_path)[0] for name in ("good", "nowhere")] == [0, 2]


def test_a_failed_verification_that_nobody_hears_is_one(run_folder):
    folder, run = run_folder
    weights = folder / run / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert attnprobe_unheard("verify", run, "--documents", "2", cwd=folder)[0] == 1


def test_streams_that_are_not_there(finished):
    """As ``>&- 2>&-`` closes them; what is opened next must not get their numbers."""
    run = Path("runs", "planted", "flan-none", "seed-0")
    for command in (["show", str(run), "1"], ["list"]):
        shell = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *COMMAND, *command]
        assert subprocess.run(shell, cwd=finished, env=environment(), timeout=TIMEOUT, check=False).returncode == 0


def test_a_terminal_that_hangs_up():
    program = (
        "import sys; from attnprobe.base.closed_output import output_that_may_end\n"
        "with output_that_may_end():\n"
        "    print('ready', flush=True)\n"
        "    sys.stdin.readline()\n"
        "    print('to nobody', flush=True); print('to nobody', file=sys.stderr)\n"
        "    sys.exit(7)"
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=theirs, stderr=theirs, env=environment()
    )
    os.close(theirs)
    assert os.read(ours, 5) == b"ready"
    os.close(ours)
    process.communicate(b"\n", timeout=TIMEOUT)
    assert process.returncode == 7


def test_a_full_disk_is_no_closed_pipe(finished):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "list"], cwd=finished, env=environment(), stdout=full, timeout=TIMEOUT, check=False
        )
    assert done.returncode != 0


def test_streams_are_given_back(capfd):
    before = sys.stdout, sys.stderr
    with output_that_may_end():
        print("said")
    assert (sys.stdout, sys.stderr) == before
    assert capfd.readouterr().out == "said\n"
