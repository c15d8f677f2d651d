import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.base.errors import InputError
from attnprobe.data.datasets import load_dataset
from attnprobe.data.vocabulary import PADDING, UNKNOWN, Vocabulary
from tests.fixtures.dataset_folders import write_folder


def test_words_seen_five_times_in_train_and_dev_in_order_of_first_sight(tmp_path):
    folder = write_folder(
        tmp_path,
        train=[("a", "Two one two ONE"), ("b", "one TWO rare rare rare rare")],
        dev=[("a", "two one One two late late late late")],
        test=[("a", "late rare one")],
    )
    vocabulary = Vocabulary.build(load_dataset(str(folder)))
    assert vocabulary.words == [PADDING, "two", "one", UNKNOWN]
    assert len(vocabulary) == 4
    assert vocabulary.unknown_id == 3


def test_encoding(films):
    vocabulary = Vocabulary.build(films)
    encoded = vocabulary.encode(films.splits["dev"].documents())
    assert encoded.dtype == np.int32
    assert [vocabulary.words[i] for i in encoded] == ["dull", UNKNOWN, UNKNOWN]
    assert [vocabulary.words[i] for i in vocabulary.encode(films.splits["test"].documents())] == ["fine", "film"]


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), min_size=1).map(str.lower)


@given(st.lists(WORDS, unique=True))
def test_round_trip(tmp_path_factory, words):
    path = tmp_path_factory.mktemp("vocabulary") / "vocabulary.txt"
    Vocabulary(words).save(path)
    assert Vocabulary.load(path).words == [PADDING, *words, UNKNOWN]
    assert [entry.name for entry in path.parent.iterdir()] == ["vocabulary.txt"]


def test_line_separators_other_than_newline_stay_inside_words(tmp_path):
    words = ["a\u2028b", "c\x85d", "e\rf", "\x1c", "İ".lower()]
    Vocabulary(words).save(tmp_path / "vocabulary.txt")
    assert Vocabulary.load(tmp_path / "vocabulary.txt").words[1:-1] == words


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "not a whole vocabulary"),
        (b"@@PADDING@@\nword\n", "not a whole vocabulary"),
        (b"@@PADDING@@\nword\nword\n@@UNKNOWN@@\n", "occurs twice"),
        (b"@@PADDING@@\n\xff\n@@UNKNOWN@@\n", "not UTF-8"),
        (None, "cannot be read"),
    ],
)
def test_files_that_are_no_vocabulary(tmp_path, content, expected):
    path = tmp_path / "vocabulary.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=expected):
        Vocabulary.load(path)
