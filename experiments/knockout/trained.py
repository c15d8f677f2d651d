"""A language model that is trained on a task with one possible route: its windows are too short for any other.

Each layer attends to a position and the two before it, so that in three layers a word can come from six places back at
most, and from there only by a hop of two in each layer. The task is to say the word of six places back; all else is
random. So there are three routes: hop 0 → hop 1 in layer 0, hop 1 → hop 2 in layer 1, hop 2 → last in layer 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from transformers import MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

from experiments.knockout.words import SPECIAL, prompt_of, tokenizer_of, words

WORDS, LONGEST = 16, 24
LAYERS, WINDOW = 3, 3
BACK = LAYERS * (WINDOW - 1)

HOPS = (*(f"hop{number}" for number in range(LAYERS)), "last")
PLANTED = {(HOPS[layer], HOPS[layer + 1], layer, -1) for layer in range(LAYERS)}
"""Source, target, layer, and the mark of all heads, of every route."""


def untrained_model(seed: int = 0) -> MistralForCausalLM:
    """The model as it begins."""
    torch.manual_seed(seed)
    config = MistralConfig(
        vocab_size=WORDS + len(SPECIAL),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=LONGEST,
        sliding_window=WINDOW,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=None,
    )
    return MistralForCausalLM(config)


def trained_model(steps: int = 1500, seed: int = 0) -> tuple[MistralForCausalLM, PreTrainedTokenizerFast, float]:
    """The trained model, its tokenizer, and the share of words that it says right in the end.

    Args:
        steps: of 64 random texts each.
        seed: of the weights and the texts.
    """
    model = untrained_model(seed)
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    right = 0.0
    for _ in range(steps):
        texts = torch.randint(len(SPECIAL), WORDS + len(SPECIAL), (64, LONGEST), generator=generator)
        logits = model(texts, use_cache=False).logits[:, BACK:]
        wanted = texts[:, :-BACK]
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten())
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        right = float((logits.argmax(-1) == wanted).double().mean())
    return model.eval(), tokenizer_of(words(WORDS)), right


def trained_prompts(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Random texts of different lengths, and where the hops to their last word are."""
    draw = np.random.default_rng(seed)
    prompts = []
    for _ in range(count):
        length = int(draw.integers(BACK + 4, LONGEST + 1))
        tokens = [f"w{number}" for number in draw.integers(0, WORDS, length)]
        prompts.append(prompt_of(tokens, {HOPS[hop]: length - 1 - BACK + hop * (WINDOW - 1) for hop in range(LAYERS)}))
    return prompts
