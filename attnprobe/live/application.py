"""The server's answers to addresses: pages, and what is computed, by Starlette."""

from __future__ import annotations

import asyncio
import contextlib
import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from attnprobe.base.errors import InputError
from attnprobe.live.computing import GivenUpError, Job, Worker
from attnprobe.live.gate import HEADERS, NOTHING, Gate
from attnprobe.live.requests import Request, read_request
from attnprobe.live.strict_json import MOST_BYTES, RequestError, parsed

BODY_SECONDS = 10.0
"""In which a request has to arrive whole."""

POLICY = "Content-Security-Policy"

Answer = Mapping[str, Any]


class Answering(Protocol):
    """What knows the answers."""

    def answer(self, request: Request) -> Answer:
        """What a request is answered by.

        Raises:
            InputError: it cannot be answered; the message says why.
        """
        ...


@dataclass(frozen=True)
class Page:
    """A page, and the policy under which it is shown."""

    html: str
    policy: str


@dataclass(frozen=True)
class Pages:
    """The pages that there are.

    Attributes:
        live: the page with the model behind it.
        report: makes the run's own page; None where there is no run.
    """

    live: Page
    report: Callable[[], Page] | None = None


def application(
    gate: Gate,
    worker: Worker,
    model: Answering,
    pages: Pages,
    seconds: float,
    say: Callable[[str], None] = print,
    body_seconds: float = BODY_SECONDS,
) -> ASGIApp:
    """The server as an ASGI application.

    Args:
        gate: who is let in.
        worker: computes.
        model: what is asked; in the worker's thread alone.
        pages: that are shown.
        seconds: how long a request waits for its answer.
        say: is told of faults.
        body_seconds: in which a request has to arrive whole.
    """
    desk = _Desk(worker, model, seconds, say, body_seconds)

    async def live(request: HttpRequest) -> Response:
        return _shown(pages.live)

    async def report(request: HttpRequest) -> Response:
        if pages.report is None:
            raise HTTPException(404)
        made = await desk.compute(pages.report, request)
        return made if isinstance(made, Response) else _shown(made)

    async def asked(request: HttpRequest) -> Response:
        return await desk.ask(request.path_params["name"], request)

    routes = [
        Route("/{token}/", live, methods=["GET"]),
        Route("/{token}/report", report, methods=["GET"]),
        Route("/{token}/api/{name}", asked, methods=["POST"]),
    ]
    return _Gated(Starlette(routes=routes, exception_handlers={HTTPException: _told}), gate)


class _Gated:
    """Lets nobody in but those that the gate knows, and gives every answer its headers."""

    def __init__(self, inside: ASGIApp, gate: Gate) -> None:
        self._inside, self._gate = inside, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inside(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault(POLICY, NOTHING)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        refusal = self._refusal(HttpRequest(scope))
        await (refusal or self._inside)(scope, receive, send_with_headers)

    def _refusal(self, request: HttpRequest) -> Response | None:
        """What a request gets that is not let in; None where it is."""
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or not self._gate.knows_host(hosts[0]):
            return _failed(421, "This is not the host that the server was started for.")
        token = request.url.path.split("/")[1]
        if not self._gate.knows_token(token):
            return _failed(404, "There is nothing here.")
        origins = request.headers.getlist("origin")
        origin = ",".join(origins) if origins else None
        if not self._gate.knows_origin(origin, hosts[0]):
            return _failed(403, "The request comes from the page of another origin.")
        if request.method == "POST":
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":
                return _failed(415, "The request is no application/json.")
        return None


class _Desk:
    """Takes requests, has them computed, and says what became of them."""

    def __init__(
        self,
        worker: Worker,
        model: Answering,
        seconds: float,
        say: Callable[[str], None],
        body_seconds: float,
    ) -> None:
        self._worker, self._model, self._seconds, self._say = worker, model, seconds, say
        self._body_seconds = body_seconds

    async def ask(self, name: str, request: HttpRequest) -> Response:
        """The answer to a request of this name."""
        try:
            async with asyncio.timeout(self._body_seconds):
                body = await _body(request)
            asked = read_request(name, parsed(body))
        except TimeoutError:
            return _last(_failed(408, f"The request did not arrive whole within {self._body_seconds:g} seconds."))
        except _TooLongError:
            return _last(_failed(413, f"The request has more than {MOST_BYTES:,} bytes."))
        except RequestError as error:
            return _failed(400, str(error))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        if asked is None:
            return _failed(404, "There is no such request.")
        answer = await self.compute(lambda: json.dumps(self._model.answer(asked), allow_nan=False), request)
        return answer if isinstance(answer, Response) else _json(200, answer)

    async def compute(self, work: Callable[[], Any], request: HttpRequest) -> Any:  # noqa: ANN401
        """What work gives; or what is answered where it gives nothing."""
        job = self._worker.submit(work, self._seconds)
        if job is None:
            again = self._worker.seconds_till_free
            refused = _failed(503, "Too much is waiting to be computed: ask again later.", retry_after=again)
            refused.headers["Retry-After"] = str(again)
            return refused
        try:
            return await self._awaited(job, request)
        finally:
            job.given_up.set()

    async def _awaited(self, job: Job, request: HttpRequest) -> Any:  # noqa: ANN401
        answer = asyncio.wrap_future(job.answer)
        gone = asyncio.ensure_future(_until_gone(request))
        try:
            await asyncio.wait({answer, gone}, timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
        if not answer.done():
            job.given_up.set()
            answer.add_done_callback(_forgotten)
            if gone.done() and not gone.cancelled():
                return Response(status_code=400)  # nobody reads it
            return self._too_long()
        try:
            return answer.result()
        except (asyncio.CancelledError, GivenUpError):
            return self._too_long()
        except InputError as error:
            return _failed(422, str(error))
        except Exception as error:
            self._say(f"A request failed: {''.join(traceback.format_exception(error)).strip()}")
            return _failed(500, f"The computation failed: {type(error).__name__}. The terminal says more.")

    def _too_long(self) -> Response:
        return _failed(
            504,
            f"This took longer than {self._seconds:g} seconds, waiting included, and was given up. What comes next is "
            "computed as soon as the model has come to its next layer.",
        )


class _TooLongError(Exception):
    """A body has more bytes than are taken."""


async def _body(request: HttpRequest) -> bytes:
    """All of it; not a byte more than may be is read."""
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said) > MOST_BYTES:
        raise _TooLongError
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise _TooLongError
    return bytes(body)


async def _until_gone(request: HttpRequest) -> None:
    """Ends when nobody is there any more to be answered."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _forgotten(answer: asyncio.Future[Any]) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        answer.exception()


def _shown(page: Page) -> Response:
    return HTMLResponse(page.html, headers={POLICY: page.policy})


def _json(status: int, text: str) -> Response:
    return Response(text, status, media_type="application/json")


def _failed(status: int, sentence: str, **further: Any) -> Response:  # noqa: ANN401
    return _json(status, json.dumps({"error": sentence, **further}))


def _last(response: Response) -> Response:
    """A response behind which the connection is closed: what is still being sent is not read."""
    response.headers["Connection"] = "close"
    return response


async def _told(request: HttpRequest, error: Exception) -> Response:
    """What Starlette itself refuses, as a sentence."""
    assert isinstance(error, HTTPException)
    told = {405: "This is asked in another way.", 404: "There is nothing here."}
    failed = _failed(error.status_code, told.get(error.status_code, error.detail))
    failed.headers.update(error.headers or {})
    return failed
