"""Words that a function of another package finds in texts without spaces: the texts stay, and nobody's file runs it."""

import importlib
import json
import pickle
import sys

import pytest

import attnprobe
from attnprobe.base.errors import InputError
from attnprobe.cli import main
from attnprobe.data.datasets import load_dataset
from attnprobe.data.tokens import segmenters
from attnprobe.data.tokens.given_tokens import SegmentedText
from attnprobe.data.tokens.segmenters import SEGMENTER_VARIABLE, Segmenter, name_segmenter
from attnprobe.data.unspaced_scripts import unspaced_in_words
from attnprobe.settings.data import DataLimits
from attnprobe.settings.unfit import SettingError
from tests.fixtures.dataset_folders import write_folder

WORDS = ["映画", "は", "とても", "面白い", "退屈だ", "。", "「", "」", "もう見ない", "また見たい"]
GOOD = "映画は 　とても面白い。「また見たい。」映画は面白い"
BAD = " 映画は\nとても退屈だ。もう見ない"
SEGMENTED = ["映画", "は", "とても", "面白い", "。", "「", "また見たい", "。", "」", "映画", "は", "面白い"]

CODE = f"""
import pathlib, re

pathlib.Path(__file__).with_name("imported").touch()
PATTERN = re.compile("|".join({WORDS!r}) + r"|\\s+")
NUMBER = 3


def words(text):
    return PATTERN.findall(text)


def spans(text):
    return (found.span() for found in PATTERN.finditer(text))


def one_string(text):
    return text


def other(text):
    return ["映画", "雨"]


def backwards(text):
    return [(2, 3), (0, 1)]


def numbers(text):
    return [1, 2]


def nothing(text):
    return [" "]


def failing(text):
    raise KeyError("no dictionary")
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of the user's own, ``nihongo``, that no other test has imported, named or found the words of."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "nihongo.py").write_text(CODE, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "nihongo", raising=False)
    monkeypatch.setattr(segmenters, "_named", set())
    monkeypatch.setattr(segmenters, "_imported", {})
    monkeypatch.delenv(SEGMENTER_VARIABLE, raising=False)
    monkeypatch.setenv("ATTNPROBE_CACHE", str(tmp_path / "cache"))
    yield folder / "nihongo.py"
    sys.modules.pop("nihongo", None)


@pytest.fixture
def films(tmp_path):
    rows = [("good", GOOD), ("bad", BAD)] * 8
    return write_folder(tmp_path / "films", "jsonl", train=rows, dev=rows, test=rows[:4])


def test_words_are_those_of_the_function_and_the_text_stays(module, films):
    name_segmenter("nihongo:words")
    name_segmenter("nihongo:spans")
    dataset = load_dataset(str(films), segmenter="nihongo:words")
    sys.modules.pop("nihongo")
    assert pickle.loads(pickle.dumps(dataset)).segmenter == dataset.segmenter
    assert "nihongo" not in sys.modules, "a worker, to which the data go, has no need of the function"
    documents = dataset.splits["test"].documents()
    assert documents.texts[:2] == [GOOD, BAD]
    assert documents.words_of(0) == SEGMENTED
    for row, text in enumerate(documents.texts):
        pieces = zip(documents.between_words(row), documents.words_of(row), strict=True)
        assert "".join(before + word for before, word in pieces) == text
    assert documents.sentences_of(0) == ["映画は 　とても面白い。", "「また見たい。」", "映画は面白い"]
    assert unspaced_in_words(load_dataset(str(films)), "films")
    assert not unspaced_in_words(dataset, "films")
    by_spans = load_dataset(str(films), segmenter="nihongo:spans")
    assert by_spans.splits["test"].documents().words_of(0) == SEGMENTED
    plain = load_dataset(str(films))
    assert len({dataset.fingerprint, by_spans.fingerprint, plain.fingerprint}) == 3
    assert dataset.fingerprint == load_dataset(str(films), segmenter="nihongo:words").fingerprint


def test_another_version_is_another_dataset(module, films):
    name_segmenter("nihongo:words")
    before = load_dataset(str(films), segmenter="nihongo:words")
    module.write_text(CODE + "\n# changed\n", encoding="utf-8")
    with pytest.raises(InputError, match="another one than this process has imported: start it anew"):
        load_dataset(str(films), segmenter="nihongo:words")
    segmenters._imported.clear()
    after = load_dataset(str(films), segmenter="nihongo:words")
    assert before.segmenter != after.segmenter
    assert before.fingerprint != after.fingerprint
    assert str(Segmenter.found("numpy:array")) == f"numpy:array of numpy {sys.modules['numpy'].__version__}"


def test_a_word_ends_with_its_line_and_blanks_are_none():
    assert SegmentedText.of_spans(" a b\n c", [(0, 7)]) == (" a b\n c", ["a b", "c"], [1, 6])


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("one_string", r"gives str, where words are needed"),
        ("other", r"gives as word 1 '雨', not in the text from character 2 on"),
        ("backwards", r"gives as word 1 characters 0 to 1, which are not in order within 3 to \d+"),
        ("numbers", r"gives as word 0 int, where a text or its \(start, end\)"),
        ("nothing", r"gives no word of the text"),
        ("failing", r"fails \(KeyError: 'no dictionary'\)"),
        ("missing", r"is no function: nihongo has no missing"),
        ("NUMBER", r"is no function: nihongo has another NUMBER"),
    ],
)
def test_what_is_no_words_is_one_sentence_with_its_place(module, films, function, sentence):
    name_segmenter(f"nihongo:{function}")
    place = rf"train\.jsonl, row \d, column 'text': the segmenter nihongo:{function} "
    with pytest.raises(InputError, match=place + sentence):
        load_dataset(str(films), segmenter=f"nihongo:{function}")


def test_lists_of_tokens_are_segmented_already(module, tmp_path):
    rows = [("a", ["雨", "だ"]), ("b", ["風", "だ"])] * 3
    name_segmenter("nihongo:words")
    with pytest.raises(InputError, match=r"row 1, column 'text': the text is a list of tokens, which leaves nothing"):
        load_dataset(
            str(write_folder(tmp_path / "lists", "jsonl", train=rows, dev=rows, test=rows)), segmenter="nihongo:words"
        )


@pytest.mark.parametrize("name", ["jieba", "jieba:", ":lcut", "a:b()", "a b:c", "jieba:lcut:x", "a" * 300 + ":b"])
def test_a_name_is_that_of_a_function_of_a_package(name):
    with pytest.raises(SettingError, match="must name a function of a package"):
        DataLimits(segmenter=name)


def test_it_is_refused_beside_given_tokens_and_for_models_with_a_tokenizer(tmp_path, capsys):
    with pytest.raises(SettingError, match="whose words are to be found"):
        DataLimits(segmenter="jieba:lcut", given_tokens=True)
    assert main(["run", "--dataset", "d", "--model", "hf:x", "--segmenter", "jieba:lcut", "--out", str(tmp_path)]) == 2
    assert "--segmenter is for models that are trained here from words" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_is_gone_on_with_and_nobody_elses_file_runs_the_function(module, films, tmp_path, monkeypatch, capfd):
    flags = ["--model", "flan-none", "--epochs", "1", "--out", str(tmp_path / "runs"), "--segmenter", "nihongo:words"]
    assert main(["train", "--dataset", str(films), *flags]) == 0
    folder = tmp_path / "runs" / "films" / "flan-none" / "seed-0"
    config = json.loads((folder / "config.json").read_text())
    assert config["segmenter"] == {"name": "nihongo:words", **Segmenter.found("nihongo:words").origin._asdict()}
    (module.parent / "imported").unlink()
    monkeypatch.delitem(sys.modules, "nihongo")
    segmenters._named.clear()  # as in a process of somebody else
    assert main(["probe", str(folder), "--workers", "1"]) == 0, "what was segmented is at hand"
    items = attnprobe.load_run(folder).items(["document", "before", "token"])
    first = items[items["document"] == 0]
    assert first["token"].tolist() == SEGMENTED
    assert "".join(first["before"].astype(str) + first["token"].astype(str)) == GOOD
    assert main(["verify", str(folder)]) == 0
    monkeypatch.setenv("ATTNPROBE_CACHE", str(tmp_path / "elsewhere"))
    capfd.readouterr()
    assert main(["show", str(folder), "0"]) == 0
    assert main(["report", str(folder)]) == 0
    for command, status in (("probe", 2), ("verify", 1)):
        assert main([command, str(folder)]) == status
        assert f"name it in the environment, {SEGMENTER_VARIABLE}=nihongo:words" in "".join(capfd.readouterr())
    (tmp_path / "e.toml").write_text(
        f'dataset = "{films}"\nmodel = "flan-none"\n[data]\nsegmenter = "nihongo:words"\n', encoding="utf-8"
    )
    train = ["train", "--experiment", str(tmp_path / "e.toml"), "--out", str(tmp_path / "others")]
    assert main(train) == 2
    assert not (module.parent / "imported").exists(), "it was not imported"
    monkeypatch.setenv(SEGMENTER_VARIABLE, "jieba:lcut, nihongo:words")
    assert main(["verify", str(folder)]) == 0
    assert (module.parent / "imported").exists()
    module.write_text(CODE + "\n# changed\n", encoding="utf-8")
    capfd.readouterr()
    assert main(["probe", str(folder)]) == 2
    assert "config.json: the words were found by nihongo:words of nihongo sha256 " in capfd.readouterr().err
    module.unlink()
    monkeypatch.delitem(sys.modules, "nihongo")
    importlib.invalidate_caches()
    assert main(["probe", str(folder)]) == 2
    assert "nihongo:words cannot be had: no package nihongo is installed here" in capfd.readouterr().err
