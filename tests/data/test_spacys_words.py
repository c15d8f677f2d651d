"""Words and sentences are those of spaCy's pipeline, run on every text as a whole."""

import itertools
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from attnprobe.data.tokens import chunk_memory, tokeniser
from attnprobe.data.tokens.chunk_memory import ChunkMemory
from attnprobe.data.tokens.tokeniser import tokenise_texts

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
UNBROKEN_RUN = re.compile(r"\S{300}(?=\S)")


@lru_cache(maxsize=1)
def pipeline():
    import spacy

    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    pipeline.max_length = sys.maxsize
    return pipeline


def by_spacy(text):
    """[(word, where it begins), …] of each sentence; a run without whitespace is cut after every 300 characters."""
    cuts = [match.end() + number for number, match in enumerate(UNBROKEN_RUN.finditer(text))]
    sentences = [
        [(token.text, token.idx - sum(cut < token.idx for cut in cuts)) for token in sentence if not token.is_space]
        for sentence in pipeline()(UNBROKEN_RUN.sub(r"\g<0> ", text)).sents
    ]
    return [sentence for sentence in sentences if sentence]


def by_attnprobe(texts):
    """As by_spacy, of each text."""
    tokenised = tokenise_texts(texts)
    words = zip([tokenised.types[word] for word in tokenised.words], tokenised.word_starts.tolist(), strict=True)
    sentences = iter([list(itertools.islice(words, length)) for length in tokenised.sentence_lengths.tolist()])
    return [list(itertools.islice(sentences, number)) for number in tokenised.sentences_per_document.tolist()]


@lru_cache(maxsize=1)
def special_cases():
    """(the special cases, the tokens that spaCy finds them by)."""
    from spacy.tokenizer import Tokenizer
    from spacy.vocab import Vocab

    spacys = pipeline().tokenizer
    affixes = ("prefix_search", "suffix_search", "infix_finditer", "token_match", "url_match")
    plain = Tokenizer(Vocab(), rules={}, **{name: getattr(spacys, name) for name in affixes})
    found_by = [[token.text for token in plain(case)] for case in spacys.rules]
    return list(spacys.rules), sorted({token for tokens in found_by if len(tokens) > 1 for token in tokens})


TELLING = [
    *("word", "Word.", "it", "he", "U.S.", "Mr.", "don't", "A.B.", "end.", "a-b", "3-4", "2,000", "10km", "$5", "C++"),
    *("http://a.b/c?d=e", "www.x.co.uk", "x@y.org", "...", "…", "..", "“so”", "‘so’", "``", "''", "?!", "!", "؟", "。"),
    *("e\u0301", "a\u0300.", "東京。", "日本語", "🙂", "👩\u200d👧", "\0", "\x7f", "\u200b", "\ufeff"),
    *("x" * 299, "!" * 301),
]
WHITESPACE = [
    *("", " ", " ", " ", "  ", "\n", " \n", "\n ", "\t", "\r\n"),
    *("\xa0", " \xa0", "\x1c", "\x85", "\u2028", "\u3000"),
]


@st.composite
def adversarial_texts(draw):
    """Special cases and what they are found by, whole and in parts, beside what else spaCy has rules for."""
    cases, parts = special_cases()
    piece = st.sampled_from(cases) | st.sampled_from(parts) | st.sampled_from(TELLING) | st.text(max_size=3)
    pieces = draw(st.lists(st.tuples(piece, st.sampled_from(WHITESPACE)), max_size=12))
    return "".join(itertools.chain.from_iterable(pieces))


@given(st.lists(adversarial_texts(), max_size=3))
@example(["a \n=] 🙂 Somethin ''b", " ; ) ( : )-", "", " ", "it 's . ' S x ( - 8 )", '\n . \n "A.\n. b'])
@example(["x" * 700 + "é" * 700 + "\n\n" + "y" * 301 + ".", "a " + "!" * 650])
def test_adversarial_texts(texts):
    assert by_attnprobe(texts) == [by_spacy(text) for text in texts]


@pytest.mark.parametrize("every", [200, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the data sets beside the repository")
def test_shared_data(every):
    """In the suite one of two hundred texts."""
    for path in sorted(SHARED.glob("*/*.tsv")):
        texts = [row.split("\t", 1)[-1] for row in path.read_text(encoding="utf-8").split("\n")[:-1:every]]
        for start in range(0, len(texts), 1000):
            some = texts[start : start + 1000]
            assert by_attnprobe(some) == [by_spacy(text) for text in some]


@given(st.lists(st.from_regex(r"[A-Za-z]{1,6}[!-/:-@\[-`{-~]{0,2}[A-Za-z]{0,2}", fullmatch=True), max_size=30))
def test_chunks_of_letters_and_a_sign(chunks):
    assert by_attnprobe([" ".join(chunks)]) == [by_spacy(" ".join(chunks))]


def test_every_special_case_and_every_sign_after_it():
    cases, _ = special_cases()
    text = " x ".join(f"{case} x{case}, {case}. {case})" for case in cases)
    assert by_attnprobe([text]) == [by_spacy(text)]


def test_special_cases_across_whitespace_hide_those_that_they_overlap():
    """Two quotes are one word in ''b, but not where another one stands before them."""
    beside, alone = ([word for word, _ in text[0]] for text in by_attnprobe(["a ' ''b", "a ''b"]))
    assert (beside, alone) == (["a", "'", "'", "'", "b"], ["a", "''", "b"])


def test_memory_is_bounded_and_makes_no_difference(monkeypatch):
    monkeypatch.setattr(chunk_memory, "MOST_BYTES", 60_000)
    monkeypatch.setattr(tokeniser, "_memory", ChunkMemory())
    for first in range(0, 300, 50):
        text = " ".join(f"word{number}, don't" for number in range(first, first + 50))
        assert by_attnprobe([text]) == [by_spacy(text)]
        assert len(tokeniser._memory.words) < 200


def test_what_fails_halfway_is_forgotten(monkeypatch):
    monkeypatch.setattr(tokeniser, "_memory", ChunkMemory())
    with pytest.raises(UnicodeEncodeError):
        tokenise_texts(["some new-words and \ud800"])
    assert by_attnprobe(["some new-words"]) == [by_spacy("some new-words")]


def test_spacy_is_loaded_only_to_split():
    script = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from attnprobe.data.tokens.given_tokens import GivenTokens\n"
        "from attnprobe.data.tokens.tokeniser import tokenise_texts\n"
        "tokenise_texts([GivenTokens.of_list(['Some', 'words', '.'])])\n"
        "print('spacy' in sys.modules)\n"
        "tokenise_texts(['Some words.'])\n"
        "print('spacy' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
