import pytest

from attnprobe.atomic_files import creating_folder, remove_leftovers, replacing


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
    mine = [tmp_path / ".gitignore", tmp_path / "a.0123456789ab", tmp_path / ".a.b.xyz"]
    for path in [leftover, *mine]:
        path.touch()
    remove_leftovers(tmp_path)
    assert not leftover.exists()
    assert all(path.exists() for path in mine)
