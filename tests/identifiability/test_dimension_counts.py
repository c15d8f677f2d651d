import math

import pytest

from attnprobe.identifiability import dk_star, joint_local_dimension, local_dimension, realisable_dimension


def test_closed_forms():
    assert dk_star(128, 64) == pytest.approx(37.70, abs=0.005)
    assert local_dimension(128, 64, 64) == 64 * (255 - 64) - 128 * 64 == 4032
    assert realisable_dimension(12, 4) == 4 * (23 - 4)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 12, 40])
@pytest.mark.parametrize("d_v", [1, 2, 4, 7, 11, 39, 64])
def test_locally_identifiable_iff_d_k_is_at_most_the_critical_one(n, d_v):
    critical = dk_star(n, d_v)
    for d_k in range(1, n + 3):
        assert (local_dimension(n, d_k, d_v) == 0) == (d_k <= critical)
    if d_v >= n - 1:
        assert critical == math.inf
    else:
        assert critical == pytest.approx(((2 * n - 1) - math.sqrt((2 * n - 1) ** 2 - 4 * n * d_v)) / 2)


def test_half_the_value_width_for_long_inputs():
    assert dk_star(10**7, 64) == pytest.approx(32, abs=1e-3)
    assert dk_star(10**15, 64) == pytest.approx(32)


def test_keys_of_full_width_realise_everything():
    for d_k in (11, 12, 100):
        assert realisable_dimension(12, d_k) == 12 * 11


def test_layers_count_all_heads_against_one_output():
    assert joint_local_dimension(12, 4, 6, 1) == local_dimension(12, 4, 6)
    assert joint_local_dimension(128, 64, 512, 8) == 8 * 64 * 191 - 128 * 512
    assert joint_local_dimension(10, 2, 64, 2) == 0


def test_numbers_below_one_are_refused():
    for bad in (lambda: dk_star(0, 4), lambda: local_dimension(4, 0, 4), lambda: joint_local_dimension(4, 2, 4, 0)):
        with pytest.raises(ValueError, match="is 0, but a whole number of at least 1"):
            bad()
