"""Docstrings by looking at strings, comments and brackets alone: the right ones of every text that is Python.

A scan takes a small part of the parser's time, but cannot tell whether a text is Python. It does not guess: what is
rare (strings in the fields of f-strings, lines joined by a backslash, docstrings in parentheses or of several pieces)
it leaves to the parser.
"""

from __future__ import annotations

import ast
import re
import warnings

# Quantifiers are possessive: what cannot be read is given up at once, not tried in other ways.
_BLANK = r"[ \t\f]*+"
_COMMENT = r"#[^\n]*+"
_OTHER_QUOTE = {'"': "'", "'": '"'}


def _plain(quote: str) -> str:
    """A string in three of the quotes, or in one."""
    long = rf"{quote * 3}(?:[^{quote}\\]++|\\.|{quote}(?!{quote * 2}))*+{quote * 3}"
    return rf"{long}|{quote}(?!{quote * 2})(?:[^{quote}\\\n]++|\\.)*+{quote}"


def _formatted(quote: str) -> str:
    """An f-string with no quote of its own inside its fields: one ends the string before Python 3.12, and not since."""
    other = rf"{_OTHER_QUOTE[quote]}[^'\"\\{{}}\n]*+{_OTHER_QUOTE[quote]}"
    escapes = r"\\[^{}]|\{\{|\}\}"
    long_field = _field(rf"(?:[^'\"\\{{}}#]++|{other}|{quote}[^'\"\\{{}}\n]++{quote})*+")
    long = rf"{quote * 3}(?:[^{quote}\\{{}}]++|{quote}(?!{quote * 2})|{escapes}|{long_field})*+{quote * 3}"
    short_field = _field(rf"(?:[^'\"\\{{}}#\n]++|{other})*+")
    return rf"{long}|{quote}(?!{quote * 2})(?:[^{quote}\\{{}}\n]++|{escapes}|{short_field})*+{quote}"


def _field(inside: str) -> str:
    """It may have fields in its format."""
    return rf"\{{{inside}(?:\{{{inside}\}}{inside})*+\}}"


_STRING = (
    rf"(?:(?:(?<=[fFtT])|(?<=[fFtT][rR]))(?:{_formatted(chr(34))}|{_formatted(chr(39))})"
    rf"|(?<![fFtT])(?<![fFtT][rR])(?:{_plain(chr(34))}|{_plain(chr(39))}))"
)


def _bracketed(depth: int) -> str:
    """Brackets in brackets, so many deep."""
    inner = "" if depth == 1 else f"|{_bracketed(depth - 1)}"
    return rf"[(\[{{](?:[^()\[\]{{}}'\"#]++|{_STRING}|{_COMMENT}{inner})*+[)\]}}]"


_KEYWORD = rf"(?:async(?:[ \t\f]++def\b|{_BLANK}\\)|def\b|class\b)"
_UP_TO_DEFINITION = re.compile(rf"(?:[^'\"#\n]++|\n(?!{_BLANK}{_KEYWORD})|{_STRING}|{_COMMENT})*+", re.DOTALL)
_HEADER = re.compile(rf"\n{_BLANK}{_KEYWORD}(?:[^'\"#\\:()\[\]{{}}\n]++|{_STRING}|{_bracketed(6)})*+:", re.DOTALL)
_LAMBDA_RETURNED = re.compile(r"->.*\blambda\b", re.DOTALL)  # its colon is not the header's

_UP_TO_BODY = re.compile(rf"{_BLANK}(?:(?:{_COMMENT})?+\n{_BLANK})*+")
_STRING_FIRST = re.compile(rf"[rRuU]?+(?:{_plain(chr(34))}|{_plain(chr(39))})", re.DOTALL)
_ITS_END = re.compile(rf"{_BLANK}(?:[#;\n]|\Z)")
_MAYBE_STRING_FIRST = re.compile(rf"\\|\((?:[\s(\\]++|{_COMMENT})*+[rRuU]?+['\"]")
_MAYBE_MORE_OF_IT = re.compile(rf"{_BLANK}(?:\\|\w?\w?['\"])")


class CannotTell(Exception):  # noqa: N818 (no error: the parser can)
    """The text has something that a scan is not made for."""


def scanned_docstrings(source: str) -> list[str]:
    r"""The docstrings of a module and of its classes and functions, in the order of their definitions.

    Args:
        source: of a module that Python can parse, with lines that end in ``\n``.

    Raises:
        CannotTell: the text has something that a scan is not made for, or it is not Python.

    >>> scanned_docstrings("'''Of the module.'''\nclass A:\n    def f(self): 'Of a method.'\n")
    ['Of the module.', 'Of a method.']
    """
    text = f"\n{source}"
    docstrings = []
    body = 0
    while True:
        docstring = _docstring(text, body)
        if docstring is not None:
            docstrings.append(docstring)
        end = _end(_UP_TO_DEFINITION, text, body)
        if end == len(text):
            return docstrings
        header = _HEADER.match(text, end)
        if header is None or _LAMBDA_RETURNED.search(header[0]):
            raise CannotTell
        body = header.end()


def _docstring(text: str, body: int) -> str | None:
    """The docstring of a module or definition whose body begins here."""
    first = _end(_UP_TO_BODY, text, body)
    string = _STRING_FIRST.match(text, first)
    if string is None:
        if _MAYBE_STRING_FIRST.match(text, first):
            raise CannotTell
        return None
    if _ITS_END.match(text, string.end()):
        return _value(string[0])
    if _MAYBE_MORE_OF_IT.match(text, string.end()):
        raise CannotTell
    return None


def _value(literal: str) -> str:
    if "\\" not in literal:
        unprefixed = literal.lstrip("rRuU")
        quotes = 3 if unprefixed[:3] in ('"""', "'''") else 1
        return unprefixed[quotes:-quotes]
    try:
        with warnings.catch_warnings(action="ignore"):
            return str(ast.literal_eval(literal))
    except (SyntaxError, ValueError) as error:
        raise CannotTell from error


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Of a pattern that may match nothing."""
    match = pattern.match(text, start)
    return start if match is None else match.end()
