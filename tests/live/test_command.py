"""`attnprobe live` as a command: what it says, what it refuses, and how it ends."""

import re
import signal
import urllib.request

import pytest

from attnprobe.cli import main
from tests.fixtures.commands import AtWork, wait_until


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("hf:nowhere", "--port", "70000"), "--port 70000: a port is"),
        (("hf:nowhere", "--timeout", "0"), "--timeout 0: a number of seconds above 0 is needed."),
        (("hf:nowhere", "--timeout", "nan"), "--timeout nan: a number of seconds above 0 is needed."),
        (("hf:nowhere", "--host", "no such host"), "There is no host 'no such host' to listen at"),
        (("nowhere",), "nowhere"),
        ((".", "--unit", "word"), "--unit is for checkpoints"),
    ],
)
def test_what_cannot_be_is_one_sentence(capsys, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    assert main(["live", *arguments]) == 2
    out, errors = capsys.readouterr()
    assert out == ""
    assert sentence in errors
    assert len(errors.strip().splitlines()) == 1


def test_without_a_server_it_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["live", "hf:nowhere"]) == 2
    assert "pip install 'attnprobe[live]'" in capsys.readouterr().err


def test_it_answers_until_it_is_stopped(checkpoint, tmp_path):
    work = AtWork("live", f"hf:{checkpoint}", cwd=tmp_path, output=tmp_path / "said")
    found = wait_until(lambda: re.search(r"http://127\.0\.0\.1:\d+/[\w-]{40,}/", work.out) or work.poll() is not None)
    assert found is not True, work.out
    with urllib.request.urlopen(found[0], timeout=60) as answer:
        assert answer.status == 200
        assert b"attnprobe live" in answer.read()
    work.send_signal(signal.SIGINT)
    assert work.wait() == 130
    assert "Traceback" not in work.out
