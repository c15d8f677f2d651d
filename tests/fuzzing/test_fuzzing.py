"""Hostile inputs of every format are accepted, or refused in one sentence; see docs/fuzzing.md.

The long version: python -m pytest tests/fuzzing -m slow, or python -m tests.fuzzing --inputs 100000 --seed 0
"""

import time
import traceback

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from attnprobe.base.errors import LONGEST, InputError
from tests.fixtures.commands import attnprobe, planted_folder
from tests.fuzzing.formats import FORMATS, fuzz
from tests.fuzzing.judging import Hang, Trespass, judge


def check(name, inputs, seed):
    tally = fuzz(name, inputs, seed)
    for number, error in tally.failures:
        pytest.fail(f"{name}, input {number} of seed {seed}: {''.join(traceback.format_exception(error)[-3:])}")
    assert tally.inputs == inputs == tally.accepted + tally.refused


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.samples(6)
def test_hostile_inputs(name):
    check(name, FORMATS[name].share, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_a_hundred_thousand_hostile_inputs(name):
    check(name, 101 * FORMATS[name].share, seed=2)


@given(st.text())
@example("\ud800\x1b[31m\u2028\n")
@example("x" * 10_000)
def test_a_message_is_one_printable_line(text):
    message = str(InputError(text))
    assert message.isprintable()
    assert len(message) <= LONGEST
    if text.isprintable() and len(text) <= LONGEST:
        assert message == text
    assert str(InputError(message)) == message


def test_the_judge_tells_what_it_should(tmp_path):
    """A hang, a file elsewhere, a long story and a message that names no file are seen."""

    def raising(sentence):
        def read(path):
            raise InputError(sentence)

        return read

    def write_elsewhere(path):
        (tmp_path.parent / "elsewhere").write_text("")

    def hang(path):
        while True:
            pass

    inside = tmp_path / "folder"
    inside.mkdir()
    assert judge(raising(f"{inside}/a is bad."), inside, inside) == "/a is bad."
    for sentence in ("It is bad.", f"{inside}/a is bad"):
        with pytest.raises(AssertionError):
            judge(raising(sentence), inside, inside)
    with pytest.raises(Trespass):
        judge(write_elsewhere, inside, inside)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.fuzzing.judging.SECONDS", 0.05)
        for hangs in (hang, lambda path: time.sleep(600)):
            with pytest.raises(Hang):
                judge(hangs, inside, inside)


COMMANDS = {
    "dataset": (
        ("run", "--dataset", "data", "--model", "flan-none"),
        "data/test.tsv",
        b"category\ttokens\npos\t\xff\n",
    ),
    "experiment": (("run", "--experiment", "e.toml"), "e.toml", b"a = " + b"[" * 3000),
    "configuration": (("report", "run"), "run/config.json", b'{"format": 1, "a": ' + b"[" * 100_000),
    "results": (("claims", "run"), "run/documents.parquet", b"PAR1" + b"\xff" * 40 + b"PAR1"),
}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.slow] if case != "results" else []) for case in COMMANDS]
)
def test_the_command_line_says_it_in_one_line(tmp_path, case):
    command, name, content = COMMANDS[case]
    planted_folder(tmp_path / "data")
    (tmp_path / "run").mkdir()
    for other in ("config.json", "documents.parquet", "erasures.parquet", "items.parquet"):
        (tmp_path / "run" / other).write_bytes(b"{}")
    (tmp_path / name).write_bytes(content)
    status, _, errors = attnprobe(*command, cwd=tmp_path)
    assert status == 2
    assert len(errors.splitlines()) == 1
    assert errors.startswith("attnprobe: ")
    assert name.split("/")[0] in errors
