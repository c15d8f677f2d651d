"""What is said of a dataset before anything is made of it; what cannot be probed is refused before it is trained."""

import pytest

from attnprobe.base.errors import InputError
from attnprobe.cli import main
from attnprobe.data.datasets import load_dataset
from attnprobe.data.what_to_know import require_words_to_erase, said_of_data
from tests.fixtures.dataset_folders import write_folder

ROWS = [("neg", "dull and long"), ("pos", "we loved it")] * 4


def test_a_split_of_one_label_is_said(tmp_path):
    folder = write_folder(tmp_path / "one", train=ROWS, dev=ROWS[::2], test=ROWS)
    (sentence,) = said_of_data(load_dataset(str(folder)), "one")
    assert (
        sentence == "one: all 4 dev documents, by which the epoch is chosen that is kept, have the same label, 'neg'."
    )
    assert not said_of_data(load_dataset(str(write_folder(tmp_path / "both", train=ROWS, dev=ROWS, test=ROWS))), "both")


def test_documents_of_one_word_are_refused_before_anything_is_trained(tmp_path, capsys):
    words = [(label, text.split()[0]) for label, text in ROWS]
    folder = write_folder(tmp_path / "words", train=ROWS, dev=ROWS, test=words)
    with pytest.raises(InputError, match=r"words: no test document has more than one word"):
        require_words_to_erase(load_dataset(str(folder)), "words")
    asked = ["run", "--dataset", str(folder), "--model", "flan-none", "--out", str(tmp_path / "runs")]
    assert main(asked) == 2
    assert "no test document has more than one word, so nothing can be erased" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
    some = load_dataset(str(write_folder(tmp_path / "some", train=ROWS, dev=ROWS, test=[*words, ROWS[0]])))
    require_words_to_erase(some, "some")
