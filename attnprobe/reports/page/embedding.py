"""Data, script and style inside one HTML file, so that nothing in the data can end or begin an element."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from attnprobe.base.visible import in_json

_ESCAPES = {character: f"\\u{ord(character):04x}" for character in "<>&"}


def embedded_json(content: Any) -> str:  # noqa: ANN401
    """JSON that may stand inside a ``script`` element: without ``<``, ``>``, ``&`` and what steers whoever looks at it.

    >>> embedded_json({"text": "</script><!-- & é"})
    '{"text":"\\\\u003c/script\\\\u003e\\\\u003c!-- \\\\u0026 é"}'
    """
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = in_json(text)
    for character, escape in _ESCAPES.items():  # several times as fast as ``str.translate``
        text = text.replace(character, escape)
    return text


def content_hash(text: str) -> str:
    """What a Content-Security-Policy calls an inline script or style by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
