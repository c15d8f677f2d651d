"""Clients that misbehave are refused in a sentence, cost nothing, and nobody else notices."""

import json
import threading

import pytest

from attnprobe.base.errors import InputError
from tests.fixtures.commands import wait_until
from tests.fixtures.served_models import TEXT, serving

BAD_REQUESTS = {
    "no JSON": b"{",
    "no object": b"[1]",
    "no UTF-8": b'{"text": "\xff"}',
    "NaN": b'{"text": "a", "removed": [NaN]}',
    "a long number": b'{"text": "a", "removed": [' + b"9" * 6000 + b"]}",
    "nested": b'{"text": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a key twice": b'{"text": "a", "text": "b"}',
    "an unknown key": {"text": "a", "model": "other"},
    "no text": {"removed": []},
    "a number for a text": {"text": 3},
    "half a character": b'{"text": "\\ud800"}',
    "a text that is too long": {"text": "a" * 20_001},
    "a bool for a number": {"text": "a", "removed": [True]},
    "a fraction": {"text": "a", "removed": [1.5]},
    "a negative number": {"text": "a", "removed": [-1]},
    "twice the same": {"text": "a", "removed": [1, 1]},
    "a huge number": {"text": "a", "removed": [10**9]},
    "a list of too many": {"text": "a", "removed": list(range(20_001))},
    "other rows": {"text": "a", "rows": "some"},
    "a list for heads": {"text": "a", "heads": [0]},
    "a layer that is no number": {"text": "a", "heads": {"x": [0]}},
    "a layer written otherwise": {"text": "a", "heads": {"00": [0]}},
    "an unknown cut": {"text": "a", "cut": {"tokens": [0]}},
    "a way that is no name": {"text": "a", "erase_by": 4},
}

UNFIT = {
    "an empty text": {"text": ""},
    "a blank text": {"text": " \n\t"},
    "no such item": {"text": TEXT, "removed": [99]},
    "no such layer": {"text": TEXT, "layers": [7]},
    "no such head": {"text": TEXT, "heads": {"1": [9]}},
    "no head at all": {"text": TEXT, "heads": {"1": []}},
    "no such way": {"text": TEXT, "erase_by": "deleting"},
    "no such row": {"text": TEXT, "cut": {"rows": [400]}},
    "no such cut layer": {"text": TEXT, "cut": {"layers": [7]}},
    "no such cut head": {"text": TEXT, "cut": {"heads": {"0": [7]}}},
}


def is_a_sentence(answer):
    sentence = answer["error"]
    return set(answer) <= {"error", "retry_after"} and sentence.endswith(".") and "Traceback" not in sentence


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_what_is_no_request_is_refused_in_a_sentence(served, name):
    status, answer = served.ask("erase", BAD_REQUESTS[name])
    assert (status, is_a_sentence(answer)) == (400, True), answer
    assert len(answer["error"]) < 400


@pytest.mark.parametrize("name", UNFIT)
def test_what_the_model_does_not_have_is_refused_in_a_sentence(served, name):
    status, answer = served.ask("erase", UNFIT[name])
    assert (status, is_a_sentence(answer)) == (422, True), answer


def test_other_requests_than_there_are(served):
    for name, about, status in (
        ("delete", {}, 404),
        ("attention", {"text": TEXT, "layer": 9}, 422),
        ("attention", {"text": TEXT}, 400),
        ("ordering", {"text": TEXT, "ordering": "best"}, 422),
        ("ordering", {"text": TEXT, "ordering": "x" * 100_000}, 400),
        ("compare", {"text": TEXT, "orderings": [], "ways": ["zero"]}, 400),
        ("compare", {"text": TEXT, "orderings": ["attention"], "ways": ["zero"] * 65}, 400),
        ("model", {"text": TEXT}, 400),
    ):
        found, answer = served.ask(name, about)
        assert (found, is_a_sentence(answer)) == (status, True), (name, answer)


def test_whoever_has_no_token_finds_nothing(served):
    token = served.gate.token
    for path in ("/", "/x/", f"/{token[:-1]}/", f"/{token}x/", f"/{token.lower()}/", "//", "/%00/", f"/x/{token}/"):
        assert served.send("GET", path)[0] == 404
    assert served.send("POST", "/x/api/model", b"{}", Content_Type="application/json")[0] == 404


def test_pages_of_others_are_not_let_in(served):
    page = f"/{served.gate.token}/"
    post = (f"{page}api/model", b"{}")
    for host in ("attacker.example", f"attacker.example:{served.gate.port}", "127.0.0.1", "127.0.0.1:1", None):
        assert served.send("GET", page, Host=host)[0] in (400, 421)
    for origin in ("http://attacker.example", "null", f"https://{served.host}"):
        assert served.send("POST", *post, Content_Type="application/json", Origin=origin)[0] == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None):
        assert served.send("POST", *post, Content_Type=kind)[0] == 415
    own = f"http://{served.host}"
    assert served.send("POST", *post, Content_Type="application/json; charset=utf-8", Origin=own)[0] == 200
    assert served.send("GET", f"{page}api/model")[0] == 405
    assert served.send("PUT", *post, Content_Type="application/json")[0] == 405


