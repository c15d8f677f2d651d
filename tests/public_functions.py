"""Every public function with arguments that are exact in all floating formats, and with arguments of whole numbers.

A function with arrays among its arguments and no entry here makes ``test_number_kinds`` fail.
"""

import numpy as np
import torch

import attnprobe
from attnprobe import identifiability
from attnprobe.identifiability import ErasureOutcomes, same_head_output

BATCH, ITEMS, DIM, CLASSES = 2, 4, 3, 3

MASK = torch.tensor([[True, True, True, True], [True, True, True, False]])
ORDER = torch.tensor([[[2, 0, 3, 1], [1, 2, 0, 3]], [[0, 1, 2, 3], [2, 1, 0, 3]]])


def quarters(seed, *shape):
    """Multiples of a quarter between −2 and 2: exact in every format, and so are their averages by eighths."""
    return torch.randint(-8, 9, shape, generator=torch.Generator().manual_seed(seed)).double() / 4


def bits(seed, *shape):
    """Zeros and ones."""
    return torch.randint(0, 2, shape, generator=torch.Generator().manual_seed(seed)).double()


def log_probabilities(seed, *shape):
    """Log-probabilities of three classes in bfloat16 that sum to one far better than those do in general."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(20_000, 3, generator=generator, dtype=torch.float64).log_softmax(-1).bfloat16().double()
    close = drawn[drawn.logsumexp(-1).abs() < 5e-4]
    return close[: int(np.prod(shape))].reshape(*shape, 3)


EXACT = {
    "weights": torch.tensor([[0.5, 0.25, 0.125, 0.125], [0.25, 0.25, 0.5, 0.0]], dtype=torch.float64),
    "scores": quarters(0, BATCH, ITEMS),
    "gradients": quarters(1, BATCH, ITEMS),
    "values": quarters(2, BATCH, ITEMS, DIM),
    "keys": quarters(3, BATCH, ITEMS, 2),
    "readout": (quarters(4, CLASSES, DIM), quarters(5, CLASSES)),
    "log_weights": quarters(6, BATCH, ITEMS),
    "log_matrix": quarters(7, BATCH, 2, ITEMS),
    "log_p": log_probabilities(8, BATCH, 2),
    "log_q": log_probabilities(9, BATCH, 2),
    "residual": quarters(10, DIM),
    "parameters": (quarters(11, ITEMS, 2), quarters(12, ITEMS, 2)),
}
WHOLE = {
    "weights": torch.tensor([[1, 0, 0, 0], [0, 0, 1, 0]]).double(),
    "scores": bits(0, BATCH, ITEMS),
    "gradients": bits(1, BATCH, ITEMS),
    "values": bits(2, BATCH, ITEMS, DIM),
    "keys": bits(3, BATCH, ITEMS, 2),
    "readout": (bits(4, CLASSES, DIM), bits(5, CLASSES)),
    "log_weights": bits(6, BATCH, ITEMS),
    "log_matrix": bits(7, BATCH, 2, ITEMS),
    "log_p": torch.zeros(BATCH, 2, 1).double(),
    "log_q": torch.zeros(BATCH, 2, 1).double(),
    "residual": bits(10, DIM),
    "parameters": (bits(11, ITEMS, 2), bits(12, ITEMS, 2)),
}


def examples(of):
    """Function → its arguments by name, made of ``EXACT`` or ``WHOLE``."""
    weights, values, readout = of["weights"], of["values"], of["readout"]
    documents = {"values": values, "weights": weights, "mask": MASK, "readout": readout}
    row = {"weights": weights[0], "values": values[0]}
    heads = {"weights": weights, "values": values}  # two heads of four items
    pair = {"log_p": of["log_p"], "log_q": of["log_q"]}
    output = (weights[..., None] * values).sum(1)
    realised = {"logits_of": lambda q, k: q @ k.T, "parameters": of["parameters"], "values": values[0]}
    alternatives = same_head_output(torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64), quarters(20, 3, 1))
    outcomes = ErasureOutcomes(alternatives, quarters(20, 3, 1), (quarters(21, 2, 1), quarters(22, 2)))
    return {
        attnprobe.erase: {"weights": weights, "erased": ~MASK.flip(0), "mask": MASK},
        attnprobe.rank_by_attention: {"weights": weights, "mask": MASK},
        attnprobe.rank_by_gradient: {"gradients": of["gradients"], "mask": MASK},
        attnprobe.rank_by_gradient_attention: {"weights": weights, "gradients": of["gradients"], "mask": MASK},
        attnprobe.rank_at_random: {"mask": MASK, "draws": 3, "seeds": torch.tensor([5, 6])},
        attnprobe.decision_gradient: documents,
        attnprobe.single_erasures: documents | {"scores": of["scores"]},
        attnprobe.first_flip: documents | {"order": ORDER},
        attnprobe.minimal_flip_set: documents,
        attnprobe.aopc_limits: documents,
        attnprobe.js_divergence: pair,
        attnprobe.kl_divergence: pair,
        attnprobe.total_variation: pair,
        attnprobe.entropy: {"log_p": of["log_p"]},
        identifiability.nullity: {"values": values, "mask": MASK},
        identifiability.joint_nullity: {"values": values[None], "mask": MASK[:1]},
        identifiability.published_rank: {"values": values, "mask": MASK},
        identifiability.effective_attention: {"weights": weights, "values": values, "mask": MASK},
        identifiability.maxent_attention: {"values": values, "output": output, "mask": MASK},
        identifiability.weight_range: {"weights": weights, "values": values, "mask": MASK},
        identifiability.item_flips: documents,
        identifiability.first_flip_range: documents | {"order": ORDER},
        identifiability.logit_rank: {"log_weights": of["log_matrix"], "mask": MASK},
        identifiability.distance_from_keys: {"log_weights": of["log_weights"], "keys": of["keys"], "mask": MASK},
        identifiability.fixed_key_dimension: {
            "weights": weights,
            "values": values,
            "keys": of["keys"],
            "mask": MASK,
        },
        identifiability.tangent_dimension: realised,
        identifiability.realisable_alternatives: realised | {"values": values[0, :, :1], "starts": 1},
        identifiability.same_head_output: row,
        identifiability.same_layer_output: heads,
        identifiability.same_normed_output: heads | {"residual": of["residual"]},
        identifiability.same_logits: row | {"readout": readout},
        identifiability.same_decision: row | {"readout": readout},
        identifiability.same_probabilities: row | {"readout": readout, "epsilon": 0.125},
        identifiability.mass_range: {"alternatives": alternatives, "chosen": torch.tensor([True, False, True])},
        identifiability.lowest_kendall_tau: {
            "alternatives": alternatives,
            "flips": torch.tensor([[False, True, True], [False] * 3, [False] * 3]),
        },
        identifiability.first_flips_of: {"outcomes": outcomes, "order": torch.tensor([1, 2, 0])},
    }


IN_FLOAT64 = {
    "aopc_limits",
    "same_head_output",
    "same_layer_output",
    "same_normed_output",
    "same_logits",
    "same_decision",
    "same_probabilities",
    "realisable_alternatives",
    "mass_range",
    "lowest_kendall_tau",
    "first_flips_of",
}
"""Functions whose results are sets of alternatives, certificates or certain ends, which stay in float64."""
