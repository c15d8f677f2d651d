"""What an input costs: read in a process of its own, whose time and greatest memory are measured."""

import json
import os
import signal
import time
import traceback
from pathlib import Path

from attnprobe.base.errors import InputError
from tests.fuzzing.judging import MEMORY, SECONDS, checked_sentence

BUSY = 4
"""How many times as long a machine with other work may take."""


def refusal(read, path, folder, *, naming=True):
    """The sentence with which an input is refused; asserts that it comes within the promised time and memory.

    Args:
        read: a function of the path.
        path: of the input.
        folder: that it is in, which is left out of the sentence.
        naming: whether the sentence names a file of the folder.
    """
    told = Path(folder, ".told.json")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(SECONDS * BUSY)
            told.write_text(json.dumps(_measured(read, path)))
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    sentence, seconds, added = json.loads(told.read_text())
    told.unlink()
    assert seconds < SECONDS * BUSY
    assert added < MEMORY
    return checked_sentence(sentence, folder) if naming else sentence


def _measured(read, path):
    """(what is said, CPU seconds, bytes that were added to the memory that was held)."""
    Path("/proc/self/clear_refs").write_text("5")  # the greatest memory so far is forgotten
    before, started = _memory("VmRSS"), time.process_time()
    try:
        read(path)
    except InputError as error:
        return str(error), time.process_time() - started, _memory("VmHWM") - before
    raise AssertionError("it was accepted")


def _memory(entry):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(f"{entry}:")).split()[1])
