"""Prompts are read from what programs and files have, and positions in them are found by name."""

from typing import Any

import pandas as pd
import pytest

from attnprobe.base.errors import InputError
from attnprobe.data.named_positions import check_names, named_places
from attnprobe.data.prompts import Prompts

ROWS: list[dict[str, Any]] = [
    {"prompt": "The cat saw the cat.", "subject": "cat", "at": [0, 3]},
    {"prompt": "A dog", "subject": "dog"},
]


def test_prompts_are_the_same_however_they_are_given(tmp_path):
    import json

    json_lines, table, lines = tmp_path / "p.jsonl", tmp_path / "p.csv", tmp_path / "p.txt"
    json_lines.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    table.write_text('prompt,subject\n"The cat saw the cat.",cat\nA dog,dog\n')
    lines.write_text("The cat saw the cat.\nA dog\n")
    columns: dict[str, list[Any]] = {"subject": ["cat", "dog"], "at": [[0, 3], None]}
    whole = Prompts([row["prompt"] for row in ROWS], columns)
    assert Prompts.of(ROWS) == Prompts.read(json_lines) == whole
    assert Prompts.read(table) == Prompts(whole.texts, {"subject": columns["subject"]})
    assert Prompts.read(lines) == Prompts.of(whole.texts) == Prompts(whole.texts)
    frame = pd.DataFrame({"text": whole.texts, "subject": columns["subject"]})
    assert Prompts.of(frame) == Prompts.of(frame.to_dict("list")) == Prompts.read(table)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("a prompt", "one string"),
        ([], "no prompts"),
        (7, "int"),
        ([{"words": "a"}], r"Prompt 0: there is no 'prompt' or 'text' among 'words'"),
        (["a", {"prompt": " "}], "Prompt 1: its prompt is no text, or blank"),
        (["a", 3], "Prompt 1 is no string and no table, but int"),
        ({"prompt": ["a"], "subject": []}, "different lengths"),
        ({}, "no prompts"),
        ({"prompt": "a prompt", "subject": "prompt"}, "'prompt' of the prompts is str.* stands in a list"),
        ({"prompt": ["a"], "subject": 3}, "'subject' of the prompts is int"),
        (["a", "b\ud800"], "Prompt 1: its prompt holds half of a surrogate pair"),
    ],
)
def test_what_is_no_prompt_is_refused_by_its_number(given, sentence):
    with pytest.raises(InputError, match=sentence):
        Prompts.of(given)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("p.jsonl", '{"prompt": "a"}\n{"prompt"', "row 2: not valid JSON"),
        ("p.jsonl", '{"prompt": "a"}\n[1]\n', "row 2 is no string and no table"),
        ("p.csv", "prompt,subject\na\n", "row 2: the number of fields is 1, but the header names 2"),
        ("p.parquet", "", "end in '.jsonl', '.csv', '.txt'"),
        ("p.txt", "", "p.txt: there are no prompts"),
        ("p.csv", "prompt,subject,subject\na,b,c\n", "row 1: the header has the column 'subject' twice"),
        ("p.jsonl", '{"prompt": "a", "prompt": "b"}\n', "row 1: the key 'prompt' is there twice"),
        ("p.jsonl", '{"prompt": "a"}\n{"prompt": "b\\ud800"}\n', "row 2: its prompt holds half of a surrogate pair"),
    ],
)
def test_a_file_of_prompts_is_refused_by_its_row(tmp_path, name, content, sentence):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=sentence):
        Prompts.read(tmp_path / name)


def stretches(name, *rows):
    prompts = Prompts.of(list(rows))
    found = named_places(name, prompts).stretches
    return [[text[start:end] for start, end in of] for text, of in zip(prompts.texts, found, strict=True)], found


def test_words_are_found_whole_first_last_and_everywhere():
    text = "cat concatenate cat, cats (cat)"
    assert stretches("first:cat", text)[1] == [[(0, 3)]]
    assert stretches("last:cat", text)[1] == [[(27, 30)]]
    assert stretches("every:cat", text)[1] == [[(0, 3), (16, 19), (27, 30)]]
    assert stretches("every:(cat)", text)[0] == [["(cat)"]]
    assert stretches("first:new york", "in new york now")[0] == [["new york"]]


def test_columns_and_characters_say_where():
    assert stretches("subject", *ROWS)[1] == [[(4, 7)], [(2, 5)]]
    assert stretches("chars:2-5", *ROWS)[0] == [["e c"], ["dog"]]
    spans = [{"prompt": "abcdef", "here": [[0, 2], [4, 5]]}, {"prompt": "xyz", "here": [1, 2]}]
    assert stretches("here", *spans)[0] == [["ab", "e"], ["y"]]
    assert stretches("last", {"prompt": "a column comes first", "last": "column"})[0] == [["column"]]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("subjct", "'subjct' names no position; .* Did you mean 'subject'"),
        ("first:", "names no position"),
        ("first:dog", "Prompt 0 does not hold the word 'dog'"),
        ("chars:3-9", r"Prompt 1: chars:3-9 is \[3, 9\], but it has 5 characters"),
        ("chars:9-3", r"\[9, 3\]"),
        ("chars:a", "no stretch of characters"),
        ("at", "Prompt 1 has None as its at"),
    ],
)
def test_a_name_that_is_nowhere_is_refused_with_the_prompt(name, sentence):
    with pytest.raises(InputError, match=sentence):
        named_places(name, Prompts.of(ROWS))


def test_a_cell_that_is_not_in_its_prompt_is_refused():
    for cell, sentence in (("owl", "does not hold its subject, 'owl'"), ([3], "as its subject"), ([2, 90], "90")):
        with pytest.raises(InputError, match=sentence):
            named_places("subject", Prompts.of([{"prompt": "A dog", "subject": cell}]))


def test_names_are_told_apart():
    given: list[tuple[list[Any], str]] = [([], "no positions"), (["a", "a"], "twice"), ([3], "a name is needed")]
    given += [(["a\udc80"], "half of a surrogate pair")]
    for names, sentence in given:
        with pytest.raises(InputError, match=sentence):
            check_names(names)


@pytest.mark.parametrize("name", [None, 3, ["subject"], " "])
def test_a_name_that_is_no_text_is_refused_as_such(name):
    with pytest.raises(InputError, match="a name is needed"):
        named_places(name, Prompts.of(ROWS))
