"""A process that has imported everything and forks itself for each command: what a command imports is not what its test
is about, and takes four of its seven seconds.

The forked process is one of its own: its folder, environment, output, exit status and death are a command's. Tests of
how the command itself is started do without it (:data:`tests.commands.COMMAND`).
"""

import atexit
import gc
import io
import json
import multiprocessing.util
import os
import resource
import runpy
import sys
import traceback

# What commands import when they are run.
import matplotlib as mpl
import torch._dynamo  # noqa: F401 - by every optimiser
from matplotlib.figure import Figure

import attnprobe.cli
import attnprobe.stages.reporting
import attnprobe.stages.testing
import attnprobe.stages.training
from attnprobe.reports.style import SETTINGS
from tests.drawing import let_reports_draw_some


def become(command):
    """Be the process of this command: never returns."""
    os.chdir(command["cwd"])
    os.environ.clear()
    os.environ.update(command["environment"])
    for descriptor, path in enumerate((os.devnull, command["out"], command["errors"])):
        mode = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        opened = os.open(path, mode, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    if command["largest_file"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (command["largest_file"], command["largest_file"]))
    status = 1
    try:
        status = carry_out(command["script"], command["arguments"])
    except SystemExit as left:
        status = left.code
    except BaseException:
        traceback.print_exc()
    finally:
        _leave(status)


def carry_out(script, arguments):
    """Run a script as Python does, or the command line where there is none; the exit status."""
    if script is None:
        attnprobe.cli.command(arguments)
    sys.argv, sys.path[0] = [script, *arguments], os.path.dirname(script)
    runpy.run_path(script, run_name="__main__")
    return 0


def _leave(status):
    vars(multiprocessing.util)["_exit_function"]()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)


def draw():
    """Draw something, so that fonts are read and what draws them is imported."""
    figure = Figure()
    figure.text(0, 0, "text and $x^2$")
    for kind in ("png", "pdf"):
        with mpl.rc_context(SETTINGS):
            figure.savefig(io.BytesIO(), format=kind)


def main():
    """Read a command a line, write its process number and then its exit status."""
    draw()
    let_reports_draw_some()
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            become(json.loads(line))
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
