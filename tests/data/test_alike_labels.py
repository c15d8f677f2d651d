import itertools
import re
import unicodedata
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from attnprobe.data.alike_labels import MOST_SAID, alike_labels
from tests.fixtures.commands import attnprobe, write_splits

WAYS = {
    "blanks before": lambda label: "  " + label,
    "a no-break space behind": lambda label: label + "\u00a0",
    "several blanks": lambda label: label.replace(" ", "\t  "),
    "upper case": str.upper,
    "lower case": str.lower,
    "folded case": str.casefold,
    "decomposed": lambda label: unicodedata.normalize("NFD", label),
    "compatible": lambda label: unicodedata.normalize("NFKC", label),
    "wide": lambda label: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in label),
    "no width": lambda label: label + "\u200b",
}
NUMBERS = {
    "zeros before": lambda number: re.sub(r"\d", r"00\g<0>", number, count=1),
    "zeros behind": lambda number: number + ("0" if "." in number else ".0"),
    "a point behind": lambda number: number if "." in number else number + ".",
    "signed": lambda number: number if number[0] in "+-" else "+" + number,
    "an exponent": lambda number: number + "e0",
}


def same(first, second):
    """By steps that are applied one after another until nothing changes, and numbers as fractions."""
    forms = []
    for text in (first, second):
        before = None
        while text != before:
            before = text
            text = unicodedata.normalize("NFKC", text).casefold()
            text = re.sub(r"\s+", " ", "".join(c for c in text if unicodedata.category(c) != "Cf")).strip()
        is_number = text.isascii() and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?", text)
        forms.append(Fraction(text) if is_number else text)
    return forms[0] == forms[1]


LABELS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")) | st.sampled_from("aAßẞſKkİıéÉﬁΣςσ１1² \u00a0\u200b"),
    max_size=6,
)


@given(LABELS, LABELS)
def test_labels_are_said_exactly_where_they_are_alike(first, second):
    if first == second:
        return
    assert alike_labels([first, second]) == ([[first, second]] if same(first, second) else [])


@given(st.text(st.sampled_from("Good byeÉﬁß"), min_size=1).filter(str.strip), st.sampled_from(sorted(WAYS)))
def test_every_way_of_writing_a_label_is_said(label, way):
    other = WAYS[way](label)
    if other != label:
        assert alike_labels(["x1", label, "x2", other]) == [[label, other]]


@given(st.from_regex(r"[+-]?[0-9]{1,30}(\.[0-9]{1,3})?", fullmatch=True), st.sampled_from(sorted(NUMBERS)))
def test_every_form_of_a_number_is_said(number, form):
    other = NUMBERS[form](number)
    if other != number:
        assert alike_labels([number, other]) == [[number, other]]


def test_labels_that_are_others_are_not_said():
    others = [
        "1",
        "10",
        "1.5",
        "-1",
        "1e99",
        "one",
        "good",
        "goods",
        "go od",
        "nan",
        "NaN1",
        "inf",
        "0x1",
        "1_0",
        "1 0",
    ]
    assert alike_labels(others) == []
    for first, second in itertools.combinations(others, 2):
        assert not same(first, second)
    assert alike_labels([str(10**40), str(10**40 + 1)]) == []


def test_commands_that_load_the_data_say_it_and_go_on(tmp_path):
    labels = ["good", "Good", "bad"]
    rows = [(label, f"a text of {label} number {number}") for number in range(4) for label in labels]
    write_splits(tmp_path / "films", train=rows, dev=rows[:3], test=rows[:2])
    said = "films: the labels 'Good' (6 documents), 'good' (6 documents) differ only by blanks, case, "
    status, out, errors = attnprobe("describe", "films", cwd=tmp_path)
    assert status == 0, errors
    assert out.startswith(said)
    train = ("train", "--dataset", "films", "--model", "flan-none", "--epochs", "1")
    status, out, errors = attnprobe(*train, cwd=tmp_path)
    assert status == 0, errors
    assert out.count("differ only by") == 1
    assert said in out
    write_splits(tmp_path / "films", train=[*rows, ("BAD", "more")], dev=rows[:3], test=rows[:2])
    status, out, errors = attnprobe("describe", "films", cwd=tmp_path)
    assert out.count("differ only by") == 2
    assert "'BAD' (1 document)" in out
    many = [(f"{number}{'.0' * form}", "a text") for number in range(9) for form in (0, 1)] * 2
    write_splits(tmp_path / "many", train=many, dev=many[:3], test=many[:2])
    status, out, errors = attnprobe("describe", "many", cwd=tmp_path)
    assert out.count("differ only by") == MOST_SAID
    assert f"there are {9 - MOST_SAID} more such groups" in out
