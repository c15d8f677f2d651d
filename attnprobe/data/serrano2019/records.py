"""What every source is read into: one document, with the class and the split that its source gives it."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """A document before any filter.

    Attributes:
        split: ``train``, ``dev`` or ``test`` as the source has it; empty where it does not split.
        label: the class; whatever is none of the dataset's classes is left out later, and counted.
        text: as it stands in the source, perhaps empty.
    """

    split: str
    label: str
    text: str


def one_line(text: str) -> str:
    """The text with single spaces for whitespace, and nothing in it that a file of texts cannot hold.

    >>> one_line(" two\\n\\tlines\\0")
    'two lines'
    """
    text = " ".join(text.replace("\0", " ").split())
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON may spell out
        text = text.encode("utf-8", "replace").decode()
    return text


def unescaped(text: str) -> str:
    r"""Line breaks and quotation marks as Zhang et al. (2015) escaped them in their files, undone.

    >>> unescaped(r'He said \"no\".\nTwice.')
    'He said "no".\nTwice.'
    """
    return text.replace("\\n", "\n").replace('\\"', '"')
