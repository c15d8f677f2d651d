import random
import subprocess
import sys
import time
from itertools import chain

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from attnprobe.data.tokens.given_tokens import GivenTokens
from attnprobe.data.tokens.tokenisation import in_chunks, map_chunks
from attnprobe.data.tokens.tokeniser import tokenise_texts


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


def as_sentences(tokenised):
    words = iter(tokenised.types[i] for i in tokenised.words)
    sentences = iter([[next(words) for _ in range(n)] for n in tokenised.sentence_lengths])
    return [[next(sentences) for _ in range(n)] for n in tokenised.sentences_per_document]


def test_words_and_sentences():
    texts = ["A fine film. Isn't it?", "\n\n Spaces  do \t not count.\n", "no stop"]
    assert as_sentences(tokenise_texts(texts)) == [
        [["A", "fine", "film", "."], ["Is", "n't", "it", "?"]],
        [["Spaces", "do", "not", "count", "."]],
        [["no", "stop"]],
    ]


def words_of_each(texts, tokenised):
    """(word, where it begins) of each text."""
    found = zip((tokenised.types[i] for i in tokenised.words), tokenised.word_starts.tolist(), strict=True)
    return [[next(found) for _ in chain.from_iterable(document)] for document in as_sentences(tokenised)]


@given(st.lists(st.text(min_size=1).filter(lambda text: not text.isspace()), min_size=1, max_size=4))
@example(["x" * 700 + "é" * 700 + "\n\n" + "y" * 301 + ".", "a " + "!" * 650])
def test_texts_hold_their_words_where_they_begin(texts):
    for text, words in zip(texts, words_of_each(texts, tokenise_texts(texts)), strict=True):
        end = 0
        for word, start in words:
            assert text[start : start + len(word)] == word
            assert not text[end:start].strip()
            end = start + len(word)
        assert not text[end:].strip()


def test_given_tokens_are_kept_and_end_sentences_with_full_stops():
    given_tokens = [GivenTokens.of_list(["I", "'m", "14-year", "old.", "St.", "really", "?!", "(yes)", "!x"])]
    tokenised = tokenise_texts([*given_tokens, "I'm 14-year old.", GivenTokens.of_text(" can't\tdo  it . now")])
    assert as_sentences(tokenised) == [
        [["I", "'m", "14-year", "old."], ["St."], ["really", "?!"], ["(yes)", "!x"]],
        [["I", "'m", "14", "-", "year", "old", "."]],
        [["can't", "do", "it", "."], ["now"]],
    ]
    texts = ["I 'm 14-year old. St. really ?! (yes) !x", "I'm 14-year old.", " can't\tdo  it . now"]
    for text, words in zip(texts, words_of_each(texts, tokenised), strict=True):
        assert all(text[start : start + len(word)] == word for word, start in words)


def test_types_are_in_order_of_first_sight():
    assert tokenise_texts(["b a b", "c a"]).types == ["b", "a", "c"]


def test_result_does_not_depend_on_workers_and_chunks():
    texts = random_texts(200)
    expected = as_sentences(tokenise_texts(texts))
    for workers, characters in ((None, 1), (1, 700), (2, 700)):
        parts = map_chunks(tokenise_texts, in_chunks(iter(texts), characters), workers)
        assert [document for part in parts for document in as_sentences(part)] == expected


@given(st.lists(st.text(max_size=5)), st.integers(1, 12))
def test_chunks_are_the_texts_and_just_large_enough(texts, characters):
    chunks = list(in_chunks(iter(texts), characters))
    assert [text for chunk in chunks for text in chunk] == texts
    for chunk in chunks[:-1]:
        assert len("".join(chunk)) >= characters > len("".join(chunk[:-1]))


@pytest.mark.slow
def test_only_a_few_chunks_are_held():
    taken = 0

    def chunks():
        nonlocal taken
        for taken in range(1, 201):
            yield [str(taken)]

    for done, part in enumerate(map_chunks(tokenise_texts, chunks(), workers=2), start=1):
        assert part.types == [str(done)]
        assert taken - done < 20


@given(st.lists(st.text(min_size=1).filter(lambda text: not text.isspace()), min_size=1, max_size=4))
def test_every_text_that_is_not_blank_has_words(texts):
    tokenised = tokenise_texts(texts)
    assert tokenised.sentences_per_document.min() > 0
    assert tokenised.sentence_lengths.min() > 0
    written = ["".join(map("".join, document)) for document in as_sentences(tokenised)]
    assert written == ["".join(text.split()) for text in texts]
    assert not any(character.isspace() for word in tokenised.types for character in word)


def test_long_runs_of_punctuation_take_no_time():
    draw = random.Random(0)
    began = time.process_time()
    tokenise_texts(["!" * 100_000, "".join(draw.choices("!?()'\".;:-", k=50_000))])
    assert time.process_time() - began < 20


def test_documents_over_spacys_limit_for_parsers():
    assert tokenise_texts(["x" * 1_000_000]).words.shape == (3334,)


@pytest.mark.slow
def test_a_script_without_main_guard_may_use_processes(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from attnprobe.data.tokens.tokenisation import map_chunks\n"
        "from attnprobe.data.tokens.tokeniser import tokenise_texts\n"
        "print(sum(len(part.words) for part in map_chunks(tokenise_texts, [['one two']] * 10, workers=2)))\n"
    )
    for arguments, stdin in (([str(script)], None), (["-"], script.read_text())):
        done = subprocess.run(
            [sys.executable, *arguments], input=stdin, capture_output=True, text=True, check=False, env=None
        )
        assert (done.stdout, done.stderr) == ("20\n", "")
