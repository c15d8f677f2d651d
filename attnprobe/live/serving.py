"""A socket, and the server that listens at it, by uvicorn, until it is stopped."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from attnprobe.base.errors import InputError
from attnprobe.base.exit_status import INTERRUPTED
from attnprobe.base.stopping import StoppedError
from attnprobe.live.answering import LiveModel
from attnprobe.live.application import Page, Pages, application
from attnprobe.live.computing import Worker
from attnprobe.live.gate import Gate
from attnprobe.live.live_page import content_security_policy, live_page
from attnprobe.live.run_page import report_page_of

Say = Callable[[str], None]

MOST_CONNECTIONS = 128
"""At a time; a browser opens six."""

KEEP_ALIVE_SECONDS = 15

SECONDS_TO_END = 2
"""That what is under way gets when the server is stopped."""


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens; at a free port where the port is 0.

    Raises:
        InputError: that port cannot be had there.
    """
    try:
        (family, _, _, _, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named: else asyncio has answers wait
    except (OSError, UnicodeError, OverflowError) as error:
        raise InputError(f"There is no host {host!r} to listen at: {_reason(error)}.") from None
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(MOST_CONNECTIONS)
    except OSError as error:
        made.close()
        raise InputError(f"The server cannot listen at port {port} of {host}: {_reason(error)}.") from None
    return made


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def server(application: ASGIApp) -> uvicorn.Server:
    """What answers, before it has begun."""
    return uvicorn.Server(
        uvicorn.Config(
            application,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=SECONDS_TO_END,
        )
    )


def serve_until_stopped(model: LiveModel, gate: Gate, at: socket.socket, seconds: float, say: Say) -> int:
    """Answer requests about a model until a signal stops it.

    Args:
        model: what is asked.
        gate: who is let in.
        at: where it listens.
        seconds: how long a request waits for its answer.
        say: is told of faults.

    Returns:
        The exit status: that of the signal; 0 where none came.
    """
    worker = Worker()
    of_model = model.given_up_by(worker.check)
    pages = Pages(Page(live_page(), content_security_policy()), report_page_of(model.described.run))
    try:
        with of_model:
            server(application(gate, worker, model, pages, seconds, say)).run(sockets=[at])
    except KeyboardInterrupt as stop:
        say("Stopped.")
        return stop.status if isinstance(stop, StoppedError) else INTERRUPTED
    finally:
        worker.close()
    return 0
