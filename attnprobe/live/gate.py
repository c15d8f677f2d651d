"""Who is let in: the token in the address, the host that was asked for, the origin; and what every answer bears."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass, field

TOKEN_BYTES = 32
"""Of randomness in the address."""

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""Names of this machine that no other machine's page can have."""

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Of every answer, beside its Content-Security-Policy."""

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The Content-Security-Policy of answers that are no page."""


def new_token() -> str:
    """Random characters that fit into an address."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Gate:
    """What a request has to bear.

    Attributes:
        host: where the server listens.
        port: the same.
        token: what addresses begin with.
    """

    host: str
    port: int
    token: str = field(default_factory=new_token, repr=False)

    @property
    def address(self) -> str:
        """What the page is opened by."""
        return f"http://{_in_address(self.host)}:{self.port}/{self.token}/"

    def knows_token(self, given: str) -> bool:
        """Whether it is the token, in a time that says nothing of where it is not."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def knows_host(self, given: str) -> bool:
        """Whether a browser that sends this name as the host's was sent here by its user, and by no other page.

        A page from elsewhere whose name has been turned to this machine (DNS rebinding) sends its own name. Where all
        addresses are listened at, this machine's name and every address in numbers will do.
        """
        name, _, port = given.rpartition(":")
        if port != str(self.port) or not name:
            return False
        name = name.lower()
        if name in LOOPBACK or name == _in_address(self.host).lower():
            return True
        if not self._listens_everywhere:
            return False
        return name == socket.gethostname().lower() or _is_number(name)

    def knows_origin(self, given: str | None, host: str) -> bool:
        """Whether a request comes from a page of this server, or from no page."""
        return given is None or given.lower() == f"http://{host.lower()}"

    @property
    def _listens_everywhere(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_unspecified
        except ValueError:
            return False


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
