import pickle
import signal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.base.errors import InputError
from attnprobe.execution.attempts import portable
from attnprobe.execution.in_process import InProcess
from attnprobe.execution.scheduling import MOST_LOST_BEFORE_ANY_IS_DONE, carry_out
from attnprobe.execution.settings import ExecutionSettings
from attnprobe.settings.doors import in_flags
from attnprobe.settings.unfit import Named, SettingError, told_by
from tests.fixtures.in_memory import AnyOrder, InMemory, KnownLater
from tests.fixtures.works import REASONS, Writing, expected, pieces_of, results


def refuse(line):
    raise AssertionError(line)


documents = st.integers(1, 30)
sizes = st.integers(1, 12)


@given(st.data(), documents, sizes)
def test_exactly_the_poison_is_left_out(data, documents, size):
    poison = data.draw(st.sets(st.integers(0, documents - 1)))
    work, pieces, lines = InMemory(poison), pieces_of(documents, size), []
    lost = carry_out(work, pieces, InProcess(), lines.append)
    assert list(lost) == [(document, document + 1) for document in sorted(poison)]
    for (document, _), reason in lost.items():
        assert reason == f"ValueError: document {document}"
    kept = [n for piece in pieces for n in work.made.get(piece, [])]
    assert kept == [n for n in range(documents) if n not in poison]
    failed = {piece for piece in work.begun if poison & set(range(*piece))}
    assert all(work.begun.count(piece) == (2 if piece in failed else 1) for piece in work.begun)
    assert len(lines) == 2 * len(failed)
    assert {piece for piece in failed if piece[1] - piece[0] > 1} == set(work.joined)


@given(st.data(), documents, sizes)
def test_parts_may_be_known_only_when_others_are_done(data, documents, size):
    poison = data.draw(st.sets(st.integers(0, documents - 1)))
    work, all_known, pieces = KnownLater(poison), InMemory(poison), pieces_of(documents, size)
    lost = carry_out(work, pieces, InProcess(), lambda line: None)
    assert lost == carry_out(all_known, pieces, InProcess(), lambda line: None)
    assert {piece: work.made.get(piece) for piece in pieces} == {piece: all_known.made.get(piece) for piece in pieces}
    assert sorted(work.begun) == sorted(all_known.begun)


@given(st.data(), documents, sizes, st.integers(1, 4), st.integers(0, 1000))
def test_the_order_in_which_workers_finish_changes_nothing(data, documents, size, workers, seed):
    poison = data.draw(st.sets(st.integers(0, documents - 1)))
    pieces = pieces_of(documents, size)
    reference = InMemory(poison)
    lost = carry_out(reference, pieces, InProcess(), lambda line: None)
    work, executor = InMemory(poison), AnyOrder(workers, seed)
    assert list(carry_out(work, pieces, executor, lambda line: None).items()) == list(lost.items())
    assert work.made == reference.made
    assert executor.closed
    whole = [piece for piece in dict.fromkeys(executor.submitted) if piece in pieces]
    assert whole == pieces


@given(st.data(), documents, sizes, st.integers(1, 4), st.integers(0, 1000))
def test_a_worker_that_dies_once_at_a_piece_loses_nothing_and_doubles_nothing(data, documents, size, workers, seed):
    work, pieces, lines = InMemory(), pieces_of(documents, size), []
    executor = AnyOrder(workers, seed, deaths=0.5)
    # ``InMemory`` itself refuses to do a piece that is done already.
    assert carry_out(work, pieces, executor, lines.append) == {}
    assert work.made == {piece: list(range(*piece)) for piece in pieces}
    assert len(lines) == len(executor.died)


@given(st.data(), documents, sizes)
def test_a_passing_failure_leaves_nothing_out_and_divides_nothing(data, documents, size):
    pieces = pieces_of(documents, size)
    firsts = data.draw(st.sets(st.sampled_from([begin for begin, _ in pieces])))
    work = InMemory(transient=firsts)
    assert carry_out(work, pieces, InProcess(), lambda line: None) == {}
    assert set(work.made) == set(pieces)


