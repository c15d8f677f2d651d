"""Whether what selected layers give can be seen item by item: of a model, tried once, and not of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import torch
from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.blocks import NoBlocksError
from attnprobe.attention.edited_runs import close
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.output_maps import output_maps
from attnprobe.attention.selection import Selected
from attnprobe.engines.attention_outputs import outputs_of_attention
from attnprobe.engines.items import Items
from attnprobe.engines.layer_outputs import LayerEnd, outputs_of_layers
from attnprobe.erasure.erasable import OutputProducts


class SelectedOutputs:
    """What selected layers of a model give.

    Args:
        attachment: the model.
        selected: layers, heads and rows.
        examples: a batch to try it on, when it is first asked for.
    """

    def __init__(self, attachment: Attachment, selected: Sequence[Selected], examples: Inputs) -> None:
        self._attachment, self._selected, self._examples = attachment, selected, examples

    @cached_property
    def _maps(self) -> list[Tensor] | None:
        return output_maps(self._attachment.call, [chosen.site for chosen in self._selected], self._examples)

    @cached_property
    def _layers_end(self) -> bool:
        """Whether each layer, run again with nothing at zero, gives what it gave, one vector a row."""
        if not self._attachment.within:
            return False
        try:
            return all(
                self._gives_the_same(LayerEnd(self._attachment, chosen, self._examples)) for chosen in self._selected
            )
        # Whatever a model's code makes of being run from a block on: then it is not known what a layer gives.
        except (NoBlocksError, RuntimeError, TypeError, ValueError, IndexError, KeyError, AttributeError):
            return False

    def _gives_the_same(self, layer: LayerEnd) -> bool:
        documents = torch.arange(len(layer.whole), device=layer.whole.device)
        again = layer.without(documents, torch.zeros_like(layer.keys))
        real = layer.rows
        return layer.whole.shape[:2] == real.shape and close(layer.whole[real], again[real])

    def of_attention(self, inputs: Inputs, items: Items) -> Iterator[list[OutputProducts]] | None:
        """What items are of what attention gives; None where the map behind it is not seen."""
        if self._maps is None:
            return None
        return outputs_of_attention(self._attachment.call, self._selected, self._maps, inputs, items)

    def of_layers(self, inputs: Inputs, items: Items) -> Iterator[list[OutputProducts]] | None:
        """What items are of what layers as a whole give; None where these cannot be run by themselves."""
        return outputs_of_layers(self._attachment, self._selected, inputs, items) if self._layers_end else None
