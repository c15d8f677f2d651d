"""Documents that never end: a worker is killed, this process is interrupted, and what cannot be is done elsewhere."""

import os
import signal
import time
from contextlib import nullcontext

import pytest

from attnprobe.base.errors import InputError
from attnprobe.execution import time_limit
from attnprobe.execution.in_process import InProcess
from attnprobe.execution.process_pool import ProcessPool
from attnprobe.execution.scheduling import carry_out
from attnprobe.execution.settings import ExecutionSettings
from attnprobe.execution.time_limit import TooLongError, begin_step, ending_the_piece, ending_the_worker
from tests.fixtures.commands import TIMEOUT
from tests.fixtures.processes import any_alive, start_script
from tests.fixtures.works import REASONS, Writing, expected, pieces_of, results

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no such clocks on Windows")

TOO_LONG = "it took longer than 2 s"
"""A healthy piece of these tests takes a few thousandths of that."""


def refuse(line):
    raise AssertionError(line)


def test_a_pool_leaves_out_what_takes_too_long_and_nothing_else(tmp_path):
    work, pieces, lines = Writing(tmp_path, {1: "stuck", 4: "sleep"}), [(0, 1), (1, 2), (2, 4), (4, 5), (5, 7)], []
    lost = carry_out(work, pieces, ProcessPool(2, step_seconds=2), lines.append)
    assert lost == {(1, 2): TOO_LONG, (4, 5): TOO_LONG}
    kept = [piece for piece in pieces if piece not in lost]
    assert results(work, kept) == expected(kept)
    assert sorted(lines) == [
        f"documents {document} to {document}: {TOO_LONG}; {end}."
        for document in (1, 4)
        for end in ("again", "left out")
    ]
    assert not any_alive(int(pid) for pid in work.log("opened"))


@pytest.mark.slow
def test_what_takes_too_long_is_divided(tmp_path):
    work, lines = Writing(tmp_path, {1: "sleep"}), []
    assert carry_out(work, [(0, 2)], ProcessPool(1, step_seconds=2), lines.append) == {(1, 2): TOO_LONG}
    assert results(work, [(0, 2)]) == expected([(0, 2)], {1})
    assert len(lines) == 4


def test_a_loop_in_this_process_is_interrupted(tmp_path):
    work, pieces, under_way = Writing(tmp_path, {1: "loop"}), pieces_of(4, 2), tmp_path / "under-way"
    before = signal.getsignal(signal.SIGALRM)
    lost = carry_out(work, pieces, InProcess(0.5, under_way), lambda line: None)
    assert lost == {(1, 2): "it took longer than 0.5 s"}
    assert results(work, pieces) == expected(pieces, lost={1})
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert not under_way.exists()


@pytest.mark.parametrize("ending", [ending_the_piece, ending_the_worker])
def test_every_step_has_the_whole_time(monkeypatch, ending):
    wound = []
    monkeypatch.setattr(signal, "setitimer", lambda which, seconds, interval=0.0: wound.append(seconds))
    begin_step()
    with ending(7):
        begin_step()
        begin_step()
    begin_step()
    assert wound == [7, 7, 7, 0]


@pytest.mark.parametrize("ending", [ending_the_piece, ending_the_worker])
def test_a_limit_beyond_all_clocks_is_as_good_as_none(ending):
    with ending(1e300):
        begin_step()


def test_without_a_limit_there_is_no_clock(monkeypatch):
    monkeypatch.setattr(signal, "setitimer", refuse)
    for ending in (ending_the_piece, ending_the_worker):
        with ending(None):
            begin_step()


def test_an_interruption_that_is_swallowed_comes_again(monkeypatch):
    monkeypatch.setattr(time_limit, "GRACE", 1.0)
    swallowed = []

    class Stubborn:
        def __del__(self):
            while not swallowed:
                try:
                    time.sleep(60)
                except TooLongError:
                    swallowed.append(True)

    def do(piece):
        Stubborn()
        time.sleep(60)

    with pytest.raises(TooLongError), ending_the_piece(0.2):
        do(None)
    assert swallowed == [True]


