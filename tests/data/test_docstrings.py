import random
import sys
from collections import defaultdict

import numpy as np
import pytest

from attnprobe.data.docstrings import folder as docstrings
from attnprobe.data.docstrings.balanced_split import balanced_split
from attnprobe.data.docstrings.extraction import MASK, extract_docstrings, prose
from attnprobe.data.docstrings.folder import collect_docstrings, docstrings_folder
from attnprobe.data.docstrings.near_duplicates import without_near_duplicates
from attnprobe.data.docstrings.sources import STANDARD_LIBRARY, class_folders, class_versions, source_files
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.folder import read_splits, split_files
from attnprobe.data.tokens.tokeniser import tokenise_texts

DRAW = random.Random(0)
FILLER = "that reads enough of its input to be kept by a rule which asks for twenty words or more"


def sentence(words=30):
    return " ".join("".join(DRAW.choices("abcdefghij", k=6)) for _ in range(words))


def write_module(path, docstrings_):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f'def f{i}():\n    """{text}"""\n\n' for i, text in enumerate(docstrings_)))


@pytest.fixture
def packages(tmp_path):
    """Two packages of 30 modules with three docstrings each, and tests that are to be left out."""
    folders = {name: tmp_path / name for name in ("python", "numpy")}
    for name, folder in folders.items():
        for i in range(30):
            write_module(folder / f"sub{i % 3}" / f"m{i}.py", [f"Calls {name} once. {sentence()}" for _ in range(3)])
        write_module(folder / "tests" / "test_it.py", [f"left out {sentence()}"])
        write_module(folder / "site-packages" / "other.py", [f"left out {sentence()}"])
        (folder / "broken.py").write_text("def f(:")
        (folder / "latin.py").write_bytes(b'"""caf\xe9"""')
        (folder / "nul.py").write_bytes(b'"""\x00"""')
    return folders


def test_prose_has_no_examples_and_no_names():
    text = f"""Use NumPy arrays (np.array) with pytorch; {FILLER}.

    >>> 1 + secret
    42 answers

    And matplotlib_axes stay.
    """
    kept = prose(text)
    assert kept.startswith(f"Use {MASK} arrays ({MASK}.array) with {MASK}; that")
    assert kept.endswith("And matplotlib_axes stay.")
    assert "secret" not in kept
    assert "42" not in kept


@pytest.mark.parametrize(("words", "kept"), [(19, False), (20, True), (250, True), (251, False)])
def test_length_of_prose(words, kept):
    assert (prose("word " * words) is not None) == kept


def test_prose_that_does_not_serve():
    assert prose(f"NUL \0 here {FILLER}") is None
    assert prose(f"{FILLER}\n  >>> a\n b\n") is None


def test_the_mask_is_one_token():
    words = tokenise_texts([f"see {MASK}, ({MASK}) {MASK}'s"])
    assert [words.types[i] for i in words.words].count(MASK) == 3


def test_extraction(packages):
    found = extract_docstrings(source_files(packages))
    assert len(found) == 2 * 30 * 3
    assert {d.class_name for d in found} == {"python", "numpy"}
    assert all(d.text.startswith(f"Calls {MASK} once.") for d in found)
    assert found[0].module == "numpy/sub0/m0.py"


def test_classes_methods_and_modules_have_docstrings(tmp_path):
    (tmp_path / "m.py").write_text(
        f'"""Module {FILLER}."""\nclass A:\n    """Class {FILLER}."""\n'
        f'    async def f(self):\n        """\n        Method\n          {FILLER}.\n        """\n'
    )
    texts = [d.text for d in extract_docstrings(source_files({"python": tmp_path}))]
    assert texts == [f"{kind} {FILLER}." for kind in ("Module", "Class", "Method")]


def test_near_duplicates():
    words = [f"w{i}" for i in range(40)]
    first, half_new = " ".join(words), " ".join(words[:24] + [f"v{i}" for i in range(16)])
    quarter_old = " ".join(words[:16] + [f"u{i}" for i in range(24)])
    texts = [first, first.upper(), half_new, "short text", "short text", quarter_old, sentence()]
    assert without_near_duplicates(texts) == [0, 3, 4, 5, 6]
    assert without_near_duplicates([]) == []


