"""`attnprobe cache`: where it is and what is in it; clearing removes what attnprobe wrote and nothing else."""

import json

import pytest

from attnprobe.cli import main
from attnprobe.data.datasets import load_dataset
from tests.fixtures.commands import planted_folder


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The cache folder, in which a dataset lies."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("ATTNPROBE_CACHE", str(folder))
    load_dataset(str(planted_folder(tmp_path / "planted", train=8, test=4)))
    return folder


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def bytes_of(folder):
    return sum(len(content) for content in files(folder).values())


def test_it_says_where_and_how_large(cache, capsys):
    before = files(cache)
    assert main(["cache", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["folder"], document["bytes"], document["removed"]) == (str(cache), bytes_of(cache), [])
    assert main(["cache"]) == 0
    assert str(cache) in capsys.readouterr().out
    assert files(cache) == before


def test_clearing_removes_what_is_made_again(cache, tmp_path, capsys):
    before = files(cache)
    assert main(["cache", "--clear", "--yes"]) == 0
    assert not [path for path in files(cache) if path.parts[0] == "tokenised"]
    assert "Removed: 1 entry" in capsys.readouterr().out
    load_dataset(str(tmp_path / "planted"))
    assert files(cache) == before


def test_nothing_of_somebody_else_is_removed_and_no_link_is_followed(cache, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.npy").write_text("kept")
    (cache / "letter.txt").write_text("mine")
    (cache / "docstrings-0123456789abcdef").symlink_to(outside)
    (linked,) = (cache / "tokenised").iterdir()
    (linked / "further.npy").symlink_to(outside / "kept.npy")
    foreign = cache / "tokenised" / ("0" * 32)
    foreign.mkdir()
    (foreign / "thesis.docx").write_text("mine")
    before = files(cache)
    assert main(["cache", "--clear", "--yes"]) == 0
    assert files(cache) == before
    assert (outside / "kept.npy").read_text() == "kept"


def test_it_is_confirmed_first(cache, capsys, monkeypatch):
    before = files(cache)
    assert main(["cache", "--clear"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert main(["cache", "--yes"]) == 2

    class Person:
        def __init__(self, answer):
            self.answer = answer

        def isatty(self):
            return True

        def readline(self):
            return self.answer

    monkeypatch.setattr("sys.stdin", Person("no\n"))
    assert main(["cache", "--clear"]) == 0
    assert files(cache) == before

    def comes_meanwhile(person):
        (cache / "docstrings-0123456789abcdef").mkdir()
        return "y\n"

    monkeypatch.setattr(Person, "readline", comes_meanwhile)
    monkeypatch.setattr("sys.stdin", Person("y\n"))
    assert main(["cache", "--clear"]) == 0
    assert files(cache) != before
    assert (cache / "docstrings-0123456789abcdef").exists()


def test_there_need_be_none(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ATTNPROBE_CACHE", str(tmp_path / "nowhere"))
    assert main(["cache", "--clear", "--yes"]) == 0
    assert "0 entries" in capsys.readouterr().out
    assert not (tmp_path / "nowhere").exists()
