"""The gate: text that attnprobe did not write itself shows what it is, and steers nothing that it is shown on.

Names of datasets, classes, files, models and orderings, items and messages of others may hold characters that move a
terminal's cursor, break a line, turn the direction of writing, or cannot be seen. On their way to a terminal, a table,
a text or a figure all of them pass :func:`visible`; LaTeX and HTML are escaped after it, by their own rules.
"""

from __future__ import annotations

import re

_RANGES = (
    "\x00-\x1f\x7f-\x9f"  # control characters, C0 and C1
    "\xad\u034f\u115f\u1160\u3164\uffa0\u180e"  # soft hyphen, joiners of marks, blanks that count as letters
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks, overrides and isolates of the direction of writing
    "\u200b\u2060-\u2065\u206a-\u206f\ufeff"  # what has no width, deprecated format characters
    "\u2028\u2029"  # separators of lines and paragraphs
    "\ufff0-\ufffb\ufffe\uffff"  # annotations, what is no character
    "\ud800-\udfff"  # halves of characters, as names of files may hold
    "\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # of hieroglyphs, shorthand and music
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"  # tags
)

_SEEN = "[\u0600-\u1fff\u2070-\ud7ff\ue000-\ufefe\uff00-\uffef\U00010000-\U000dffff]"
"""What a joiner may stand between: letters of scripts that need it, and emoji."""

_STEERING = re.compile(f"[{_RANGES}]|(?<!{_SEEN})[\u200c\u200d]|[\u200c\u200d](?!{_SEEN})")

_SUSPECT = re.compile(f"[{_RANGES}\u200c\u200d]")
"""Without one of these a text steers nothing: most are told so, and at once."""

_FORMULA = re.compile(r"\s*[=+\-@\t\r]")


def visible(text: str, *, kept: str = "") -> str:
    r"""The text with every character made visible that would steer a terminal, break a line or hide.

    Control characters are shown by their pictures, all others by their numbers. Joiners stay where scripts and emoji
    need them. The result passes unchanged a second time.

    Args:
        text: of anybody.
        kept: characters that stay: line breaks, of a text that consists of lines.

    >>> visible("a\x1b[31m\n"), visible("\u202egnp.exe"), visible("a\u200bb"), visible("a\nb", kept="\n")
    ('a␛[31m␊', '⟦U+202E⟧gnp.exe', 'a⟦U+200B⟧b', 'a\nb')
    >>> visible("שלום 👩‍👧")
    'שלום 👩\u200d👧'
    """
    if (text.isascii() and text.isprintable()) or _SUSPECT.search(text) is None:
        return text
    return _STEERING.sub(lambda match: match[0] if match[0] in kept else shown_by_number(match[0]), text)


def holds_half_a_character(text: str) -> bool:
    r"""Whether there is half of a surrogate pair in it, which JSON and arguments may hold, and UTF-8 cannot.

    >>> holds_half_a_character("a\ud800"), holds_half_a_character("😀")
    (True, False)
    """
    return not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text)


def in_print(text: str) -> str:
    r"""The same with everything that Python does not call printable made visible, as what has no letter yet.

    >>> in_print("a\u00a0b\U000f0000")
    'a⟦U+00A0⟧b⟦U+F0000⟧'
    """
    return "".join(each if each.isprintable() else shown_by_number(each) for each in visible(text))


def shown_by_number(character: str) -> str:
    """A character as a picture of it, or as its number.

    >>> shown_by_number("\\n"), shown_by_number("\\x7f"), shown_by_number("\\u202e")
    ('␊', '␡', '⟦U+202E⟧')
    """
    code = ord(character)
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else f"⟦U+{code:04X}⟧"


def in_json(text: str) -> str:
    r"""JSON that means the same, without a character that steers whoever looks at the file.

    >>> in_json('{"a": "\u202eb"}')
    '{"a": "\\u202eb"}'
    """
    flat = text.replace("\n", " ")  # between its lines: within a text of it they are escaped
    if (flat.isascii() and flat.isprintable()) or _SUSPECT.search(flat) is None:
        return text
    return _STEERING.sub(lambda match: match[0] if match[0] == "\n" else _escaped(match[0]), text)


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\u{0xD7C0 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def in_a_cell(text: str) -> str:
    """The text as a spreadsheet shows it: behind an apostrophe where it would take it for a formula.

    >>> in_a_cell("=1+1"), in_a_cell("-0.5 0.25"), in_a_cell("a-b"), in_a_cell("\\t=x")
    ("'=1+1", '-0.5 0.25', 'a-b', "'␉=x")
    """
    shown = visible(text)
    return f"'{shown}" if _FORMULA.match(text) and not _are_numbers(text) else shown


def _are_numbers(text: str) -> bool:
    try:
        return bool([float(word) for word in text.split()])
    except ValueError:
        return False
