"""Look at a model at work in the browser: type a text, erase words, heads and layers, and see what it then decides.

attnprobe live runs/docstrings/flan-rnn/seed-0 --open
attnprobe live hf:PATH_OR_ID
attnprobe live hf:gpt2 --label-words good,bad      (a language model, and what it decides between)
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from attnprobe.base.errors import InputError
from attnprobe.cli.options import say

if TYPE_CHECKING:
    from attnprobe.live.answering import LiveModel

HOST = "127.0.0.1"

SECONDS = 30.0
"""That a request may take, unless told otherwise."""

SETTINGS = ("label_words", "unit", "at")
"""Of what of a transformer's attention is erased: what cannot be chosen on the page."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    from attnprobe.cli.flags import add_settings
    from attnprobe.settings.attention import AttentionSettings

    parser.add_argument(
        "model", metavar="MODEL", help="the folder of a run, or hf: and the folder or the hub's id of a checkpoint"
    )
    of_checkpoint = parser.add_argument_group("a checkpoint (a run has settings of its own)")
    add_settings(of_checkpoint, AttentionSettings, *SETTINGS)
    server = parser.add_argument_group("the server")
    server.add_argument("--port", type=int, default=0, metavar="N", help="where it listens (a free one)")
    server.add_argument(
        "--host",
        default=HOST,
        metavar="ADDRESS",
        help=f"whom it listens to: by default this machine alone ({HOST}); 0.0.0.0 is everybody who can reach it",
    )
    server.add_argument(
        "--timeout", type=float, default=SECONDS, metavar="SECONDS", help=f"that an answer may take ({SECONDS:g})"
    )
    server.add_argument("--open", action="store_true", help="open the page in the browser")
    machine = parser.add_argument_group("this machine")
    machine.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")


def execute(arguments: argparse.Namespace) -> int:
    """Answer requests until it is stopped; the exit status is that of the signal."""
    _check(arguments)
    _require_packages()
    from attnprobe.live.gate import Gate, is_loopback
    from attnprobe.live.serving import listening_socket, serve_until_stopped

    at = listening_socket(arguments.host, arguments.port)
    with at:
        model = _opened(arguments)
        gate = Gate(arguments.host, at.getsockname()[1])
        if not is_loopback(arguments.host):
            say(
                f"Everybody who can reach {arguments.host} and knows the address can ask this model; what is sent is "
                "not encrypted."
            )
        say(f"Open {gate.address} (Ctrl-C ends it)")
        if arguments.open:
            import webbrowser  # which takes as long to import as all that `attnprobe --help` says

            webbrowser.open(gate.address)
        return serve_until_stopped(model, gate, at, arguments.timeout, say)


def _check(arguments: argparse.Namespace) -> None:
    if not 0 <= arguments.port <= 65535:
        raise InputError(f"--port {arguments.port}: a port is a number from 1 to 65535, and 0 a free one.")
    if not (math.isfinite(arguments.timeout) and arguments.timeout > 0):
        raise InputError(f"--timeout {arguments.timeout:g}: a number of seconds above 0 is needed.")


def _require_packages() -> None:
    from importlib.util import find_spec

    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise InputError("The live page needs a server: pip install 'attnprobe[live]'.")


def _opened(arguments: argparse.Namespace) -> LiveModel:
    from attnprobe.cli.flags import given
    from attnprobe.live.opened import open_checkpoint, open_run
    from attnprobe.settings.attention import AttentionSettings
    from attnprobe.settings.checkpoint_names import PREFIX
    from attnprobe.settings.doors import in_flags
    from attnprobe.settings.unfit import told_by

    of_checkpoint = given(arguments, AttentionSettings)
    with told_by(in_flags):
        settings = AttentionSettings(**of_checkpoint)
        reference = arguments.model.removeprefix(PREFIX)
        if reference != arguments.model:
            return open_checkpoint(reference, settings, arguments.device, arguments.timeout)
        if of_checkpoint:
            flag = next(iter(of_checkpoint)).replace("_", "-")
            raise InputError(f"--{flag} is for checkpoints, {PREFIX}MODEL: a run has settings of its own.")
        return open_run(Path(arguments.model), arguments.device, arguments.timeout, say)
