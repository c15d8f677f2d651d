"""The role of the key, by counting: how many dimensions of attention the keys and queries of width d_k can reach.

With all rows of a head observed and Q, K free, the logits QKᵀ have rank d_k at most and a softmax forgets a constant a
row, so attention matrices that can be realised form a set of dimension ``d_k (2n − 1 − d_k)`` (d_k ≤ n − 1), while the
outputs AT hold ``n · min(d_v, n − 1)`` numbers. At generic matrices what is left is

    f = max(0, d_k (2n − 1 − d_k) − n · min(d_v, n − 1)),

so A is *locally* identifiable (no alternatives nearby) iff d_k ≤ d_k*, the smaller root, about d_v/2 for n ≫ d_v. This
replaces the postulate of Bhardwaj et al. (2021) that a smaller d_k makes weights more identifiable: it does so from
about half of d_v down. Trained matrices may be degenerate (``tangent_ranks`` measures), and alternatives far away, or
rows that are not read out, are another matter.
"""

from __future__ import annotations

import math

from attnprobe.erasure.arrays import whole_number


def dk_star(n: int, d_v: int) -> float:
    """The critical key width: attention is generically locally identifiable iff ``d_k ≤ dk_star(n, d_v)``.

    ``((2n − 1) − √((2n − 1)² − 4 n d_v)) / 2``; infinite for n ≤ d_v + 1, where outputs alone fix the weights.

    Args:
        n: number of items, at least 1.
        d_v: width of the values.

    Raises:
        ValueError: a number that is not whole, or below 1.

    >>> round(dk_star(128, 64), 2)
    37.7
    """
    n, d_v = _counts(n=n, d_v=d_v)
    if d_v >= n - 1:
        return math.inf
    rows = 2 * n - 1
    # (rows − √(rows² − 4 n d_v)) / 2 without the cancellation.
    return 2 * n * d_v / (rows + math.sqrt(rows**2 - 4 * n * d_v))


def local_dimension(n: int, d_k: int, d_v: int) -> int:
    """Generic dimension of the attention matrices near a given one that keys of width d_k realise with equal output.

    Args:
        n: number of items.
        d_k: width of keys and queries.
        d_v: width of the values.

    Raises:
        ValueError: a number that is not whole, or below 1.

    >>> local_dimension(128, 64, 64)
    4032
    """
    n, d_k, d_v = _counts(n=n, d_k=d_k, d_v=d_v)
    return max(0, realisable_dimension(n, d_k) - n * min(d_v, n - 1))


def joint_local_dimension(n: int, d_k: int, d_e: int, heads: int) -> int:
    """The same for a layer of which only the sum of its heads is seen; equal for heads concatenated and added.

    Args:
        n: number of items.
        d_k: width of one head's keys and queries.
        d_e: width of the layer's output.
        heads: number of heads.

    Raises:
        ValueError: a number that is not whole, or below 1.
    """
    n, d_k, d_e, heads = _counts(n=n, d_k=d_k, d_e=d_e, heads=heads)
    return max(0, heads * realisable_dimension(n, d_k) - n * min(d_e, heads * (n - 1)))


def realisable_dimension(n: int, d_k: int) -> int:
    """Dimension of the attention matrices that keys and queries of width d_k realise: all n (n − 1) from n − 1 on."""
    n, d_k = _counts(n=n, d_k=d_k)
    width = min(d_k, n - 1)
    return width * (2 * n - 1 - width)


def _counts(**numbers: int) -> list[int]:
    """Whole numbers of Python, whatever they came as: a square does not overflow in them."""
    return [whole_number(name, number, 1) for name, number in numbers.items()]