def test_every_answer_has_a_policy_and_is_kept_by_nobody(served):
    token = served.gate.token
    for method, path in (("GET", f"/{token}/"), ("GET", "/x/"), ("GET", f"/{token}/no"), ("POST", f"/{token}/api/x")):
        _, headers, _ = served.send(method, path, b"{}" if method == "POST" else None, Content_Type="application/json")
        found = {name.lower(): value for name, value in headers.items()}
        assert "default-src 'none'" in found["content-security-policy"]
        assert "'unsafe" not in found["content-security-policy"]
        assert "http:" not in found["content-security-policy"]
        assert (found["cache-control"], found["referrer-policy"]) == ("no-store", "no-referrer")
        assert found["x-content-type-options"] == "nosniff"
        assert "server" not in found


def test_a_body_without_end_is_not_read_to_its_end(served):
    large = b'{"text": "' + b"a" * 300_000 + b'"}'
    assert served.ask("text", large)[0] == 413
    with served.raw() as client:
        head = f"POST /{served.gate.token}/api/text HTTP/1.1\r\nHost: {served.host}\r\n"
        client.sendall(f"{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        with pytest.raises(OSError):  # noqa: PT012 - whenever the server has enough
            while True:
                client.sendall(b"8000\r\n" + b"a" * 0x8000 + b"\r\n")
    assert served.answer("text", text=TEXT)["tokens"]


def test_one_that_does_not_go_on_is_not_waited_for(live_model):
    with serving(live_model, body_seconds=0.3) as served:
        head = f"POST /{served.gate.token}/api/text HTTP/1.1\r\nHost: {served.host}\r\n"
        with served.raw() as client:
            client.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 900\r\n\r\n{{".encode())
            assert client.recv(4096).startswith(b"HTTP/1.1 408")
        with served.raw() as client:  # gone in the midst of it
            client.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 900\r\n\r\n{{".encode())
        for nonsense in (b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 400, b"A" * 100_000):
            with served.raw() as client:
                client.sendall(nonsense)
        assert served.answer("text", text=TEXT)["tokens"]
        assert served.faults == []


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "a\x00b\x1b[31m", "\u202egnirts", "🏳️‍🌈 " * 5, "\ufffe\u2028"]
)
def test_texts_of_any_kind_are_texts(served, text):
    status, answer = served.ask("text", {"text": text})
    assert status in (200, 422)
    assert status == 200 or is_a_sentence(answer)
    assert "\x1b" not in json.dumps(answer, ensure_ascii=False)


class Waiting:
    """Answers when it is let."""

    def __init__(self):
        self.begun, self.go_on, self.answered = threading.Event(), threading.Event(), []

    def answer(self, request):
        self.begun.set()
        assert self.go_on.wait(60)
        self.answered.append(request)
        return {"ok": True}


def in_background(work):
    found = []
    thread = threading.Thread(target=lambda: found.append(work()), daemon=True)
    thread.start()
    return thread, found


def test_what_the_queue_has_no_room_for_is_told_to_come_again():
    model = Waiting()
    with serving(model, waiting=2) as served:
        asking = [in_background(lambda: served.ask("model", {}))]
        assert model.begun.wait(60)
        asking += [in_background(lambda: served.ask("model", {})) for _ in range(2)]
        wait_until(lambda: served.worker._queue.full())
        status, answer = served.ask("model", {})
        assert (status, is_a_sentence(answer)) == (503, True)
        assert answer["retry_after"] >= 1
        model.go_on.set()
        for thread, found in asking:
            thread.join(60)
            assert found == [(200, {"ok": True})]


def test_what_takes_too_long_is_given_up_and_the_next_is_answered():
    model = Waiting()
    with serving(model, seconds=0.3) as served:
        status, answer = served.ask("model", {})
        assert (status, is_a_sentence(answer)) == (504, True)
        model.go_on.set()
        wait_until(lambda: model.answered)
        assert served.ask("model", {}) == (200, {"ok": True})


def test_what_nobody_waits_for_any_more_is_not_computed(served, live_model):
    """The model itself is stopped at its next layer, and whoever comes next is answered."""
    with serving(live_model, seconds=0.001) as hasty:
        status, answer = hasty.ask("compare", {"text": TEXT, "orderings": ["integrated_gradients"], "ways": ["zero"]})
        assert (status, is_a_sentence(answer)) == (504, True)
    assert served.answer("text", text=TEXT)["tokens"]


class Broken:
    def answer(self, request):
        raise {"model": InputError("There is none."), "text": ZeroDivisionError("secret")}[
            "model" if type(request).__name__ == "OfModel" else "text"
        ]


def test_a_fault_is_a_sentence_for_the_client_and_told_in_the_terminal():
    with serving(Broken()) as served:
        assert served.ask("model", {}) == (422, {"error": "There is none."})
        status, answer = served.ask("text", {"text": "a"})
        assert (status, is_a_sentence(answer)) == (500, True)
        assert "secret" not in answer["error"]
        assert "ZeroDivisionError: secret" in served.faults[0]
        assert served.ask("model", {})[0] == 422
