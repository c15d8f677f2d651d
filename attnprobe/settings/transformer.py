"""What a transformer encoder is made with: widths, heads, how heads are combined, and released behaviour by name.

Symbols are those of Bhardwaj et al. (2021): d_e of embeddings, d_k of queries and keys, d_v of values, h heads.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from attnprobe.settings.declaration import Settings, setting
from attnprobe.settings.unfit import Named, SettingError

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
class TransformerOptions(Settings, section="transformer"):
    """A transformer encoder and the classifier that reads its first token.

    Heads that are combined by ``concatenate`` stand side by side, then one map (h d_v × d_e); ``add`` sums them, then
    one map (d_v × d_e) that they share; ``add_own`` has a map (d_v × d_e) for each head, then the sum. The last is the
    first by another name, but for the d_v that it has by default. What can be as released:
    :mod:`attnprobe.identifiability.as_released`.

    Raises:
        SettingError: options that do not fit one another.
    """

    d_e: int = setting(64, help="width of embeddings and hidden states")
    num_heads: int = setting(4, help="attention heads, h, of every layer")
    d_k: int | None = setting(None, help="width of a head's queries and keys", shown="d_e / h")
    d_v: int | None = setting(None, help="width of a head's values", shown="d_e / h; of added heads d_e")
    combine: str = setting(
        CONCATENATE,
        choices=COMBINATIONS,
        help="how heads become one output: side by side, or summed before one output map or after a map a head",
    )
    positions: bool = setting(True, help="embed positions (learned)")
    num_layers: int = setting(1, help="encoder layers")
    d_ff: int = setting(256, help="width of the feed-forward networks")
    dropout: float = setting(
        0.1, at_least=0, below=1, help="rate on embeddings, weights, and outputs of attention and feed-forward networks"
    )
    longest: int = setting(512, at_least=SHORTEST, help="documents are cut to so many items, the first token included")
    matched: bool = setting(
        False,
        help="of concatenated heads: widen the feed-forward networks, to as many parameters as with heads added",
    )
    as_released: tuple[str, ...] = setting(
        (), choices=RELEASED, metavar="A,B", help="what is as in the code that was released with the paper"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_heads()
        numbers = self.longest * self.d_e + encoder_parameters(self)
        if numbers > LARGEST or self.num_layers > MOST_LAYERS:
            self._refuse(
                f"{{}} {{}}: an encoder of {numbers:,} numbers; {MOST_LAYERS:,} layers and {LARGEST:,} numbers are the "
                "most.",
                Named("num_layers"),
                self.num_layers,
            )

    def _check_heads(self) -> None:
        if self.d_e % self.num_heads and None in (self.d_k, self.d_v):
            self._refuse(
                "{} {} is no multiple of {} {}: give {} and {}.",
                *(Named("d_e"), self.d_e, Named("num_heads"), self.num_heads, Named("d_k"), Named("d_v")),
            )
        if self.matched and self.combine != CONCATENATE:
            self._refuse(
                "{} is for {} {}, and not for {}.", Named("matched"), Named("combine"), CONCATENATE, self.combine
            )
        if HEAD_SUM in self.as_released and (self.combine != ADD or self.value_width % self.num_heads):
            self._refuse(
                "{} {} is for {} {} and {} that is a multiple of {} {}.",
                *(Named("as_released"), HEAD_SUM, Named("combine"), ADD, Named("d_v"), Named("num_heads")),
                self.num_heads,
            )

    def _refuse(self, template: str, *values: object) -> None:
        raise SettingError(self.section, template, *values)

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
