"""What is said, in Python's words: flags of the command line are arguments, and two of its commands are functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attnprobe.base.errors import FailedError, InputError
from attnprobe.base.progress_bars import without_bars
from attnprobe.in_python.arguments import ARGUMENTS
from attnprobe.settings.declaration import NONE
from attnprobe.settings.doors import in_arguments
from attnprobe.settings.unfit import SettingError, SettingTypeError

_FLAG = re.compile(r"(?<![\w-])--(no-)?([a-z][a-z0-9-]*)(?: ([A-Za-z][\w:]*))?")
_COMMAND = re.compile(r"\battnprobe (run|train)\b")
_DEVICES = ("auto", "cpu", "cuda")


def in_python(sentence: str) -> str:
    """A sentence for the terminal as one who calls functions reads it.

    >>> in_python("There is no CUDA device here; use --device cpu.")
    "There is no CUDA device here; use device='cpu'."
    >>> in_python("give another --out, or --force to start over.")
    'give another out, or force=True to start over.'
    >>> in_python("--also none leaves it out; --documents N takes fewer.")
    'also=() leaves it out; documents=N takes fewer.'
    >>> in_python("leave the training settings out, or fine-tune it with attnprobe train.")
    'leave the training settings out, or fine-tune it with attnprobe.train.'
    """
    return _COMMAND.sub(r"attnprobe.\1", _FLAG.sub(_as_argument, sentence))


def _as_argument(found: re.Match[str]) -> str:
    name, word = found[2].replace("-", "_"), found[3] or ""
    behind = f" {word}" if word else ""
    if found[1] or name == "force":
        return f"{name}={not found[1]}{behind}"
    declared = ARGUMENTS.get(name)
    if word.isupper() and word:
        return f"{name}={word}"
    if name == "device" and word in _DEVICES:
        return f"{name}={word!r}"
    if declared is not None and (word == NONE or word in declared.told.choices):
        return f"{name}={declared.read(word)!r}"
    return name + behind


@contextmanager
def told_in_python() -> Iterator[None]:
    """Let what is refused within be told in Python's words.

    Raises:
        InputError: something is refused.
        SettingTypeError: a setting is of another type; this is a TypeError, too.
        FailedError: work failed.
    """
    try:
        yield
    except SettingTypeError as error:
        raise SettingTypeError("", "{}", in_python(error.told(in_arguments))) from None
    except SettingError as error:
        raise InputError(in_python(error.told(in_arguments))) from None
    except (InputError, FailedError) as error:
        if type(error) not in (InputError, FailedError) or in_python(str(error)) == str(error):
            raise
        raise type(error)(in_python(str(error))) from error


def printed(sentence: str) -> None:
    """Print what happens, a line a sentence."""
    print(in_python(sentence), flush=True)


@contextmanager
def speaking(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Who is told what happens within: standard output; or nobody, who sees no bars either."""
    if not quiet:
        yield printed
        return
    with without_bars():
        yield _nobody


def _nobody(sentence: str) -> None:
    """Where nothing is to be said."""