def test_near_duplicates_as_by_sets():
    draw = random.Random(1)
    texts = [" ".join(draw.choices("ab", k=draw.randint(0, 60))) for _ in range(60)]
    seen, kept = set(), []
    for i, text in enumerate(texts):
        words = text.split()
        shingles = {tuple(words[j : j + 8]) for j in range(len(words) - 7)}
        if not shingles or len(shingles & seen) < len(shingles) / 2:
            kept.append(i)
            seen |= shingles
    assert without_near_duplicates(texts) == kept
    assert 5 < len(kept) < 60


def test_split_is_balanced_and_by_module():
    draw = random.Random(2)
    modules = [f"{name}/{draw.randrange(40)}" for name in "aaabbc" for _ in range(100)]
    classes = [module[0] for module in modules]
    split = balanced_split(classes, modules, {"train": 140, "dev": 20, "test": 40})
    assert split == balanced_split(classes, modules, {"train": 140, "dev": 20, "test": 40})
    count = {part: [sum(classes[i] == name for i in documents) for name in "abc"] for part, documents in split.items()}
    assert count["train"] == [140, 140, 70]
    np.testing.assert_allclose(count["dev"], [20, 20, 10], atol=2)
    np.testing.assert_allclose(count["test"], [40, 40, 20], atol=2)
    sides = defaultdict(set)
    for part, documents in split.items():
        for document in documents:
            sides[modules[document]].add(part)
    assert max(map(len, sides.values())) == 1


def test_large_modules_are_for_training():
    modules = ["large"] * 100 + [f"small {i}" for i in range(60)]
    split = balanced_split(["a"] * 160, modules, {"train": 80, "dev": 10, "test": 20})
    assert {name: len(documents) for name, documents in split.items()} == {"train": 80, "dev": 10, "test": 20}
    assert all(document >= 100 for name in ("dev", "test") for document in split[name])


def test_the_folder_is_made_once_and_read_as_any_other(packages, own_cache, monkeypatch):
    monkeypatch.setattr(docstrings, "class_folders", lambda: packages)
    monkeypatch.setattr(docstrings, "SIZES", {"train": 50, "dev": 9, "test": 18})
    folder = docstrings_folder()
    assert list(own_cache.iterdir()) == [folder]
    source = (folder / "SOURCE.md").read_text()
    assert "| numpy | 50 | 9 | 18 |" in source
    assert f"python {class_versions()['python']}" in source
    raw = read_splits(split_files(folder), WantedColumns())
    assert {name: len(documents) for name, documents in raw.items()} == {"train": 100, "dev": 18, "test": 36}
    monkeypatch.setattr(docstrings, "class_folders", None)
    assert docstrings_folder() == folder


def test_collection_does_not_depend_on_the_order_of_files(packages):
    files = source_files(packages)
    copy = packages["numpy"] / "copy.py"
    copy.write_bytes((packages["numpy"] / "sub0" / "m0.py").read_bytes())
    more = source_files(packages)
    assert len(more) == len(files) + 1
    assert len(collect_docstrings(more, 1)) == 180
    assert [d.text for d in collect_docstrings(more[::-1], 2)] == [d.text for d in collect_docstrings(more, 1)]


def test_packages_are_found_without_importing_them():
    before = set(sys.modules)
    folders = class_folders()
    assert (folders["torch"] / "__init__.py").is_file()
    assert set(class_versions()) == set(folders)
    assert not {"matplotlib", "scipy"} & (set(sys.modules) - before)


@pytest.mark.slow
def test_the_standard_library():
    files = source_files({STANDARD_LIBRARY: class_folders()[STANDARD_LIBRARY]})
    found = collect_docstrings(files, 2)
    assert len(found) > 1500
    assert all(20 <= len(d.text.split()) <= 250 for d in found)
    assert not any("python" in d.text.lower().split() for d in found)
    assert "python/json/decoder.py" in {d.module for d in found}
    assert not any(d.module.startswith("python/test/") for d in found)
