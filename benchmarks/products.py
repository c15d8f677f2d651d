"""Matrix products of float32 by oneDNN against PyTorch's own, one thread.

python -m benchmarks.products
"""

from __future__ import annotations

import torch
from torch import nn

from attnprobe.attention.onednn import OneDnnProducts
from benchmarks.measure import in_turn, median_ratio, report

ROWS = 1024


def main() -> None:
    """Print how many times as fast oneDNN is, by shape."""
    torch.set_num_threads(1)
    for inputs, outputs in ((384, 384), (384, 1536), (1536, 384), (768, 3072)):
        layer, values = nn.Linear(inputs, outputs), torch.randn(ROWS, inputs)

        @torch.no_grad()
        def own(layer: nn.Linear = layer, values: torch.Tensor = values) -> None:
            for _ in range(20):
                layer(values)

        @torch.no_grad()
        def by_onednn(layer: nn.Linear = layer, values: torch.Tensor = values) -> None:
            with OneDnnProducts():
                for _ in range(20):
                    layer(values)

        ours, theirs = in_turn([by_onednn, own], 7)
        report("oneDNN against PyTorch's own products", median_ratio(theirs, ours), inputs=inputs, outputs=outputs)


if __name__ == "__main__":
    main()
