"""What a scan finds is what Python's parser finds, or it says that it cannot tell."""

import ast
import doctest
import inspect
import os
import py_compile
import random
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.data.docstrings import parsing
from attnprobe.data.docstrings.extraction import FEWEST_WORDS, MASK, MOST_WORDS, NAMES, extract_docstrings, prose
from attnprobe.data.docstrings.parsing import parsed_docstrings
from attnprobe.data.docstrings.scanning import CannotTell, scanned_docstrings
from attnprobe.data.docstrings.sources import class_folders, source_files
from tests.fixtures.python_sources import python_source

LONG = "that reads enough of its input to be kept by a rule which asks for twenty words or more, and then some"
DEFINITION = f"def f():\n    '''Of f {LONG}'''\n".encode()
OF_DEFINITION = f"Of f {LONG}"


def by_walking(content):
    """Docstrings of all nodes of the tree, in no order; None where there is no tree."""
    try:
        with warnings.catch_warnings(action="ignore"):
            nodes = list(ast.walk(ast.parse(content)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [ast.get_docstring(node) for node in nodes if isinstance(node, kinds)]
    return [docstring for docstring in found if docstring is not None]


def extracted(folder, content):
    """From a file that holds this."""
    (folder / "m.py").write_bytes(content)
    return [docstring.text for docstring in extract_docstrings(source_files({"python": folder}))]


@given(st.integers(0, 2**32))
def test_a_scan_finds_what_the_parser_finds(seed):
    draw = random.Random(seed)
    decided = 0
    for _ in range(40):
        source = python_source(draw)
        expected = by_walking(source)
        parsed = parsed_docstrings(source.encode())
        assert sorted(map(inspect.cleandoc, parsed)) == sorted(expected or [])
        try:
            scanned = scanned_docstrings(source)
        except CannotTell:
            continue
        if expected is not None:
            decided += 1
            assert scanned == parsed, source
    assert decided > 3


@pytest.mark.parametrize(
    "source",
    [
        "",
        '"""Module."""',
        "# comment '\n\n\f\n'Module.' # comment",
        "class A:\n  '''Class'''\n  async def f(self): 'Method'; return",
        "if x:\n  try: pass\n  except E:\n    def f(a=(1, [')'], {2: ']'})): # c: '\n\n      # '''\n      r'''\\d'''",
        "x = '''\ndef f():\n  'no docstring'\n'''\ny = 'def g(): \\\n def h(): 1'\ndef f(): '\\tyes\\x41'",
        "def f(): b'bytes'\ndef g(): f'{x}'\ndef h(): 'a' % b\ndef i(): 'a'.b\ndef j(): 'a', 'b'",
        "def f(a: 'str' = \"'\") -> {'a:': 1}['b']: 'yes'",
        "x = f'{a[\"b\"]:>{w}} {{' \"it's\"\ndef f(): U'yes'",
        "definition = classes = 1\nasync_ = [\n  a async for a in b]\nclass A: x: 'no docstring'",
    ],
)
def test_what_is_usual_is_scanned(source):
    assert scanned_docstrings(source) == parsed_docstrings(source.encode())


@pytest.mark.parametrize(
    "body",
    ["('Of f ' {})", "'Of f ' {}", "(# c\n ('''Of f ''' {}))", "\\\n  'Of f ' {}", "'Of f ' \\\n  {}", "'Of f '{}"],
)
def test_docstrings_in_parentheses_and_of_several_pieces(tmp_path, body):
    source = f"def f():\n  {body.format(repr(LONG))}\n"
    with pytest.raises(CannotTell):
        scanned_docstrings(source)
    assert extracted(tmp_path, source.encode()) == [OF_DEFINITION]


@pytest.mark.parametrize(
    "content",
    [
        DEFINITION,
        DEFINITION.replace(b"\n", b"\r\n"),
        DEFINITION.replace(b"\n", b"\r"),
        b"\xef\xbb\xbf" + DEFINITION,
        b"# coding: utf-8\n" + DEFINITION,
        b"#!python\n# coding: latin-1\n#\xe9\n" + DEFINITION,
        b"# coding: nonsense\n" + DEFINITION,
        DEFINITION + b"'\xe9'",
        DEFINITION + b"#\xe9",
        DEFINITION + b"\0",
        DEFINITION + b"(",
        DEFINITION + b"x = 1 +\n",
        DEFINITION + b" return\n",
        DEFINITION + b"'''",
        DEFINITION + b"nonlocal x\nreturn\n",  # refused only after parsing
        DEFINITION + b"x = " + b"(" * 150 + b")" * 150,
        DEFINITION + b"x = " + b"(" * 250 + b")" * 250,
        DEFINITION + b"x = " + b"-" * 100_000 + b"1",
        DEFINITION + b"x = 1" + b" + 1" * 100_000,
    ],
)
def test_files_that_python_cannot_parse_have_none(tmp_path, content):
    assert extracted(tmp_path, content) == ([] if by_walking(content) is None else [OF_DEFINITION])


def test_encodings_are_those_that_the_file_declares(tmp_path):
    text = "Caf\xe9 " + LONG
    for encoding in ("latin-1", "utf-8", "cp1252"):
        content = f"# -*- coding: {encoding} -*-\n'''{text}'''\n".encode(encoding)
        assert extracted(tmp_path, content) == [text]


def test_a_compiled_file_is_not_parsed_again_until_it_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(parsing, "_can_be_parsed", lambda source: False)
    module = tmp_path / "m.py"
    assert extracted(tmp_path, DEFINITION) == []
    py_compile.compile(str(module), doraise=True)
    assert [docstring.text for docstring in extract_docstrings(source_files({"python": tmp_path}))] == [OF_DEFINITION]
    os.utime(module, (1, 1))
    assert extract_docstrings(source_files({"python": tmp_path})) == []
    py_compile.compile(str(module), doraise=True)
    assert len(extract_docstrings(source_files({"python": tmp_path}))) == 1
    assert extracted(tmp_path, DEFINITION + b"#") == []


def prose_of_whole(docstring):
    """``prose`` without its shortcuts: indentation is removed of every docstring, and names are masked in the whole."""
    docstring = inspect.cleandoc(docstring)
    if ">>>" in docstring:
        try:
            pieces = doctest.DocTestParser().parse(docstring)
        except ValueError:
            return None
        docstring = " ".join(piece for piece in pieces if isinstance(piece, str))
    words = NAMES.sub(MASK, docstring).split()
    text = " ".join(words)
    return text if FEWEST_WORDS <= len(words) <= MOST_WORDS and text.isprintable() else None


@given(st.integers(0, 2**32))
def test_prose_is_that_of_the_whole(seed):
    draw = random.Random(seed)
    pieces = [
        "word",
        "NumPy",
        "np.x",
        "(sp)",
        "python3",
        "\u017fcipy",
        "pd\u00a0",
        " ",
        "\n",
        "\n    ",
        "\t",
        "\x1f",
        "\u2028",
    ]
    pieces += ["\n    >>> f(x)\n    1\n", "\n  >>> g\n\n", ">>>", "\0", "\ud800"]
    for _ in range(20):
        docstring = " ".join(draw.choices(pieces, weights=[8] * 11 + [1] * 7, k=draw.randint(15, 60)))
        assert prose(docstring) == prose_of_whole(docstring)


@pytest.mark.slow
def test_installed_packages_are_scanned_as_parsed():
    decided = undecided = 0
    for file in source_files(class_folders()):
        content = file.path.read_bytes()
        expected = by_walking(content)
        texts = [docstring.text for docstring in extract_docstrings([file])]
        assert sorted(texts) == sorted(text for docstring in expected or [] if (text := prose_of_whole(docstring)))
        try:
            scanned_docstrings(content.decode())
            decided += 1
        except (CannotTell, UnicodeDecodeError):
            undecided += 1
    assert decided > 50 * undecided
