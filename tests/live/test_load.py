"""Many clients at once: each gets the answers to its own questions, as they are given to one alone."""

import threading
import time

import pytest

from tests.fixtures.served_models import TEXT

CLIENTS = 20


def questions(client):
    """What a client asks: a text of its own, and what becomes of it."""
    text = " ".join(TEXT.split()[client % 3 :] + ["word1"] * (1 + client % 5))
    return [
        ("text", {"text": text}),
        ("erase", {"text": text, "removed": [client % 4]}),
        ("erase", {"text": text, "removed": [1, 2], "layers": [0, 1], "rows": "all"}),
        ("attention", {"text": text, "layer": client % 2}),
        ("ordering", {"text": text, "ordering": ("attention", "gradient")[client % 2]}),
    ]


def without_time(answer):
    return {name: value for name, value in answer.items() if name != "milliseconds"}


def load(served, seconds):
    """(answers that were wrong, requests that were answered, requests that were told to come again)."""
    alone = {
        client: [without_time(served.answer(name, **about)) for name, about in questions(client)]
        for client in range(CLIENTS)
    }
    wrong, counts, lock = [], {"answered": 0, "again": 0}, threading.Lock()
    until = time.monotonic() + seconds

    def be(client):
        first = True
        while first or time.monotonic() < until:
            first = False
            for (name, about), expected in zip(questions(client), alone[client], strict=True):
                status, answer = served.ask(name, about)
                while status == 503:
                    with lock:
                        counts["again"] += 1
                    time.sleep(0.05)
                    status, answer = served.ask(name, about)
                with lock:
                    counts["answered"] += 1
                    if status != 200 or without_time(answer) != expected:
                        wrong.append((client, name, status, answer))

    threads = [threading.Thread(target=be, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    return wrong, counts["answered"], counts["again"]


@pytest.mark.parametrize("seconds", [0, pytest.param(60, marks=pytest.mark.slow)])
def test_twenty_clients_lose_and_mix_nothing(served, seconds):
    wrong, answered, _ = load(served, seconds)
    assert wrong == []
    assert answered >= CLIENTS * len(questions(0))