SCRIPT = """
import sys
from pathlib import Path

from attnprobe.execution import time_limit
from attnprobe.execution.settings import ExecutionSettings
from tests.fixtures.works import Writing, pieces_of

time_limit.GRACE = 0.5
folder, trouble = Path(sys.argv[1]), sys.argv[2]
execution = ExecutionSettings(workers=1, document_seconds=2)
lost = execution.carry_out(Writing(folder, {2: trouble}), pieces_of(5, 1), 1, "cpu", print, folder / "under-way.txt")
print(lost)
"""


@pytest.mark.parametrize(
    ("trouble", "status", "reason"),
    [
        ("kill", -signal.SIGKILL, REASONS["kill"]),
        ("stuck", 1, TOO_LONG),
        pytest.param("segfault", -signal.SIGSEGV, REASONS["segfault"], marks=pytest.mark.slow),
        pytest.param("leave", 7, REASONS["leave"], marks=pytest.mark.slow),
    ],
)
@pytest.mark.samples(1)
def test_what_ends_this_process_is_left_out_by_the_next_start(tmp_path, trouble, status, reason):
    work, pieces = Writing(tmp_path, {2: trouble}), pieces_of(5, 1)
    process = start_script(tmp_path / "script.py", SCRIPT, tmp_path, trouble)
    out, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == status, errors
    assert (out, ("Timeout (0:00:02.5" in errors)) == ("", trouble == "stuck")
    assert (tmp_path / "under-way.txt").read_text() == "documents 2 to 2"
    assert [piece for piece in pieces if work.is_done(piece)] == [(0, 1), (1, 2)]
    lines, execution = [], ExecutionSettings(workers=1, document_seconds=2)
    lost = execution.carry_out(work, pieces, 1, "cpu", lines.append, tmp_path / "under-way.txt")
    assert lost == {(2, 3): reason}
    assert lines[0] == ("The last start ended in the midst of documents 2 to 2: this one works in other processes.")
    kept = [piece for piece in pieces if piece not in lost]
    assert results(work, kept) == expected(kept)
    assert str(os.getpid()) not in work.log("opened")
    assert not (tmp_path / "under-way.txt").exists()


@pytest.mark.parametrize(("trouble", "error"), [("raise", None), ("input", InputError), ("disk full", OSError)])
def test_an_end_in_good_order_leaves_no_note(tmp_path, trouble, error):
    work, note = Writing(tmp_path, {1: trouble}), tmp_path / "under" / "way.txt"
    seen = []

    def see(done):
        seen.append(note.read_text())

    with nullcontext() if error is None else pytest.raises(error):
        carry_out(work, pieces_of(3, 1), InProcess(None, note), lambda line: None, see)
    assert seen[0] == "documents 0 to 0"
    assert not note.exists()


def test_a_lost_accelerator_leaves_the_note_and_the_next_start_goes_on(tmp_path):
    work, note, lines = Writing(tmp_path, {1: "break accelerator"}), tmp_path / "note.txt", []
    execution = ExecutionSettings(workers=1)
    with pytest.raises(Exception, match=r"can no longer be used .*started again"):
        execution.carry_out(work, pieces_of(3, 1), 1, "cpu", lines.append, note)
    assert note.exists()
    lost = execution.carry_out(work, pieces_of(3, 1), 1, "cpu", lines.append, note)
    assert list(lost) == [(1, 2)]
    assert lost[1, 2].startswith("AcceleratorError: ")
    assert not note.exists()


def test_a_panic_of_a_tokenizer_is_a_failure_of_its_document():
    tokenizers = pytest.importorskip("tokenizers")
    from attnprobe.execution.attempts import attempt

    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0}, unk_token="a"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    failure = attempt(lambda text: tokenizer.encode(text).truncate(2, stride=2), "a a a").failure
    assert failure.startswith("PanicException: `stride` must be strictly less")


def test_an_interruption_is_no_failure():
    from attnprobe.execution.attempts import attempt

    def interrupted(piece):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(interrupted, None)
