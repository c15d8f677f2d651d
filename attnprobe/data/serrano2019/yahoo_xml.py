"""Yahoo! Answers as Webscope's dataset L6 has it: one XML document of 12 GB, cut into two files at some byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from tqdm import tqdm

from attnprobe.base.bounds import MOST_ELEMENT_BYTES
from attnprobe.base.errors import InputError
from attnprobe.data.serrano2019.original_files import open_original
from attnprobe.data.serrano2019.records import Record

TEXT_ELEMENTS = ("subject", "content", "bestanswer")
CHUNK_BYTES = 1 << 18


def yahoo_records(paths: Sequence[Path], progress: tqdm[NoReturn]) -> Iterator[Record]:
    """Every question with its main category; the text is subject, content and best answer, as far as there are any.

    The parts are read one after the other as the one document that they are. Parts that someone has completed to a
    document each, as was done for the 2019 release, are read as well.

    Raises:
        InputError: a file cannot be read or is not this XML.
    """
    for document in _documents(paths, progress):
        texts = [text for name in TEXT_ELEMENTS if (text := _text_of(document.find(name)))]
        yield Record("", _text_of(document.find("maincat")).strip(), " ".join(texts))


def _documents(paths: Sequence[Path], progress: tqdm[NoReturn]) -> Iterator[Element]:
    xml = _DocumentParser()
    path = paths[0]
    try:
        for path in paths:
            if xml.is_complete:
                xml = _DocumentParser()
            with open_original(path, progress) as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield from xml.feed(chunk)
                    if xml.held > MOST_ELEMENT_BYTES:
                        raise InputError(f"{path}: no document ends within {MOST_ELEMENT_BYTES:,} bytes of the XML.")
        xml.close()
    except ParseError as error:
        if xml.is_open:
            raise InputError(
                f"{path}: the XML ends before its last element does; the file is incomplete, or a part is missing."
            ) from None
        raise InputError(f"{path}: not readable as XML ({error}).") from None


class _DocumentParser:
    """An XML document in pieces; what has been handed out is forgotten.

    Attributes:
        held: how many bytes have been read since, or a few more.
    """

    def __init__(self) -> None:
        self._parser: XMLPullParser[Any] = XMLPullParser(("start", "end"))
        self._root: Element | None = None
        self._depth = 0
        self._closing = False
        self.held = 0

    @property
    def is_complete(self) -> bool:
        """Whether the root element has been closed."""
        return self._root is not None and self._depth == 0

    @property
    def is_open(self) -> bool:
        """Whether the input has ended inside the root element."""
        return self._closing and self._root is not None and self._depth > 0

    def feed(self, chunk: bytes) -> Iterator[Element]:
        """The ``document`` elements that end in this piece."""
        self.held += len(chunk)
        self._parser.feed(chunk)
        events: Iterator[Any] = self._parser.read_events()
        for event, element in events:
            if event == "start":
                self._depth += 1
                if self._root is None:
                    self._root = element
                continue
            self._depth -= 1
            if element.tag == "document" and self._root is not None:
                yield element
                self._root.clear()
                self.held = 0

    def close(self) -> None:
        """Say that nothing follows; raises ParseError if something should."""
        self._closing = True
        self._parser.close()


def _text_of(element: Element | None) -> str:
    return "" if element is None else "".join(element.itertext())
