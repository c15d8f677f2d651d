"""What the numbers of a label's column stand for, as the library ``datasets`` writes it into its files."""

from __future__ import annotations

import json
from collections.abc import Mapping

from attnprobe.base.bounds import MOST_CLASSES

_KEY = b"huggingface"
_CLASSES = "ClassLabel"


def class_names(metadata: Mapping[bytes, bytes], column: str) -> tuple[str, ...]:
    """The names of a column's classes, in order of their numbers; empty where the file does not say them rightly.

    >>> said = b'{"info": {"features": {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}}}'
    >>> class_names({b"huggingface": said}, "label"), class_names({}, "label")
    (('neg', 'pos'), ())
    """
    try:
        feature = json.loads(metadata[_KEY])["info"]["features"][column]
        names = feature["names"] if feature["_type"] == _CLASSES else []
    except (KeyError, TypeError, ValueError, RecursionError):
        return ()
    whole = isinstance(names, list) and 0 < len(names) <= MOST_CLASSES and len(set(map(str, names))) == len(names)
    return tuple(names) if whole and all(isinstance(name, str) for name in names) else ()
