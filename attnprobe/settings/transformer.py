"""What a transformer encoder is made with: widths, heads, how heads are combined, and released behaviour by name.

Symbols are those of Bhardwaj et al. (2021): d_e of embeddings, d_k of queries and keys, d_v of values, h heads.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from attnprobe.base.errors import InputError
from attnprobe.settings.ranges import check_counts, check_rates

TRANSFORMER = "transformer"
"""The name of the model."""

CONCATENATE, ADD, ADD_OWN = "concatenate", "add", "add_own"
COMBINATIONS = (CONCATENATE, ADD, ADD_OWN)
"""How heads become one output."""

HEAD_SUM, MASK, SCALE = "head_sum", "mask", "scale"
RELEASED = (HEAD_SUM, MASK, SCALE)
"""What can be as in the code that was released with the paper."""

LARGEST = 2_000_000_000
"""Numbers that an encoder learns, at most; more would not be trained here, but end in a lack of memory."""

MOST_LAYERS = 1000
"""Of an encoder: each is a module, which takes time and memory whatever its widths are."""

SHORTEST = 16
"""Least limit of a document's length: what a model is tried on before it is tested must fit."""


@dataclass(frozen=True)
class TransformerOptions:
    """A transformer encoder and the classifier that reads its first token.

    Attributes:
        d_e: width of embeddings and hidden states.
        num_heads: h, of every layer.
        d_k: width of a head's queries and keys; None is d_e / h.
        d_v: width of a head's values; None is d_e / h where heads are concatenated and d_e where they are added.
        combine: ``concatenate``: heads side by side, then one map (h d_v × d_e); ``add``: heads are summed, then one
            map (d_v × d_e) that they share; ``add_own``: a map (d_v × d_e) for each head, then the sum. The last is
            the first by another name, but for the d_v that it has by default.
        positions: whether positions are embedded (learned).
        num_layers: how many encoder layers.
        d_ff: width of the feed-forward networks.
        dropout: rate on embeddings, attention weights, and outputs of attention and of feed-forward networks.
        longest: documents are cut to this many items, the first token included.
        matched: of concatenated heads: widen the feed-forward networks, to as many parameters as with heads added.
        as_released: what is as in the released code: ``head_sum``, ``mask``, ``scale``; see
            :mod:`attnprobe.identifiability.as_released`.

    Raises:
        InputError: options that do not fit one another.
    """

    d_e: int = 64
    num_heads: int = 4
    d_k: int | None = None
    d_v: int | None = None
    combine: str = CONCATENATE
    positions: bool = True
    num_layers: int = 1
    d_ff: int = 256
    dropout: float = 0.1
    longest: int = 512
    matched: bool = False
    as_released: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_counts(self, "d_e", "num_heads", "d_k", "d_v", "num_layers", "d_ff")
        check_counts(self, "longest", at_least=SHORTEST)
        check_rates(self, "dropout")
        self._check_names()
        if self.d_e % self.num_heads and None in (self.d_k, self.d_v):
            raise InputError(f"d_e {self.d_e} is no multiple of {self.num_heads} heads: give d_k and d_v.")
        numbers = self.longest * self.d_e + encoder_parameters(self)
        if numbers > LARGEST or self.num_layers > MOST_LAYERS:
            raise InputError(
                f"num_layers {self.num_layers}: an encoder of {numbers:,} numbers; {MOST_LAYERS:,} layers and "
                f"{LARGEST:,} numbers are the most."
            )

    def _check_names(self) -> None:
        if self.combine not in COMBINATIONS:
            raise InputError(f"combine must be one of {', '.join(COMBINATIONS)}, not {self.combine!r}.")
        for name in self.as_released:
            if name not in RELEASED:
                raise InputError(f"as_released takes {', '.join(RELEASED)}; {name!r} is none of them.")
        if self.matched and self.combine != CONCATENATE:
            raise InputError(f"matched is for concatenated heads, and these are combined by {self.combine}.")
        if HEAD_SUM in self.as_released and (self.combine != ADD or self.value_width % self.num_heads):
            raise InputError(
                f"as_released {HEAD_SUM} is for combine {ADD} and a d_v that is a multiple of the number of heads."
            )

    @property
    def key_width(self) -> int:
        """d_k."""
        return self.d_e // self.num_heads if self.d_k is None else self.d_k

    @property
    def value_width(self) -> int:
        """d_v."""
        if self.d_v is not None:
            return self.d_v
        return self.d_e // self.num_heads if self.combine == CONCATENATE else self.d_e

    @property
    def output_width(self) -> int:
        """Width of what the output map of a layer's attention takes."""
        return self.value_width if self.combine == ADD else self.num_heads * self.value_width

    @property
    def feed_forward_width(self) -> int:
        """``d_ff``, or the width at which a layer's parameters come closest to those with heads added."""
        if not self.matched:
            return self.d_ff
        added = dataclasses.replace(self, combine=ADD, d_v=None, matched=False)
        missing = attention_parameters(added) - attention_parameters(self)
        return max(1, self.d_ff + round(missing / (2 * self.d_e + 1)))

    @property
    def folder(self) -> str:
        """The model's name and every option that is not the default: what the folder of its runs is called.

        >>> TransformerOptions(d_k=1, combine="add", as_released=("scale",)).folder
        'transformer-d_k1-add-released_scale'
        """
        parts = [TRANSFORMER]
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value == field.default:
                continue
            if isinstance(value, bool):
                parts.append(field.name if value else f"no_{field.name}")
            elif isinstance(value, tuple):
                parts += [f"released_{name}" for name in value]
            else:
                parts.append(value if field.name == "combine" else f"{field.name}{value}")
        return "-".join(parts)


def attention_parameters(options: TransformerOptions) -> int:
    """Numbers that one layer's attention learns: maps and biases of queries, keys, values and output.

    Concatenated 2 d_e h d_k + 2 d_e² and 2 h d_k + 2 d_e, added 2 d_e h d_k + h d_e² + d_e² and 2 h d_k + h d_e + d_e,
    at the default d_v.

    >>> attention_parameters(TransformerOptions(d_e=32, d_k=16))
    6336
    >>> attention_parameters(TransformerOptions(d_e=32, d_k=16, combine="add"))
    9504
    """
    heads = options.num_heads * (2 * options.key_width + options.value_width)
    return (options.d_e + 1) * heads + (options.output_width + 1) * options.d_e


def encoder_parameters(options: TransformerOptions) -> int:
    """Numbers that the encoder's layers learn; embeddings and the classifier, which all variants share, left out."""
    feed_forward = (2 * options.d_e + 1) * options.feed_forward_width + options.d_e
    norms = 4 * options.d_e
    return options.num_layers * (attention_parameters(options) + feed_forward + norms)
