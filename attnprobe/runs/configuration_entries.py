"""What the configuration of a run says of it, as far as it is looked at: config.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from attnprobe.base.bounds import (
    LONGEST_NAME,
    MOST_DOCUMENTS,
    MOST_JSON_BYTES,
    MOST_MEASUREMENTS,
    MOST_ORDERINGS,
    MOST_WAYS,
)
from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import read_text
from attnprobe.base.registry import LONGEST_TITLE
from attnprobe.runs.meaning_records import CHOSEN, OTHERWISE, is_entry, is_told
from attnprobe.runs.measurement_records import MEASUREMENTS_ENTRY, are_measurements
from attnprobe.runs.ordering_records import ENTRY, is_record
from attnprobe.settings.declaration import with_entries
from attnprobe.settings.doors import in_configuration
from attnprobe.settings.transformer import TransformerOptions
from attnprobe.settings.unfit import told_by

UNITS = ("word", "sentence", "token")
"""What an item may be."""


def _is_name(entry: object) -> bool:
    return isinstance(entry, str) and 0 < len(entry) <= LONGEST_NAME


def _are_ways(entry: object) -> bool:
    if not isinstance(entry, list):
        return _is_name(entry)
    return all(map(_is_name, entry)) and 0 < len(set(entry)) == len(entry) <= MOST_WAYS


def _is_count(entry: object) -> bool:
    return type(entry) is int and 0 <= entry <= MOST_DOCUMENTS


class Entry(NamedTuple):
    """An entry of a configuration: whether something can be its value, that in words, and whether every run has it."""

    fits: Callable[[Any], bool]
    words: str
    needed: bool = True


ENTRIES: Mapping[tuple[str, ...], Entry] = {
    ("settings", "dataset"): Entry(_is_name, "a name"),
    ("settings", "model"): Entry(_is_name, "a name"),
    ("settings", "seed"): Entry(lambda entry: type(entry) is int and entry >= 0, "a whole number from 0 on"),
    ("settings", "training"): Entry(lambda entry: entry is None or isinstance(entry, dict), "a table", needed=False),
    ("settings", "attention"): Entry(lambda entry: entry is None or isinstance(entry, dict), "a table", needed=False),
    ("settings", "erase_by"): Entry(
        _are_ways, f"a name, or a list of at most {MOST_WAYS} different ones", needed=False
    ),
    ("settings", "decision"): Entry(_is_name, "a name", needed=False),
    ("data", "labels"): Entry(
        lambda entry: (
            isinstance(entry, list) and all(isinstance(each, str) and len(each) <= LONGEST_NAME for each in entry)
        ),
        "a list of names",
    ),
    ("data", "documents"): Entry(
        lambda entry: entry is None or (isinstance(entry, dict) and all(map(_is_count, entry.values()))),
        f"numbers of documents up to {MOST_DOCUMENTS:,}",
        needed=False,
    ),
    ("data", "fingerprint"): Entry(_is_name, "a fingerprint", needed=False),
    (ENTRY,): Entry(
        is_record,
        f"a table of at most {MOST_ORDERINGS} titles of up to {LONGEST_TITLE} characters and roles by ordering",
        needed=False,
    ),
    (MEASUREMENTS_ENTRY,): Entry(
        are_measurements,
        f"a table of at most {MOST_MEASUREMENTS} titles and columns by measurement",
        needed=False,
    ),
    **{
        (each.entry,): Entry(
            is_entry, f"a table with a title of up to {LONGEST_TITLE} characters by {each.registry.kind}", needed=False
        )
        for each in CHOSEN
    },
    (OTHERWISE,): Entry(
        lambda entry: isinstance(entry, dict) and len(entry) < MOST_WAYS and all(map(is_told, entry.values())),
        f"a table of at most {MOST_WAYS - 1} titles of up to {LONGEST_TITLE} characters by way of erasing",
        needed=False,
    ),
    ("unit",): Entry(lambda entry: entry in UNITS, "word, sentence or token"),
    ("checkpoint",): Entry(
        lambda entry: entry is None or (isinstance(entry, dict) and _is_name(entry.get("name", "none"))),
        "a table with a name",
        needed=False,
    ),
}
"""What is looked at, by the way to it."""


def read_configuration(path: Path) -> dict[str, Any]:
    """The content of a config.json.

    Raises:
        InputError: it cannot be read, is not JSON, lacks an entry, or has one that is not what it should be.
    """
    try:
        config: dict[str, Any] = json.loads(read_text(path, MOST_JSON_BYTES))
        for keys, wanted in ENTRIES.items():
            table: Any = config
            for key in keys[:-1]:
                table = table[key]
            if not isinstance(table, dict) or (wanted.needed and keys[-1] not in table):
                raise KeyError
            if keys[-1] in table and not wanted.fits(table[keys[-1]]):
                raise InputError(f"{path}: the entry {'.'.join(keys)!r} is not {wanted.words}.")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}.") from None
    except RecursionError:
        raise InputError(f"{path} is not JSON that can be read: it is nested too deeply.") from None
    except (KeyError, TypeError):
        raise InputError(f"{path} lacks the entry {'.'.join(keys)!r}.") from None
    return config


def model_of(config: Mapping[str, Any], path: Path) -> str:
    """What tells a run's model from others: its name, and of a ``transformer`` every option that is not the default.

    Two runs are of the same model where this, the dataset and the seed are the same.

    Args:
        config: as :func:`read_configuration` gives it.
        path: where from, for messages.

    Raises:
        InputError: its options are not those of a transformer.
    """
    settings = config["settings"]
    options = settings.get("transformer")
    if options is None:
        return str(settings["model"])
    with told_by(in_configuration, f"{path}: "):
        return with_entries(TransformerOptions(), options).folder
