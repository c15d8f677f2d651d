"""Whether Ray is at an address, asked before Ray is: it would try for minutes, and hear no Ctrl-C meanwhile.

Ray speaks gRPC, which is HTTP/2: a server of that says so itself as soon as it is greeted. One that says something
else, or nothing, is no Ray.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

SECONDS_TO_ANSWER = 10.0
"""That a server may take to say that it speaks HTTP/2."""

SECONDS_TO_JOIN = 60.0
"""That it may take, then, until this process is a driver of the cluster."""

_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""How a client begins: the fixed words, and a frame of settings that holds none (RFC 9113, 3.4)."""

_FRAME_HEAD, _SETTINGS = 9, 4
"""Bytes of a frame's head, of which the fourth says that it holds settings: the first frame of a server does."""

_LONGEST_SETTINGS = 16_384
"""Bytes that a frame may have before anything else has been agreed upon."""


class NoRayError(Exception):
    """What is there is no Ray, or nothing is there; the message says what was seen, in a few words."""


class Place(NamedTuple):
    """Where a server listens."""

    host: str
    port: int


def place_of(address: str) -> Place | None:
    """The host and port of an address; None of one by name, such as ``auto``.

    >>> place_of("127.0.0.1:6379"), place_of("ray://[::1]:10001"), place_of("auto")
    (Place(host='127.0.0.1', port=6379), Place(host='::1', port=10001), None)
    """
    match = re.fullmatch(r"(?:ray://)?(?:\[([0-9a-fA-F:.]+)\]|([^:/\[\]]+)):(\d{1,5})", address)
    return None if match is None or int(match[3]) > 65_535 else Place(match[1] or match[2], int(match[3]))


def require_ray(address: str, seconds: float = SECONDS_TO_ANSWER) -> None:
    """Return if a server of HTTP/2 is at the address, or if the address has no port to ask at.

    Raises:
        NoRayError: it is none, or has said nothing in time.
        OSError: nobody can be reached there.
    """
    place = place_of(address)
    if place is None:
        return
    deadline = monotonic() + seconds
    try:
        reached = socket.create_connection(place, seconds)
    except ConnectionResetError:  # it takes connections, and ends them
        raise NoRayError("what answers there is not Ray") from None
    with reached as connection:
        if os.environ.get("RAY_USE_TLS") in ("1", "true"):  # then it is greeted with a certificate
            return
        unsaid, head = _GREETING, b""
        while len(head) < _FRAME_HEAD:
            connection.settimeout(_left(deadline))
            try:
                connection.sendall(unsaid)
                unsaid = b""
                received = connection.recv(_FRAME_HEAD - len(head))
            except TimeoutError:
                raise _silent() from None
            except ConnectionError:
                received = b""
            head += received
            if not received or (len(head) > 3 and head[3] != _SETTINGS):
                raise NoRayError("what answers there is not Ray")
    if int.from_bytes(head[:3], "big") > _LONGEST_SETTINGS:
        raise NoRayError("what answers there is not Ray")


def in_time(call: Callable[[], object], seconds: float = SECONDS_TO_JOIN) -> bool:
    """Have a call made in another thread, while Ctrl-C is heard in this one; whether it has returned in time.

    Raises:
        Exception: what the call has raised.
        KeyboardInterrupt: Ctrl-C; the call goes on, to no end.
    """
    raised: list[BaseException] = []
    returned = threading.Event()

    def make() -> None:
        try:
            call()
        except BaseException as error:  # for the other thread to raise
            raised.append(error)
        returned.set()

    threading.Thread(target=make, daemon=True).start()
    if not returned.wait(seconds):
        return False
    if raised:
        raise raised[0]
    return True


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise _silent()
    return left


def _silent() -> NoRayError:
    return NoRayError("what is there says nothing that Ray would say, and takes its time")
