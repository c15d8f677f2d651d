"""Ctrl-C and SIGTERM stop a command wherever it is; what its exit status says is one list, and final."""

import errno
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from attnprobe.base import exit_status
from attnprobe.base.errors import FailedError, InputError
from attnprobe.base.stopping import StoppedError, stopped_by_signals
from attnprobe.cli import COMMANDS, main
from tests.fixtures.commands import ROOT, environment

STATUSES = {signal.SIGINT: exit_status.INTERRUPTED, signal.SIGTERM: exit_status.TERMINATED}


@pytest.fixture(autouse=True)
def _as_in_a_new_process():
    """A suite that runs in the background of a script has its interruptions ignored."""
    before = {number: signal.signal(number, default) for number, default in DEFAULTS.items()}
    yield
    assert {number: signal.getsignal(number) for number in DEFAULTS} == DEFAULTS
    for number, handler in before.items():
        signal.signal(number, handler)


DEFAULTS: dict[signal.Signals, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}


@pytest.mark.parametrize("number", STATUSES)
def test_a_signal_is_an_exception_that_says_which(number):
    with pytest.raises(KeyboardInterrupt) as stop, stopped_by_signals():
        signal.raise_signal(number)
    assert isinstance(stop.value, StoppedError)
    assert stop.value.status == STATUSES[number]


def test_a_program_that_meets_signals_in_its_own_way_keeps_it():
    heard = []
    signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    with stopped_by_signals():
        signal.raise_signal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert heard == [signal.SIGTERM]


def test_a_signal_that_comes_where_no_exception_gets_out_is_not_lost():
    class Dying:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)

    def go_on():
        Dying()
        time.sleep(30)

    with pytest.raises(StoppedError), stopped_by_signals():
        go_on()


def test_what_else_python_cannot_raise_is_said_as_ever(monkeypatch):
    class Dying:
        def __del__(self):
            raise ValueError("said")

    said = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: said.append(str(unraisable.exc_value)))
    with stopped_by_signals():
        Dying()
    assert said == ["said"]


def command(monkeypatch, do):
    monkeypatch.setattr(COMMANDS["list"], "execute", lambda arguments: do())
    return main(["list"])


@pytest.mark.parametrize("number", STATUSES)
def test_a_command_that_is_stopped_says_how_it_goes_on(monkeypatch, capsys, number):
    assert command(monkeypatch, lambda: signal.raise_signal(number)) == STATUSES[number]
    assert capsys.readouterr().err == "\nattnprobe: stopped; the same command goes on from what is finished.\n"


def test_a_second_signal_does_not_keep_a_command_from_saying_so(monkeypatch, capsys):
    def stopped_while_cleaning_up():
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGTERM)

    assert command(monkeypatch, stopped_while_cleaning_up) == exit_status.TERMINATED
    assert "goes on" in capsys.readouterr().err


def raising(error):
    def fail():
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("wrong"), exit_status.REFUSED),
        (FailedError("failed"), exit_status.FAILED),
        (KeyboardInterrupt(), exit_status.INTERRUPTED),
        *((OSError(number, "x", "file"), exit_status.REFUSED) for number in (errno.ENOENT, errno.EACCES, errno.EISDIR)),
        *((OSError(number, "x", "file"), exit_status.FAILED) for number in (errno.ENOSPC, errno.EDQUOT, errno.EIO)),
        *((OSError(number, "x", "file"), exit_status.FAILED) for number in (errno.EFBIG, errno.EMFILE)),
    ],
    ids=repr,
)
def test_the_status_says_whose_fault_it_is(monkeypatch, capsys, error, status):
    assert command(monkeypatch, raising(error)) == status
    assert capsys.readouterr().err.strip().count("\n") == 0


def test_the_statuses_are_final():
    said = {name: value for name, value in vars(exit_status).items() if name.isupper()}
    assert said == {"FAILED": 1, "REFUSED": 2, "DOCUMENTS_LEFT_OUT": 3, "INTERRUPTED": 130, "TERMINATED": 143}


SCRIPT = """
import os, signal, sys
from attnprobe.cli import COMMANDS, command
signal.signal(signal.SIGINT, signal.default_int_handler)
COMMANDS["list"].execute = lambda arguments: exec(sys.argv[1])
command(["list"])
"""


def run_as_command(code, **keywords):
    arguments = [sys.executable, "-c", SCRIPT, code]
    return subprocess.run(arguments, env=environment(), text=True, check=False, cwd=ROOT, **keywords)


@pytest.mark.parametrize("number", STATUSES)
def test_the_status_is_the_same_where_python_remembers_an_interruption(number):
    """Of a KeyboardInterrupt in code that was compiled at run time Python itself dies of SIGINT at the end."""
    done = run_as_command(f"os.kill(os.getpid(), {int(number)})", capture_output=True)
    assert (done.returncode, done.stdout) == (STATUSES[number], "")


@pytest.mark.parametrize("number", STATUSES)
@pytest.mark.parametrize("during", ["", f"os.kill(os.getpid(), {int(signal.SIGTERM)})"])
def test_a_signal_that_comes_when_the_work_is_done_changes_nothing(number, during):
    """While Python tidies up, which takes its time where much was imported."""
    tidied_up = f"os.kill(os.getpid(), {int(number)}), print('tidied up')"
    done = run_as_command(f"import atexit; atexit.register(lambda: ({tidied_up})); {during}", capture_output=True)
    status, said = (exit_status.TERMINATED, "\nattnprobe: stopped") if during else (0, "")
    assert (done.returncode, done.stdout, done.stderr[: len(said) or None]) == (status, "tidied up\n", said)
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
def test_output_on_a_full_disk_is_one_sentence():
    with open("/dev/full", "wb") as full:
        done = run_as_command("print('anything')", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == exit_status.FAILED
    assert done.stderr == "attnprobe: Could not read or write standard output: No space left on device.\n"
