"""The map of a knock-out against plain passes of the same prompts: calls of layers counted at the layers, CPU seconds.

    python -m benchmarks.knockouts

Six sources to the last position in a window of three layers around each of six, 36 cuts a prompt, in a GPT-2 of six
layers with random weights; prompts of random words. The least that can be is one plain pass and, of each cut, the
layers from its window's lowest on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from attnprobe.data.prompts import Prompts
from attnprobe.models.huggingface.knocked_out import KnockedOut
from attnprobe.settings.knockout import KnockoutSettings
from benchmarks.measure import report
from experiments.knockout.words import SPECIAL, prompt_of, tokenizer_of, words

LAYERS, WIDTH, HEADS, WORDS = 6, 384, 6, 2000
SHORTEST, LONGEST = 12, 20
NAMED = ("first", "a", "b", "c", "rest", "last")
"""Sources: three words of each prompt, its ends, and what is left."""


def prompts_of(count: int) -> Prompts:
    """Random words, three of which are named."""
    draw = np.random.default_rng(0)
    rows = []
    for _ in range(count):
        length = int(draw.integers(SHORTEST, LONGEST + 1))
        places = np.sort(draw.permutation(np.arange(1, length - 1))[:3]).tolist()
        tokens = [f"w{number}" for number in draw.integers(0, WORDS, length)]
        rows.append(prompt_of(tokens, dict(zip("abc", places, strict=True))))
    return Prompts.of(rows)


@contextmanager
def counted(model: Any) -> Iterator[list[int]]:
    """How many rows each layer computes, by a hook on its feed-forward, which a layer that is skipped does not call."""
    rows = [0] * len(model.transformer.h)

    def count(layer: int) -> Any:
        def hook(_module: object, given: Any) -> None:
            rows[layer] += len(given[0])

        return hook

    handles = [block.mlp.register_forward_pre_hook(count(n)) for n, block in enumerate(model.transformer.h)]
    try:
        yield rows
    finally:
        for handle in handles:
            handle.remove()


def main() -> None:
    """Print a line for the passes, and one for the time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--width", type=int, default=WIDTH)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=WORDS + len(SPECIAL),
        n_positions=LONGEST,
        n_embd=arguments.width,
        n_layer=LAYERS,
        n_head=HEADS,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    model: Any = GPT2LMHeadModel(config).eval()
    settings = KnockoutSettings(sources=NAMED, window="3")
    prompts = prompts_of(arguments.prompts)
    subject = KnockedOut(model, tokenizer_of(words(WORDS)), settings, prompts)
    groups = subject.groups()
    with counted(model) as rows:
        start = time.process_time()
        for numbers in groups:
            subject.of(numbers)
        seconds = time.process_time() - start
    least = LAYERS + len(NAMED) * sum(LAYERS - first for _, first, _ in subject.windows)
    passes = sum(rows) / len(prompts) / LAYERS
    batches = [subject.inputs(numbers) for numbers in groups]
    start = time.process_time()
    with torch.no_grad():
        for inputs in batches:
            model(**inputs)
    plain = time.process_time() - start
    told = {"prompts": len(prompts), "cuts_a_prompt": len(NAMED) * len(subject.windows), "width": arguments.width}
    report("plain passes a prompt, counted at the layers", passes, over_the_least=passes * LAYERS / least, **told)
    report(
        "the map against one plain pass of the same prompts, CPU seconds",
        seconds / plain,
        milliseconds_a_prompt=1000 * seconds / len(prompts),
        **told,
    )


if __name__ == "__main__":
    main()
