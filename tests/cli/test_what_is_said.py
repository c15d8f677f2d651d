"""Progress, results and a log: where each goes, what a misspelt word is taken for, and what a shell completes."""

import os
import re
import subprocess
import sys

import pytest

from attnprobe.cli import main
from attnprobe.cli.console import LOG, colours
from tests.fixtures.commands import ROOT, environment, planted_folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("said")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        planted_folder(folder / "planted", train=40, test=6)
        yield folder


def run(place, out, *further):
    options = ["--model", "flan-none", "--epochs", "1", "--out", str(place / out)]
    return main(["run", "--dataset", str(place / "planted"), *options, *further])


def test_quiet_leaves_out_progress_and_keeps_the_answer(place, capfd):
    assert run(place, "loud") == 0
    loud, _ = capfd.readouterr()
    assert run(place, "quiet", "--quiet") == 0
    quiet, errors = capfd.readouterr()
    assert "Does attention explain this model?" in quiet
    assert set(quiet.splitlines()) < set(loud.splitlines())
    assert "epoch 1" in loud
    assert "epoch 1" not in quiet + errors


def test_verbose_tells_seconds(place, capfd):
    assert run(place, "verbose", "--verbose") == 0
    lines = capfd.readouterr().out.splitlines()
    assert any(re.match(r"\[\d+\.\d s\] ", line) for line in lines)


def test_a_log_has_all_of_it_with_the_time_and_is_added_to(place, tmp_path, capfd):
    log = tmp_path / "log.txt"
    assert run(place, "logged", "--quiet", "--log", str(log)) == 0
    out = capfd.readouterr().out
    text = log.read_text()
    assert text.splitlines()[0] == LOG
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line) for line in text.splitlines()[1:])
    assert "epoch 1" in text
    assert "exit status 0" in text
    assert "Does attention explain this model?" in out
    assert "Does attention explain this model?" in " ".join(line[21:] for line in text.splitlines())
    assert main(["list", "--log", str(log)]) == 0
    assert log.read_text().startswith(text)
    assert main(["show", str(place / "nowhere"), "0", "--log", str(log)]) == 2
    assert "ended: " in log.read_text()


def test_a_log_takes_no_file_of_somebody_else(tmp_path, capsys):
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear reader,")
    for path in (letter, tmp_path):
        assert main(["list", "--log", str(path)]) == 2
        out, errors = capsys.readouterr()
        assert (out, len(errors.strip().splitlines())) == ("", 1)
        assert path.name in errors
    assert letter.read_text() == "Dear reader,"


def test_a_log_that_was_cut_short_is_gone_on_with(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text(LOG)
    assert main(["list", "--log", str(log)]) == 0
    assert main(["list", "--log", str(log)]) == 0
    assert log.read_text().splitlines()[0] == LOG
    assert log.read_text().count("exit status 0") == 2


@pytest.mark.parametrize(
    ("terminal", "asked", "coloured"), [(True, None, True), (True, "1", False), (False, None, False)]
)
def test_colours_are_for_terminals_unless_nobody_wants_them(monkeypatch, terminal, asked, coloured):
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    if asked is not None:
        monkeypatch.setenv("NO_COLOR", asked)
    assert colours() == coloured


def test_no_escape_reaches_what_is_no_terminal(place, capfd):
    assert run(place, "loud") == 0
    (config,) = (place / "loud").rglob("config.json")
    assert main(["show", str(config.parent), "0"]) == 0
    out, errors = capfd.readouterr()
    assert "\x1b" not in out + errors


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["verfy", "x"], "'verify'"),
        (["run", "--datset", "x"], "--dataset"),
        (["run", "--model", "flan-rn"], "'flan-rnn'"),
        (["run", "--orderings", "norm,integrated_gradient"], "'integrated_gradients'"),
        (["run", "--device", "cdua"], "'cuda'"),
        (["run", "--dataset", "docstring"], "'docstrings'"),
    ],
)
def test_a_misspelt_word_is_asked_back(capsys, tmp_path, monkeypatch, typed, meant):
    monkeypatch.chdir(tmp_path)
    assert main(typed) == 2
    out, errors = capsys.readouterr()
    assert out == ""
    assert f"did you mean {meant}" in errors.lower()
    assert len(errors.strip().splitlines()) == 1


COMPLETES = """
eval "$(register-python-argcomplete attnprobe)"
COMP_LINE="$1" COMP_POINT=${#1} COMP_TYPE=9
read -ra COMP_WORDS <<< "$1"
[[ "$1" == *' ' ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_python_argcomplete attnprobe
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("attnprobe ver", "verify"),
        ("attnprobe run --mod", "--model"),
        ("attnprobe run --model flan-r", "flan-rnn"),
        ("attnprobe run --dataset docs", "docstrings"),
        ("attnprobe run --orderings gradient_a", "gradient_attention"),
    ],
)
def test_bash_completes(tmp_path, line, word):
    pytest.importorskip("argcomplete")
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "attnprobe"
    command.write_text(
        f"#!{sys.executable}\n# PYTHON_ARGCOMPLETE_OK\nfrom attnprobe.cli import command\ncommand()\n", encoding="utf-8"
    )
    command.chmod(0o755)
    path = os.pathsep.join([str(folder), os.path.dirname(sys.executable), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", COMPLETES, "bash", line],
        env=environment(PATH=path, PYTHONPATH=str(ROOT)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert word in done.stdout.split()
