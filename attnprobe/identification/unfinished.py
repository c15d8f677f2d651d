"""Documents that are done, kept on disk while others are not: so that an interruption costs one document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attnprobe.atomic_files import append_line, replacing


class Unfinished:
    """A file of JSON lines: the first says what is computed, each further one holds a document's results.

    Args:
        path: of the file.
        what: what is computed; results of anything else are thrown away.
    """

    def __init__(self, path: Path, what: Mapping[str, Any]) -> None:
        self.path = path
        self.documents: dict[int, Any] = {}
        first = json.dumps(what, sort_keys=True)
        lines = path.read_bytes().splitlines() if path.exists() else []
        if lines[:1] == [first.encode()]:
            for line in lines[1:]:
                try:
                    document, results = json.loads(line)
                    if type(document) is not int or not isinstance(results, dict | list):
                        break
                except (ValueError, TypeError, RecursionError):  # the line at which a process was killed, or no result
                    break
                self.documents[document] = results
        # Written anew without a line that is cut short: what is added next must begin a line.
        kept = [first, *(json.dumps(entry) for entry in self.documents.items())]
        with replacing(path) as temporary:
            temporary.write_text("\n".join(kept) + "\n", encoding="utf-8")

    def add(self, document: int, results: Any) -> None:  # noqa: ANN401
        """Keep a document's results, made of dictionaries, lists and numbers."""
        line = json.dumps((document, results))
        append_line(self.path, line)
        self.documents[document] = json.loads(line)[1]

    def remove(self) -> None:
        """All documents are done, and their results are where they belong."""
        self.path.unlink(missing_ok=True)
