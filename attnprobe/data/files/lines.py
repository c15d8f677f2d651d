"""UTF-8 lines of a file, a broken or endless one caught early."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from attnprobe.base.bounds import LONGEST_RECORD, LONGEST_TEXT, MOST_BLANK_LINES
from attnprobe.base.errors import InputError
from attnprobe.data.files.compression import CompressionError
from attnprobe.data.files.places import place

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def utf8_lines(file: BinaryIO, path: Path) -> Iterator[str]:
    """The lines of ``file`` with their ends, but for blank ones at the end; only ``\\n`` ends a line.

    Raises:
        InputError: a line is not UTF-8, or longer than any record could be, or cannot be unpacked; or so many are
            blank that they are in no text.
    """
    row = 0
    blank_lines: list[str] = []
    size_of_blank = 0
    while line := _line(file, path, row + 1):
        row += 1
        if len(line) == LONGEST_RECORD:
            raise InputError(
                f"{place(path, row)}: the line is longer than {LONGEST_RECORD:,} bytes; "
                f"a document may have {LONGEST_TEXT:,} characters at most."
            )
        if row == 1:
            line = line.removeprefix(BYTE_ORDER_MARK)
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            byte = f"byte {line[error.start]:#04x} at position {error.start + 1}"
            raise InputError(f"{place(path, row)}: not UTF-8 ({byte}).") from None
        if text.strip("\r\n"):
            yield from blank_lines
            blank_lines.clear()
            size_of_blank = 0
            yield text
        else:
            blank_lines.append(text)
            size_of_blank += len(text)  # a line of carriage returns is blank, too
            if len(blank_lines) > MOST_BLANK_LINES or size_of_blank > LONGEST_RECORD:
                raise InputError(f"{place(path, row)}: more than {len(blank_lines) - 1:,} lines before it are blank.")


def _line(file: BinaryIO, path: Path, row: int) -> bytes:
    try:
        return file.readline(LONGEST_RECORD)
    except CompressionError as error:
        raise InputError(f"{place(path, row)}: from here on the compressed data are damaged ({error}).") from error
