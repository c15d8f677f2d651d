"""Where the numbers of a page come from: data, model, settings, versions, as the run's configuration has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from attnprobe.analysis.results import RunResults
from attnprobe.reports.numbers import percent_with_interval
from attnprobe.reports.page.readable import legible

_TOLD_APART = ("dataset", "model")
"""Settings that have a line of their own."""

_OF_A_HASH = 12


def provenance(results: RunResults, summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Lines of what and what it is. Of paths only the last part is told: a page is sent to others.

    Args:
        results: the run.
        summary: as ``summarise`` gives it.
    """
    config = results.config
    data, checkpoint = config.get("data") or {}, config.get("checkpoint") or {}
    counts = data.get("documents")
    sizes = "".join(f", {_text(count)} {split}" for split, count in counts.items()) if isinstance(counts, dict) else ""
    hashed = f", content {_hash(checkpoint['content'])}" if checkpoint.get("content") else ""
    lines = [
        ("Data", f"{results.dataset}{sizes}, fingerprint {_hash(data.get('fingerprint'))}"),
        ("Model", f"{results.short_model}{hashed}"),
        ("Accuracy", percent_with_interval(summary["accuracy"]) if summary.get("accuracy") else "not known"),
        *_settings(config.get("settings") or {}),
        ("Run", f"fingerprint {_hash(config.get('fingerprint'))}"),
        ("Versions", ", ".join(_versions(config))),
    ]
    return [(name, legible(text)) for name, text in lines if text]


def _settings(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A line for what stands by itself, and one a section."""
    plain = {name: value for name, value in settings.items() if not isinstance(value, dict) and name not in _TOLD_APART}
    yield "Settings", _pairs(plain)
    for name, section in settings.items():
        if isinstance(section, dict):
            yield f"[{legible(name)}]", _pairs(section)


def _pairs(entries: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {_text(value)}" for name, value in entries.items() if value not in (None, [], "", {}))


def _versions(config: Mapping[str, Any]) -> list[str]:
    versions = config.get("versions")
    named = {"attnprobe": config.get("attnprobe"), **(versions if isinstance(versions, dict) else {})}
    return [f"{name} {_text(number)}" for name, number in named.items() if number is not None]


def _text(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, list):
        return " ".join(map(_text, value))
    if isinstance(value, float):
        return f"{value:.4g}"
    return PurePath(value).name if isinstance(value, str) and "/" in value else str(value)


def _hash(value: Any) -> str:  # noqa: ANN401
    return str(value)[:_OF_A_HASH]
