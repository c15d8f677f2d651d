"""Random bits made of seeds: the SplitMix64 finaliser (Steele et al. 2014) on int64 tensors."""

from __future__ import annotations

from torch import Tensor

_DIGITS = 53
"""Bits of a number that float64 holds exactly."""


def unsigned_shift(bits: Tensor, by: int) -> Tensor:
    """Shift int64 to the right as if it were unsigned."""
    return (bits >> by) & ((1 << (64 - by)) - 1)


def split_mix(bits: Tensor) -> Tensor:
    """SplitMix64: add the golden ratio and scramble; int64 arithmetic wraps as uint64 does."""
    bits = bits + (0x9E3779B97F4A7C15 - (1 << 64))
    bits = (bits ^ unsigned_shift(bits, 30)) * (0xBF58476D1CE4E5B9 - (1 << 64))
    bits = (bits ^ unsigned_shift(bits, 27)) * (0x94D049BB133111EB - (1 << 64))
    return bits ^ unsigned_shift(bits, 31)


def uniform_numbers(streams: Tensor, positions: Tensor) -> Tensor:
    """Numbers from 0 to below 1, float64, of the shape that streams and positions (int64) broadcast to."""
    numbers: Tensor = unsigned_shift(split_mix(streams + positions), 64 - _DIGITS).double() * 2.0**-_DIGITS
    return numbers
