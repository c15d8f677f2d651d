"""What answers at an address and is not Ray is refused in time, and Ctrl-C ends the wait for it."""

import os
import signal
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from attnprobe.execution import ray_address
from attnprobe.execution.ray_address import NoRayError, in_time, place_of, require_ray
from tests.fixtures.commands import wait_until
from tests.fixtures.processes import start_script

SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))


@contextmanager
def server(speak):
    """A server on the loopback address that does the same with every connection; its port."""
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                connections.append(connection)
                threading.Thread(target=speak, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
    for connection in connections:
        connection.close()


def silent(connection):
    pass


def trickling(connection):
    """A byte of a frame of settings now and then, and never the whole."""
    try:
        for byte in bytes((0, 0, 0)):
            connection.sendall(bytes([byte]))
            time.sleep(0.2)
    except OSError:
        pass


def web(connection):
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    connection.close()


def mail(connection):
    connection.sendall(b"220 mail.example ESMTP\r\n")


def database(connection):
    """A frame's head as long as any, of no settings."""
    connection.sendall(b"J\x00\x00\x00\x0a8.0.36-and-so-on")


def closing(connection):
    connection.close()


def resetting(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()


def endless_settings(connection):
    connection.sendall(b"\xff\xff\xff\4\0\0\0\0\0")


@pytest.mark.parametrize("speak", [web, mail, database, closing, resetting, endless_settings])
def test_what_says_something_else_is_refused_at_once(speak):
    with server(speak) as port, pytest.raises(NoRayError, match=r"^what answers there is not Ray$"):
        require_ray(f"127.0.0.1:{port}", seconds=60)


@pytest.mark.parametrize("speak", [silent, trickling])
def test_what_says_nothing_is_refused_in_time(speak):
    began = time.monotonic()
    with server(speak) as port, pytest.raises(NoRayError, match=r"^what is there says nothing"):
        require_ray(f"ray://127.0.0.1:{port}", seconds=0.5)
    assert 0.4 < time.monotonic() - began < 60


def test_a_server_of_http2_is_let_through():
    greetings = []

    def speak(connection):
        greetings.append(connection.recv(100))
        for part in (SETTINGS[:4], SETTINGS[4:]):
            connection.sendall(part)

    with server(speak) as port:
        require_ray(f"127.0.0.1:{port}", seconds=60)
    assert greetings[0].startswith(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")


def test_certificates_are_left_to_ray(monkeypatch):
    monkeypatch.setenv("RAY_USE_TLS", "1")
    with server(silent) as port:
        require_ray(f"127.0.0.1:{port}", seconds=60)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("127.0.0.1:6379", ("127.0.0.1", 6379)),
        ("ray://head.example:10001", ("head.example", 10001)),
        ("[::1]:6379", ("::1", 6379)),
        ("127.0.0.1:65536", None),
        ("auto", None),
        ("nonsense", None),
        ("http://127.0.0.1:80", None),
    ],
)
def test_places(address, place):
    assert place_of(address) == place


def test_a_call_in_time_is_made_and_its_errors_are_raised_here():
    made = []
    assert in_time(lambda: made.append(threading.current_thread()), 60)
    assert made != [threading.current_thread()]
    with pytest.raises(ValueError, match="twelve"):
        in_time(lambda: int("twelve"), 60)
    assert not in_time(lambda: time.sleep(60), 0.05)


SCRIPT = """
import sys

from attnprobe.cli import main

sys.exit(main(sys.argv[1:]))
"""


def probe(run, tmp_path, port):
    return start_script(
        tmp_path / "script.py", SCRIPT, "probe", run, "--executor", "ray", "--address", f"127.0.0.1:{port}"
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    pytest.importorskip("ray")
    from tests.fixtures.probed_runs import trained_run

    folder = tmp_path_factory.mktemp("address")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield trained_run(folder, 4)


@pytest.mark.slow
def test_the_command_refuses_a_silent_port_in_one_sentence_and_in_time(run, tmp_path):
    reached = threading.Event()

    def speak(connection):
        reached.set()

    with server(speak) as port:
        process = probe(run, tmp_path, port)
        assert reached.wait(60)
        began = time.monotonic()
        _, errors = process.communicate(timeout=60)
    assert time.monotonic() - began < 1.5 * ray_address.SECONDS_TO_ANSWER
    assert (process.returncode, errors.count("\n")) == (2, 1), errors
    assert errors.startswith(f"attnprobe: There is no Ray cluster to be had at '127.0.0.1:{port}': what is there says")


def settings_alone(connection):
    """As a server of gRPC that is not Ray, as far as that can be told."""
    try:
        connection.sendall(SETTINGS)
        while connection.recv(1000):
            pass
    except OSError:
        pass


@pytest.mark.slow
@pytest.mark.parametrize("speak", [silent, settings_alone])
def test_an_interruption_ends_the_wait(run, tmp_path, speak):
    reached = threading.Event()

    def speak_and_tell(connection):
        reached.set()
        speak(connection)

    with server(speak_and_tell) as port:
        process = probe(run, tmp_path, port)
        assert reached.wait(60)
        time.sleep(1)  # so that it has come to Ray's own attempt, where it does
        began = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
    assert time.monotonic() - began < 8
    assert process.returncode == 130
    wait_until(lambda: process.poll() is not None)


@pytest.mark.slow
def test_another_server_of_grpc_is_given_up_in_time(run, tmp_path):
    with server(settings_alone) as port:
        process = probe(run, tmp_path, port)
        _, errors = process.communicate(timeout=2 * ray_address.SECONDS_TO_JOIN)
    assert process.returncode == 2
    assert f"There is no Ray cluster to be had at '127.0.0.1:{port}': " in errors
