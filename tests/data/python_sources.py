"""Texts that are Python, or nearly, made of what may be mistaken for a docstring or hide one."""

import random

# An underscore stands for a string.
DEFINITIONS = ["def f():", "async def f():", "class A:", "def f(a=_) -> x[_]:", "def f() -> _:", "class A(_):"]
DEFINITIONS += ["def  f ( ) :", "def f(a, b=(1, [2]), *c: {1: 'x:'}) -> x['a']:", "def f(a, # ): \n b) -> None:"]
DEFINITIONS += ["def f(a=lambda: 0) -> lambda: 3:", "class A(B, metaclass=lambda: 0):", "class A[T]:"]
DEFINITIONS += ["async \\\n def f():", "def\\\n f():", "def f(a,\n  b): # _:\n", "class\tA\f:"]
HEADERS = [*DEFINITIONS, *DEFINITIONS, "if x:", "while _:", "for x in _:", "if not_:"]
AFTER_HEADERS = ["\n", "\n", "\n", '  # c "\n', "\n\n", "\n   \n", "\n # x\n", "\n\f\n", "\\\n"]
BODIES_BESIDE_HEADERS = [" _\n", " _; x\n", " pass\n", " (_)\n", " _ _\n"]
STATEMENTS = ["_", "_;", "_; x", "_ # c", "_, ", "_ _", "__", "_ \\\n_", "\\\n_", "(_)", "(\n_\n)", "(# c\n_)", "(__)"]
STATEMENTS += ["_.strip()", "_ % x", "_ if x else y", "x = _", "x: _", "f(_, [\n_])", "not_", "assert_", "classes = _"]
STATEMENTS += ["pass", "x", "return", "# def f():", "define = 1", "x = \\\n  y", "x = [\n a async for\n a in b]"]
SIMPLE_STRINGS = ['"""Of it."""', "r'Of it.'", '"Of\\tit."', "'''Of: # {it}\n'''", "''"]
PREFIXES = ["", "", "", "r", "u", "b", "f", "f", "rf", "R", "Fr", "bR"]
INSIDE_STRINGS = ["a", "b ", "'", '"', "\\", "\\n", "\\\n", "\n", "#", ":", "\\N{DASH}", '"""x"""', "\n def g(): 'q'\n"]
INSIDE_STRINGS += ["{", "}", "{{", "}}", "{a}", '{a["b"]}', "{a['b']}", "{a:>{b}}", "{a!r}", "{a:#x}", '{"}"}', "{'{'}"]
MISPLACED = [
    '"',
    "'",
    '"""',
    "f",
    "\\",
    "{",
    "}",
    "#",
    "(",
    ")",
    "[",
    "\n",
    "\n    ",
    ":",
    ";",
    "\f",
    "def g",
    '"doc"',
    "é",
]


def python_source(draw: random.Random) -> str:
    """A few statements, now and then with something where it does not belong."""
    text = "".join(_statement(draw, 0) for _ in range(draw.randint(1, 4)))
    if draw.random() < 0.1:
        place = draw.randint(0, len(text))
        text = text[:place] + draw.choice(MISPLACED) + text[place:]
    return text if draw.random() < 0.9 else text.rstrip("\n")


def _statement(draw: random.Random, depth: int) -> str:
    indent = "    " * depth
    if depth == 4 or draw.random() < 0.6:
        form = "_" if draw.random() < 0.4 else draw.choice(STATEMENTS)
        return f"{indent}{_filled(draw, form)}\n"
    header = indent + _filled(draw, draw.choice(HEADERS))
    if draw.random() < 0.2:
        return header + _filled(draw, draw.choice(BODIES_BESIDE_HEADERS))
    body = "".join(_statement(draw, depth + 1) for _ in range(draw.randint(1, 3)))
    return header + draw.choice(AFTER_HEADERS) + body


def _filled(draw: random.Random, form: str) -> str:
    """The form with a string for each underscore."""
    first, *others = form.split("_")
    return first + "".join(_string(draw) + other for other in others)


def _string(draw: random.Random) -> str:
    if draw.random() < 0.6:
        return draw.choice(SIMPLE_STRINGS)
    quotes = draw.choice(['"', "'", '"""', "'''"])
    return draw.choice(PREFIXES) + quotes + "".join(draw.choices(INSIDE_STRINGS, k=draw.randint(0, 3))) + quotes
