"""An induction circuit written into the weights of a GPT-2: nothing in it is learned, and every route is known.

Of a prompt … A B … A the answer is B. In layer 1 head 0 lets each position read the word before it; in layer 3 head 1
lets the last position look for the position whose word before is its own, and read that one's word. The other heads and
layers give nothing. So there are two routes: the first A → B in layer 1, head 0; and B → last in layer 3, head 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from experiments.knockout.words import SPECIAL, prompt_of, tokenizer_of, words

WORDS, LONGEST = 24, 16
LAYERS, HEADS = 4, 2
BEFORE, INDUCTION = (1, 0), (3, 1)
"""Layer and head of the word before, and of the search for one's own word."""

_SHARP = 4.0
"""Queries times keys that match, before layer norm makes some fifty of it and the head divides it by seven."""

_SURE = 2.0
"""Logit of what stands in the answer, before layer norm."""

PLANTED = {("before", "after", *BEFORE), ("after", "last", *INDUCTION)}
"""Source, target, layer and head of every route."""


def constructed_model() -> tuple[GPT2LMHeadModel, PreTrainedTokenizerFast]:
    """The model and its tokenizer.

    The residual stream has four parts: the word, its place, the word before, and the answer, each one-hot.
    """
    vocabulary = WORDS + len(SPECIAL)
    width = 3 * vocabulary + LONGEST
    width += -width % (2 * HEADS)
    config = GPT2Config(
        vocab_size=vocabulary,
        n_positions=LONGEST,
        n_embd=width,
        n_layer=LAYERS,
        n_head=HEADS,
        n_inner=4,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    model = GPT2LMHeadModel(config).eval()
    word, place = slice(0, vocabulary), slice(vocabulary, vocabulary + LONGEST)
    before = slice(place.stop, place.stop + vocabulary)
    answer = slice(before.stop, before.stop + vocabulary)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(1.0 if ".ln" in name and name.endswith("weight") else 0.0)
        model.transformer.wte.weight[:, word] = torch.eye(vocabulary)
        model.transformer.wpe.weight[:, place] = torch.eye(LONGEST)
        model.lm_head.weight[:, answer] = _SURE * torch.eye(vocabulary)
        earlier = torch.eye(LONGEST).roll(1, 0)
        earlier[0] = 0
        earlier = earlier.T  # place i asks for place i − 1
        _write_head(model, BEFORE, (place, earlier.T), (place, torch.eye(LONGEST)), word, before)
        same = torch.eye(vocabulary)
        _write_head(model, INDUCTION, (word, same), (before, same), word, answer)
    return model, tokenizer_of(words(WORDS))


def _write_head(
    model: GPT2LMHeadModel,
    head: tuple[int, int],
    query: tuple[slice, Tensor],
    key: tuple[slice, Tensor],
    read: slice,
    write: slice,
) -> None:
    """Let a head match queries with keys, and move what is in one part of the stream into another.

    Args:
        model: whose weights are written.
        head: its layer and number.
        query, key: a part of the stream, and what is made of it (part, match).
        read, write: parts of the stream.
    """
    layer, number = head
    attention: Any = model.transformer.h[layer].attn
    width, size = model.config.n_embd, model.config.n_embd // HEADS
    first = number * size
    for offset, (part, matrix) in ((0, query), (width, key)):
        # Layer norm takes the mean away, which a one-hot match need not know of.
        weight = matrix - matrix.mean(0, keepdim=True)
        attention.c_attn.weight[part, offset + first : offset + first + weight.shape[1]] = weight * _SHARP**0.5
    count = read.stop - read.start
    whole = torch.eye(count) - 1 / count
    attention.c_attn.weight[read, 2 * width + first : 2 * width + first + count] = whole
    attention.c_proj.weight[first : first + count, write] = torch.eye(count)


def constructed_prompts(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Prompts … A B … A of different lengths, all other words different from each other, and the stretches by name."""
    draw = np.random.default_rng(seed)
    prompts = []
    for _ in range(count):
        length = int(draw.integers(9, LONGEST + 1))
        tokens = [f"w{number}" for number in draw.permutation(WORDS)[:length]]
        first = int(draw.integers(1, length - 4))
        tokens[-1] = tokens[first]
        prompts.append(prompt_of(tokens, {"before": first, "after": first + 1}))
    return prompts
