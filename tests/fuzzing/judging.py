"""What may become of a hostile input: it is accepted, or refused in one sentence, soon, and nothing else happens."""

import os
import re
import resource
import signal
import sys
import unicodedata
from contextlib import contextmanager

from attnprobe.base.errors import InputError

SECONDS = 5
"""That an input may take."""

MEMORY = 2 << 30
"""Bytes that may be added to what the process has mapped already."""

LONGEST = 480
"""Characters of a sentence, without the path of the file."""

FORBIDDEN = {"pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect"}

_watched = []


class Hang(BaseException):
    """An input took too long."""


class Trespass(BaseException):
    """Code of an input would have run, or a file elsewhere have been written."""


def _audit(event, arguments):
    if not _watched:
        return
    if event in FORBIDDEN:
        raise Trespass(f"{event} {arguments!r}"[:300])
    if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        path, _, flags = arguments
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            whole = os.path.abspath(os.fsdecode(path))
            if not whole.startswith((_watched[-1], "/dev/null")):
                raise Trespass(f"open {whole}")


sys.addaudithook(_audit)


@contextmanager
def watched(folder):
    """Within, time is limited, nothing but the folder may be written, and nothing may be unpickled or started."""

    def stop(*_):
        raise Hang(f"more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    _watched.append(str(folder))
    try:
        yield
    finally:
        _watched.pop()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def limited_memory():
    """Within, no more than ``MEMORY`` can be mapped beside what is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def judge(read, path, folder):
    """The sentence with which an input is refused, without paths, or None where it is accepted.

    Raises:
        AssertionError: the refusal is not one sentence that names the file.
        BaseException: whatever else the reader raises.
    """
    try:
        with watched(folder):
            read(path)
    except InputError as error:
        return checked_sentence(str(error), folder)
    return None


def checked_sentence(sentence, folder):
    """A refusal without paths; asserts that it is one sentence which names a file of the folder."""
    assert str(folder) in sentence, f"names no file: {sentence!r}"
    bare = sentence.replace(str(folder), "")
    assert len(bare) <= LONGEST, f"{len(bare)} characters: {bare!r}"
    strange = [c for c in bare if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not strange, f"control characters {strange!r}: {bare!r}"
    assert bare.rstrip().endswith((".", "?")), f"no sentence: {bare!r}"
    return bare


def kind_of(sentence):
    """A refusal without what differs between files: names in quotation marks and numbers."""
    return re.sub(r"\d[\d,.]*", "#", re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", sentence))