@given(st.data(), documents, sizes)
def test_what_is_done_is_not_done_again_parts_too(data, documents, size):
    poison = data.draw(st.sets(st.integers(0, documents - 1)))
    pieces = pieces_of(documents, size)
    whole = InMemory(poison)
    carry_out(whole, pieces, InProcess(), lambda line: None)
    present = data.draw(st.sets(st.sampled_from(sorted(whole.made)))) if whole.made else set()
    work = InMemory(poison)
    work.made = {piece: whole.made[piece] for piece in present}
    carry_out(work, pieces, InProcess(), lambda line: None)
    assert not present & set(work.begun)
    assert {piece: work.made[piece] for piece in pieces if piece in work.made} == {
        piece: whole.made[piece] for piece in pieces if piece in whole.made
    }


def test_each_failure_is_a_line_that_says_what_happens_next(tmp_path, capfd):
    work, lines = Writing(tmp_path, {1: "raise", 4: "memory once"}), []
    lost = carry_out(work, pieces_of(6, 2), InProcess(), lines.append)
    reason = REASONS["raise"]
    assert lines == [
        f"documents 0 to 1: {reason}; again.",
        f"documents 0 to 1: {reason}; split into 2.",
        f"documents 1 to 1: {reason}; again.",
        f"documents 1 to 1: {reason}; left out.",
        "documents 4 to 5: MemoryError; again.",
    ]
    assert lost == {(1, 2): reason}
    assert results(work, pieces_of(6, 2)) == expected(pieces_of(6, 2), {1})
    assert capfd.readouterr() == ("", "")


def test_every_piece_that_a_worker_finishes_is_noted(tmp_path):
    work, notes = Writing(tmp_path, {3: "raise"}, seconds=0.02), []
    carry_out(work, pieces_of(6, 2), InProcess(), lambda line: None, notes.append)
    assert [note.piece for note in notes] == [(0, 2), (2, 3), (4, 6)]
    assert all(note.worker == 0 for note in notes)
    assert all(0 <= note.cpu_seconds < 0.02 <= note.seconds for note in notes)


def test_a_piece_given_twice_is_done_once(tmp_path):
    work = Writing(tmp_path)
    carry_out(work, [(0, 1), (1, 2), (0, 1)], InProcess(), refuse)
    assert work.log("begun") == ["0-1", "1-2"]


def test_nothing_is_opened_where_nothing_is_to_do(tmp_path):
    carry_out(Writing(tmp_path), pieces_of(4, 2), InProcess(), refuse)
    assert carry_out(Writing(tmp_path, at_opening="input"), pieces_of(4, 2), InProcess(), refuse) == {}
    assert carry_out(Writing(tmp_path, at_opening="input"), [], InProcess(), refuse) == {}


@pytest.mark.parametrize(
    ("trouble", "kind", "text"),
    [("input", InputError, "^3 is not what it should be.$"), ("disk full", OSError, "No space left on device")],
)
def test_what_is_no_documents_fault_ends_the_run_and_the_run_goes_on_later(tmp_path, trouble, kind, text):
    work, pieces = Writing(tmp_path, {3: trouble}), pieces_of(8, 2)
    with pytest.raises(kind, match=text) as raised:
        carry_out(work, pieces, InProcess(), refuse)
    if kind is OSError:
        assert (raised.value.errno, raised.value.filename) == (28, str(tmp_path / "3"))
    assert [piece for piece in pieces if work.is_done(piece)] == [(0, 2)]
    assert not list(tmp_path.glob(".*"))
    healthy = Writing(tmp_path)
    assert carry_out(healthy, pieces, InProcess(), refuse) == {}
    assert results(healthy, pieces) == expected(pieces)
    assert healthy.log("begun") == ["0-2", "2-4", "2-4", "4-6", "6-8"]


def test_a_broken_pipe_is_not_taken_for_the_end_of_our_own_output(tmp_path):
    with pytest.raises(OSError, match="Broken pipe") as raised:
        carry_out(Writing(tmp_path, {0: "broken pipe"}), [(0, 1)], InProcess(), refuse)
    assert not isinstance(raised.value, BrokenPipeError)


