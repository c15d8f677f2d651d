import random
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.data.tokens import token_cache
from attnprobe.data.tokens.token_cache import tokenise_once
from attnprobe.data.tokens.tokenisation import tokenise


def random_texts(number, seed=0):
    draw = random.Random(seed)
    words = [
        "Film",
        "film",
        "U.S.",
        "don't",
        "great!",
        "(and",
        "so)",
        "…",
        "\n",
        "  ",
        "Mr.",
        "end.",
        "?",
        "3,5",
        "東京",
    ]
    return [" ".join(draw.choices(words, k=draw.randint(1, 40))) + " x" for _ in range(number)]


def assert_same(one, other):
    assert one.types == other.types
    for field in ("words", "sentence_lengths", "sentences_per_document"):
        left, right = getattr(one, field), getattr(other, field)
        assert left.dtype == right.dtype == np.int32
        np.testing.assert_array_equal(left, right)


def as_sentences(tokenised):
    words = iter(tokenised.types[i] for i in tokenised.words)
    sentences = iter([[next(words) for _ in range(n)] for n in tokenised.sentence_lengths])
    return [[next(sentences) for _ in range(n)] for n in tokenised.sentences_per_document]


def test_words_and_sentences():
    texts = ["A fine film. Isn't it?", "\n\n Spaces  do \t not count.\n", "no stop"]
    assert as_sentences(tokenise(texts, "")) == [
        [["A", "fine", "film", "."], ["Is", "n't", "it", "?"]],
        [["Spaces", "do", "not", "count", "."]],
        [["no", "stop"]],
    ]


def test_types_are_in_order_of_first_sight():
    assert tokenise(["b a b", "c a"], "").types == ["b", "a", "c"]


def test_result_does_not_depend_on_workers_and_chunks():
    texts = random_texts(200)
    expected = tokenise(texts, "", workers=1)
    assert_same(tokenise(texts, "", workers=1, chunk_characters=1), expected)
    assert_same(tokenise(texts, "", workers=2, chunk_characters=700), expected)


@given(st.lists(st.text(min_size=1).filter(lambda text: not text.isspace()), min_size=1, max_size=4))
def test_every_text_that_is_not_blank_has_words(texts):
    tokenised = tokenise(texts, "")
    assert tokenised.sentences_per_document.min() > 0
    assert tokenised.sentence_lengths.min() > 0
    written = ["".join(map("".join, document)) for document in as_sentences(tokenised)]
    assert written == ["".join(text.split()) for text in texts]
    assert not any(character.isspace() for word in tokenised.types for character in word)


def test_long_runs_of_punctuation_take_no_time():
    draw = random.Random(0)
    began = time.monotonic()
    tokenise(["!" * 100_000, "".join(draw.choices("!?()'\".;:-", k=50_000))], "")
    assert time.monotonic() - began < 10


def test_documents_over_spacys_limit_for_parsers():
    assert tokenise(["x" * 1_000_000], "").words.shape == (3334,)


def test_a_script_without_main_guard_may_use_processes(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from attnprobe.data.tokens.tokenisation import tokenise\n"
        "print(len(tokenise(['one two'] * 10, '', workers=2, chunk_characters=5).words))\n"
    )
    for arguments, stdin in (([str(script)], None), (["-"], script.read_text())):
        done = subprocess.run(
            [sys.executable, *arguments], input=stdin, capture_output=True, text=True, check=False, env=None
        )
        assert (done.stdout, done.stderr) == ("20\n", "")


def test_cached_equals_fresh(own_cache):
    texts = random_texts(50)
    fresh, cached = tokenise_once(texts, ""), tokenise_once(texts, "")
    assert_same(fresh, cached)
    assert len(list((own_cache / "tokenised").iterdir())) == 1
    assert cached.words.flags.writeable


def test_the_cache_is_used(monkeypatch):
    texts = random_texts(5)
    tokenise_once(texts, "")
    monkeypatch.setattr(token_cache, "tokenise", None)
    tokenise_once(texts, "")
    with pytest.raises(TypeError):
        tokenise_once(texts[:-1], "")


@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[:-7], lambda data: data[:-90] + b"x" + data[-89:]]
)
def test_a_damaged_cache_is_made_anew(own_cache, damage):
    texts = random_texts(50)
    fresh = tokenise_once(texts, "")
    (path,) = (own_cache / "tokenised").iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert_same(tokenise_once(texts, ""), fresh)
    assert path.read_bytes() == whole


def test_no_cache_folder_can_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert tokenise_once(["a b"], "").types == ["a", "b"]


def test_a_full_disk_is_no_obstacle(own_cache, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    assert tokenise_once(["a b"], "").types == ["a", "b"]
    assert list((own_cache / "tokenised").iterdir()) == []
