import os
import subprocess
import sys

import pytest

from attnprobe.base.atomic_files import append_line, creating_folder, output_folder, remove_leftovers, replacing
from attnprobe.base.errors import InputError
from tests.fixtures.commands import ROOT


def test_a_file_is_replaced_when_all_went_well(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_nothing_is_left_of_a_file_that_failed(tmp_path, error):
    def fail():
        with replacing(tmp_path / "file") as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_there_whole_or_not_at_all(tmp_path):
    def fail():
        with creating_folder(tmp_path / "folder") as temporary:
            (temporary / "file").write_text("half")
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert list(tmp_path.iterdir()) == []
    with creating_folder(tmp_path / "folder") as temporary:
        (temporary / "file").write_text("whole")
        assert not (tmp_path / "folder").exists()
    assert (tmp_path / "folder" / "file").read_text() == "whole"


def test_who_comes_second_leaves_the_folder_of_the_first(tmp_path):
    with creating_folder(tmp_path / "folder") as second:
        (second / "file").write_text("second")
        with creating_folder(tmp_path / "folder") as first:
            (first / "file").write_text("first")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert (tmp_path / "folder" / "file").read_text() == "first"


def test_leftovers_of_a_killed_process_go_and_nothing_else(tmp_path):
    (tmp_path / "figures").mkdir()
    leftover = tmp_path / "figures" / ".a.png.0123456789ab"
    of_a_folder = tmp_path / ".model.0123456789ab"
    of_a_folder.mkdir()
    mine = [tmp_path / ".gitignore", tmp_path / "a.0123456789ab", tmp_path / ".a.b.xyz"]
    for path in [leftover, of_a_folder / "config.json", *mine]:
        path.touch()
    target = tmp_path / "target"
    target.mkdir()
    link = tmp_path / ".link.0123456789ab"
    link.symlink_to(target)
    remove_leftovers(tmp_path)
    assert not leftover.exists()
    assert not of_a_folder.exists()
    assert all(path.exists() for path in [*mine, target])


@pytest.mark.parametrize("make", [replacing, creating_folder])
def test_what_a_living_process_is_at_work_on_is_no_leftover(tmp_path, make):
    """Of another process as well: the lock is that of whoever opened it."""
    with make(tmp_path / "cache") as temporary:
        subprocess.run(
            [
                sys.executable,
                "-c",
                f"from attnprobe.base.atomic_files import *; remove_leftovers(Path({str(tmp_path)!r}))",
            ],
            check=True,
            cwd=ROOT,
        )
        assert temporary.exists()
        if temporary.is_dir():
            (temporary / "file").touch()
    assert (tmp_path / "cache").exists()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_maker_whose_new_folder_is_taken_for_abandoned_makes_another(tmp_path, monkeypatch):
    """Between its making and its locking another process may start."""
    real, taken = os.open, []

    def open_after_removal(path, *arguments, **keywords):
        if not taken:
            taken.append(path)
            os.rmdir(path)
        return real(path, *arguments, **keywords)

    monkeypatch.setattr("os.open", open_after_removal)
    with creating_folder(tmp_path / "folder") as temporary:
        assert temporary != taken[0]
        (temporary / "file").touch()
    assert (tmp_path / "folder" / "file").exists()


@pytest.mark.parametrize("filename", [None, "temporary"])
def test_a_full_disk_names_the_file_and_not_its_temporary(tmp_path, filename):
    def fail(make):
        with make(tmp_path / "file") as temporary:
            raise OSError(28, "Error writing bytes to file. Detail: no room", filename and str(temporary))

    for make in (replacing, creating_folder):
        with pytest.raises(OSError, match=r"No space left on device: '.*/file'$") as raised:
            fail(make)
        assert raised.value.filename == str(tmp_path / "file")


def test_an_error_of_another_file_keeps_its_name(tmp_path):
    def fail():
        with replacing(tmp_path / "file"):
            (tmp_path / "elsewhere").read_text()

    with pytest.raises(FileNotFoundError, match="elsewhere"):
        fail()


def test_a_line_is_added_whole_or_not_at_all_and_to_this_name_alone(tmp_path):
    path, other = tmp_path / "log", tmp_path / "other"
    append_line(path, "one")
    os.link(path, other)
    append_line(path, "two")
    assert path.read_text() == "one\ntwo\n"
    assert other.read_text() == "one\n"
    (tmp_path / "link").symlink_to(other)
    with pytest.raises(InputError, match="link is a link"):
        append_line(tmp_path / "link", "three")
    assert other.read_text() == "one\n"


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "results").write_text("mine")
    with pytest.raises(InputError, match="results is no folder, and one is needed"):
        output_folder(tmp_path / "results")
    assert (tmp_path / "results").read_text() == "mine"
