"""What a click costs: from a browser's question to the answer, of a model of MiniLM's shape and fifty tokens.

python -m benchmarks.live
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import torch

from attnprobe.live.answering import LiveModel
from attnprobe.live.application import Page, Pages, application
from attnprobe.live.computing import Worker
from attnprobe.live.gate import Gate
from attnprobe.live.live_page import content_security_policy, live_page
from attnprobe.live.opened import open_checkpoint
from attnprobe.live.serving import listening_socket, server
from attnprobe.settings.attention import AttentionSettings
from benchmarks.minilm_shaped import SHAPE, word_pieces

TOKENS = 50

WORDS = [f"word{chr(97 + place // 26)}{chr(97 + place % 26)}" for place in range(90)]


def main() -> None:
    """Serve the model, ask it as the page does, and print seconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repetitions", type=int, default=20, help="of each question, of which the median is told")
    parser.add_argument("--tokens", type=int, default=TOKENS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint(Path(folder))
        model = open_checkpoint(folder, AttentionSettings(), "cpu", 60.0)
        at = listening_socket("127.0.0.1", 0)
        gate, worker = Gate("127.0.0.1", at.getsockname()[1]), Worker()
        pages = Pages(Page(live_page(), content_security_policy()))
        running = server(application(gate, worker, model, pages, 60.0))
        with model.given_up_by(worker.check):
            threading.Thread(target=running.run, kwargs={"sockets": [at]}, daemon=True).start()
            measure(gate, at, model, arguments.tokens, arguments.repetitions)
            running.should_exit = True


def measure(gate: Gate, at: socket.socket, model: LiveModel, tokens: int, repetitions: int) -> None:
    """Print how long the client waits for each kind of answer."""
    connection = http.client.HTTPConnection("127.0.0.1", gate.port)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as browsers do

    def ask(name: str, about: dict[str, Any]) -> float:
        started = time.perf_counter()
        path, headers = f"/{gate.token}/api/{name}", {"Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(about).encode(), headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        return time.perf_counter() - started

    texts = [
        " ".join(WORDS[(7 * number + place) % len(WORDS)] for place in range(tokens - 2))
        for number in range(repetitions)
    ]
    layers = [len(model.reader.layers) - 1]
    every = list(range(len(model.reader.layers)))
    questions: dict[str, dict[str, Any]] = {
        "one token, as by default": {"removed": [3]},
        "another token": {"removed": [9]},
        "ten tokens": {"removed": list(range(3, 13))},
        "one token in every layer and row": {"removed": [3], "layers": every, "rows": "all"},
        "a head cut off in the first layer": {"cut": {"heads": {"0": [1]}}},
        "the last layer cut off": {"cut": {"layers": layers}},
    }
    seconds: dict[str, list[float]] = {"a new text is read": [ask("text", {"text": text}) for text in texts]}
    for name, edit in questions.items():
        seconds[name] = [ask("erase", {"text": text} | edit) for text in texts]
    print(f"{model.described.name}: {tokens} tokens, {torch.get_num_threads()} threads, {repetitions} texts")
    print("milliseconds at the client: median, and the longest; of a text that has been read")
    for name, each in seconds.items():
        print(f"{1000 * statistics.median(each):8.1f} {1000 * max(each):8.1f}  {name}")


def checkpoint(folder: Path) -> None:
    """Random weights of MiniLM's shape, and a tokenizer that has each word whole."""
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    tokenizer = word_pieces([" ".join(WORDS)] * 2)
    BertForSequenceClassification(BertConfig(vocab_size=len(tokenizer), **SHAPE)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main()
