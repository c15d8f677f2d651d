"""What is done survives an interruption; what is half-written, or of something else, does not count."""

from attnprobe.identification.unfinished import Unfinished


def test_documents_come_back(tmp_path):
    path = tmp_path / "state.jsonl"
    first = Unfinished(path, {"seed": 1})
    first.add(4, [{"weight": [0.1, 0.9], "failed": False}])
    first.add(2, [{"failed": True}])
    again = Unfinished(path, {"seed": 1})
    assert again.documents == first.documents == {4: [{"weight": [0.1, 0.9], "failed": False}], 2: [{"failed": True}]}
    again.remove()
    assert not path.exists()


def test_a_line_cut_short_is_forgotten_and_what_follows_is_whole(tmp_path):
    path = tmp_path / "state.jsonl"
    state = Unfinished(path, {"seed": 1})
    state.add(1, [1.5])
    state.add(2, [2.5])
    path.write_text(path.read_text()[:-4])
    again = Unfinished(path, {"seed": 1})
    assert again.documents == {1: [1.5]}
    again.add(3, [3.5])
    assert Unfinished(path, {"seed": 1}).documents == {1: [1.5], 3: [3.5]}


def test_other_settings_begin_anew(tmp_path):
    path = tmp_path / "state.jsonl"
    Unfinished(path, {"seed": 1}).add(1, [1.5])
    assert Unfinished(path, {"seed": 2}).documents == {}