@pytest.mark.parametrize("trouble", ["raise", "memory", "input"])
def test_a_work_that_cannot_be_opened_is_one_sentence(tmp_path, trouble):
    with pytest.raises(InputError, match=r"^[^\n]+\.$"):
        carry_out(Writing(tmp_path, at_opening=trouble), [(0, 1)], InProcess(), refuse)


def test_an_accelerator_that_cannot_be_replaced_ends_the_run(tmp_path):
    work = Writing(tmp_path, {1: "break accelerator"})
    with pytest.raises(InputError, match=r"^The accelerator can no longer be used .*process pool.*\.$"):
        carry_out(work, pieces_of(4, 1), InProcess(), refuse)
    assert work.log("begun") == ["0-1", "1-2"]


def test_a_work_without_its_file_keeps_the_error(tmp_path):
    with pytest.raises(OSError, match="No space") as raised:
        carry_out(Writing(tmp_path, at_opening="disk full"), [(0, 1)], InProcess(), refuse)
    assert raised.value.errno == 28


def test_failures_of_everything_are_not_the_documents_fault():
    poison = range(MOST_LOST_BEFORE_ANY_IS_DONE + 20)
    work = InMemory(poison)
    with pytest.raises(
        InputError, match=rf"^Nothing could be done: {MOST_LOST_BEFORE_ANY_IS_DONE} pieces .* document 31.$"
    ):
        carry_out(work, pieces_of(len(poison) + 50, 16), InProcess(), lambda line: None)


def test_any_piece_done_makes_failures_the_documents_fault():
    poison = range(1, MOST_LOST_BEFORE_ANY_IS_DONE + 20)
    lost = carry_out(InMemory(poison), pieces_of(len(poison) + 50, 16), InProcess(), lambda line: None)
    assert len(lost) == len(poison)
    earlier = InMemory(poison)
    earlier.made[0, 1] = [0]
    pieces = [(0, 1), *((n, n + 1) for n in poison)]
    assert len(carry_out(earlier, pieces, InProcess(), lambda line: None)) == len(poison)


class Threads(InMemory):
    def do(self, piece):
        assert torch.get_num_threads() == 1
        super().do(piece)


def test_torch_has_one_thread_meanwhile_and_its_own_number_afterwards():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        carry_out(Threads(), pieces_of(3, 1), InProcess(), refuse)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


class Terminated(InMemory):
    def do(self, piece):
        super().do(piece)
        if piece[0] == 1:
            signal.raise_signal(signal.SIGTERM)


def test_sigterm_is_met_as_an_interruption_and_as_before_afterwards():
    work, executor = Terminated(), AnyOrder(1, 0)
    with pytest.raises(KeyboardInterrupt):
        carry_out(work, pieces_of(4, 1), executor, refuse)
    assert set(work.made) == {(0, 1), (1, 2)}
    assert executor.closed
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_programs_own_way_to_meet_sigterm_is_left_to_it():
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        assert carry_out(Terminated(), pieces_of(4, 1), InProcess(), refuse) == {}
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"executor": "pool", "workers": 0}, "workers must be a whole number from 1 on, not 0"),
        ({"executor": "in-process", "workers": 2}, "workers 2: there is but one in process; take executor pool"),
        ({"executor": "pool", "address": "auto"}, "address is for executor ray only"),
        ({"gpus_per_worker": 0.5}, "gpus_per_worker is for executor ray only"),
        ({"executor": "spark"}, "executor must be in-process, pool or ray, not 'spark'"),
    ],
)
def test_an_executor_that_cannot_be_had_is_one_sentence(settings, text):
    with pytest.raises(InputError, match=text):
        ExecutionSettings(**settings)


def test_what_is_wrong_with_a_setting_is_told_by_its_door_whichever_process_sees_it():
    sent = pickle.loads(pickle.dumps(portable(SettingError("attention", "{}: {}.", Named("at"), "no token"))))
    with pytest.raises(InputError, match=r"^--at: no token[.]$"), told_by(in_flags):
        raise sent
