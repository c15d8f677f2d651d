"""Encoders of a sequence of vectors: recurrent, convolutional, one by one, none (Serrano & Smith 2019, §3; Jain &
Wallace 2019, §2)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

import torch
from torch import Tensor, nn

from attnprobe.base.registry import Registry
from attnprobe.data.batches import pad
from attnprobe.models.bit_dropout import BitDropout
from attnprobe.models.pooled.packed_gru import packed_gru


class Encoder(Protocol):
    """Anything that maps (batch, items, dim) and a mask (batch, items) to (batch, items, ``output_dim``)."""

    output_dim: int

    def __call__(self, values: Tensor, mask: Tensor) -> Tensor:
        """Encode; what stands at padding is unspecified but finite."""
        ...

    def flat(self, values: Tensor, lengths: Tensor) -> Tensor:
        """The same of sequences of these lengths that lie one after another: (items, dim) to (items, ``output_dim``).

        Equal to rounding, and faster to train.
        """
        ...


class RecurrentEncoder(nn.Module):
    """One layer of bidirectional GRU or LSTM: two of them, the second on the sequence turned round within its length.

    The same numbers as a packed bidirectional one, several times as fast on a CPU.
    """

    def __init__(self, dim: int, hidden: int = 50, cell: type[nn.GRU] | type[nn.LSTM] = nn.GRU) -> None:
        super().__init__()
        self.output_dim = 2 * hidden
        self.forwards = cell(dim, hidden, batch_first=True)
        self.backwards = cell(dim, hidden, batch_first=True)
        for layer in (self.forwards, self.backwards):
            for name, parameter in layer.named_parameters():
                _initialise(name, parameter)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Hidden states of both directions (batch, items, 2 · hidden)."""
        positions = torch.arange(mask.shape[1], device=mask.device)
        turned = (mask.sum(-1, keepdim=True) - 1 - positions).abs()  # its own inverse on the real items
        rows = torch.arange(len(mask), device=mask.device)[:, None]
        ahead, _ = self.forwards(values)
        behind, _ = self.backwards(values[rows, turned])
        return torch.cat([ahead, behind[rows, turned]], dim=-1)

    def flat(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Hidden states of both directions (items, 2 · hidden)."""
        ahead, behind = self.forwards, self.backwards
        if values.device.type == "cpu" and isinstance(ahead, nn.GRU) and isinstance(behind, nn.GRU):
            return packed_gru(values, lengths, ahead, behind)
        padded, mask = pad(values, lengths)  # cuDNN has a kernel of its own
        return self.forward(padded, mask)[mask]


def _initialise(name: str, parameter: Tensor) -> None:
    """Input weights after Glorot, recurrent weights orthogonal, biases zero."""
    if name.startswith("weight_ih"):
        nn.init.xavier_uniform_(parameter)
    elif name.startswith("weight_hh"):
        nn.init.orthogonal_(parameter)
    else:
        nn.init.zeros_(parameter)


class ConvolutionalEncoder(nn.Module):
    """Convolutions of several odd widths, some channels each, then ReLU; with an input dropout of its own.

    By default as Serrano & Smith (2019) have them.
    """

    def __init__(self, dim: int, channels: int = 50, dropout: float = 0.3, widths: tuple[int, ...] = (3, 5)) -> None:
        super().__init__()
        self.widths = widths
        self.output_dim = channels * len(widths)
        self.dropout = BitDropout(dropout)
        self.convolutions = nn.ModuleList(nn.Conv1d(dim, channels, width, padding=width // 2) for width in widths)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Channels of all widths (batch, items, channels · widths), zero at padding."""
        real = mask[:, None].to(values.dtype)
        channels_first = self.dropout(values).transpose(1, 2) * real
        outputs = torch.cat([convolution(channels_first) for convolution in self.convolutions], dim=1)
        return (torch.relu(outputs) * real).transpose(1, 2)

    def flat(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Channels of all widths (items, channels · widths): of one long sequence, with zeros between its parts."""
        gap = max(self.widths) // 2
        sequences = torch.arange(1, len(lengths) + 1, device=lengths.device)
        places = torch.arange(len(values), device=lengths.device) + gap * sequences.repeat_interleave(lengths)
        apart = values.new_zeros(len(values) + gap * (len(lengths) + 1), values.shape[1])
        apart = apart.index_copy(0, places, self.dropout(values))
        channels = [self._sums_of_taps(apart, convolution, gap) for convolution in self.convolutions]
        return torch.relu(torch.cat(channels, dim=1)).index_select(0, places - gap)

    @staticmethod
    def _sums_of_taps(values: Tensor, convolution: nn.Module, gap: int) -> Tensor:
        """A convolution of (items, dim) but for ``gap`` items at both ends: the sum of one product a tap, shifted.

        The products are one large one; oneDNN's convolution with its gradient takes twice as long.
        """
        assert isinstance(convolution, nn.Conv1d)
        assert convolution.bias is not None
        taps = convolution.weight.permute(2, 0, 1)
        products = nn.functional.linear(values, taps.flatten(0, 1)).chunk(len(taps), dim=1)
        first, items = gap - len(taps) // 2, len(values) - 2 * gap
        shifted = [product[start : start + items] for start, product in enumerate(products, start=first)]
        return torch.stack(shifted).sum(0) + convolution.bias


class NoEncoder(nn.Module):
    """The vectors themselves."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.output_dim = dim

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``values`` as they are."""
        return values

    def flat(self, values: Tensor, lengths: Tensor) -> Tensor:
        """``values`` as they are."""
        return values


class OneByOneEncoder(nn.Module):
    """Each vector by itself through a linear layer and tanh: it knows nothing of its neighbours."""

    def __init__(self, dim: int, hidden: int = 128) -> None:
        super().__init__()
        self.output_dim = hidden
        self.project = nn.Linear(dim, hidden)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """What becomes of each (batch, items, hidden)."""
        return torch.tanh(self.project(values))

    def flat(self, values: Tensor, lengths: Tensor) -> Tensor:
        """What becomes of each (items, hidden)."""
        return torch.tanh(self.project(values))


AnyEncoder = RecurrentEncoder | ConvolutionalEncoder | NoEncoder | OneByOneEncoder

ENCODERS: Registry[Callable[[int], AnyEncoder]] = Registry("encoder")
"""By name, each made of the width of what it encodes: first those of Serrano & Smith, then those of Jain & Wallace."""

ENCODERS.register("rnn", RecurrentEncoder)
ENCODERS.register("conv", ConvolutionalEncoder)
ENCODERS.register("none", NoEncoder)
ENCODERS.register("lstm", partial(RecurrentEncoder, hidden=128, cell=nn.LSTM))
ENCODERS.register("cnn", partial(ConvolutionalEncoder, channels=32, dropout=0.0, widths=(1, 3, 5, 7)))
ENCODERS.register("average", OneByOneEncoder)
