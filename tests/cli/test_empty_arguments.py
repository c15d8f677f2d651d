"""An argument that is empty, as an unset variable of a shell makes it, is refused, whatever it is an argument of."""

import argparse

import pytest

from attnprobe.base.errors import InputError
from attnprobe.cli import main, make_parser
from attnprobe.data.datasets import load_dataset
from attnprobe.models.huggingface.checkpoint_content import locate


def commands():
    (subparsers,) = (a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return subparsers.choices


def empty_everywhere():
    """The arguments of every command, one of them empty; whoever adds an option adds a case."""
    for name, parser in commands().items():
        positional = [a for a in parser._actions if not a.option_strings]
        given = ["0" if a.type is not None and a.dest == "document" else "x" for a in positional]
        for place in range(len(positional)):
            yield (name, *given[:place], "", *given[place + 1 :])
        for action in parser._actions:
            if action.option_strings and action.nargs != 0:
                yield (name, *given, action.option_strings[-1], "")
                yield (name, *given, f"{action.option_strings[-1]}=")


def test_every_empty_argument_of_every_command_is_refused_in_one_sentence(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cases = list(empty_everywhere())
    assert len(cases) > 150
    for arguments in cases:
        assert main(arguments) == 2, arguments
        said = capsys.readouterr()
        assert not said.out
        assert len(said.err.splitlines()) == 1
        assert "empty" in said.err or "nothing" in said.err
        options = [argument for argument in arguments if argument.startswith("--")]
        assert all(option in said.err for option in options)
    assert not list(tmp_path.iterdir())


def test_a_name_of_nothing_is_no_name_for_python_either(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for nothing in ("", " ", "\t"):
        with pytest.raises(InputError, match="dataset is empty"):
            load_dataset(nothing)
        with pytest.raises(InputError, match="nothing follows"):
            locate(nothing)


@pytest.mark.parametrize("arguments", [("doctor", "hf:"), ("train", "--model", "hf:"), ("run", "--model", "hf: ")])
def test_a_checkpoint_of_no_name_is_not_the_folder_that_one_is_in(capsys, arguments):
    assert main(arguments) == 2
    assert "nothing follows" in capsys.readouterr().err
