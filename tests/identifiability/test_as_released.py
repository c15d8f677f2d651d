import pytest
import torch

from attnprobe.identifiability import as_released, joint_nullity, nullity


def head_maps(combine, heads, d_v):
    """Each head's linear map from its values to what is passed on (heads, d_v, outputs)."""
    maps = []
    for head in range(heads):
        outputs = torch.zeros(d_v, heads, d_v)
        outputs[:, head] = torch.eye(d_v)
        maps.append(combine(outputs))
    return torch.stack(maps)


@pytest.mark.parametrize(("heads", "d_e"), [(4, 32), (8, 64), (4, 48)])
def test_the_released_head_sum_has_the_rank_of_concatenated_heads(heads, d_e):
    added = head_maps(as_released.added_heads, heads, d_e)
    released = head_maps(as_released.reshaped_head_sum, heads, d_e)
    assert torch.linalg.matrix_rank(added).tolist() == [d_e] * heads
    assert torch.linalg.matrix_rank(released).tolist() == [d_e // heads] * heads


def test_the_released_head_sum_does_not_add_heads():
    outputs = torch.randn(3, 4, 8, generator=torch.Generator().manual_seed(0))
    released = as_released.reshaped_head_sum(outputs)
    assert not torch.allclose(released, as_released.added_heads(outputs))
    # Two of the eight outputs belong to each head: sums of four adjacent coordinates.
    for head in range(4):
        torch.testing.assert_close(released[:, 2 * head], outputs[:, head, :4].sum(-1))
        torch.testing.assert_close(released[:, 2 * head + 1], outputs[:, head, 4:].sum(-1))
    with pytest.raises(ValueError, match="3 heads do not divide"):
        as_released.reshaped_head_sum(outputs[:, :3])


def test_the_released_addition_leaves_the_nullity_of_concatenation():
    heads, d_e, n = 4, 32, 16
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(heads, n, d_e, generator=generator, dtype=torch.float64)
    output = torch.randn(d_e, d_e, generator=generator, dtype=torch.float64)

    def projected(combine):
        return values @ head_maps(combine, heads, d_e).double() @ output

    added, released = projected(as_released.added_heads), projected(as_released.reshaped_head_sum)
    assert nullity(added).nullity.tolist() == [0] * heads
    assert nullity(released).nullity.tolist() == [n - d_e // heads - 1] * heads
    # For the layer it makes no difference.
    assert joint_nullity(added).nullity == joint_nullity(released).nullity == heads * n - d_e - heads


def test_the_inverted_mask_attends_to_padding():
    generator = torch.Generator().manual_seed(2)
    scores = torch.randn(2, 3, 5, 5, generator=generator)
    mask = torch.arange(5) < torch.tensor([[3], [3]])
    intended = torch.softmax(as_released.masked_scores(scores, mask), -1)
    released = torch.softmax(as_released.inverted_masked_scores(scores, mask), -1)
    on_padding = (~mask)[:, None, None].float()
    assert (intended * on_padding).sum(-1).max() == 0
    of_real_items = (released * on_padding).sum(-1)[:, :, :3]
    torch.testing.assert_close(of_real_items, torch.ones(2, 3, 3))


def test_the_released_mask_is_that_of_another_sample():
    scores = torch.zeros(2, 3, 5, 5)
    mask = torch.arange(5) < torch.tensor([[5], [2]])
    first = as_released.inverted_masked_scores(scores, mask)
    # Heads come first in the mask: head h of sample b takes that of sample (b · heads + h) mod batch.
    for sample in range(2):
        for head in range(3):
            taken = (sample * 3 + head) % 2
            hidden = mask[taken, :, None] & mask[taken, None]
            assert ((first[sample, head] < -1e9) == hidden).all()
    # So the batch decides: alone the second sample is masked by its own lengths.
    alone = as_released.inverted_masked_scores(scores[1:], mask[1:])
    assert not torch.equal(alone[0], first[1])


def test_the_released_scale_is_that_of_the_values():
    # d_k 256 and d_v 64: scores are spread twice as widely as intended; with d_v 512 less.
    assert as_released.scale(256) == 1 / 16
    assert as_released.released_scale(64) / as_released.scale(256) == 2.0
    assert as_released.released_scale(512) / as_released.scale(256) == pytest.approx(0.7071, abs=1e-4)
    generator = torch.Generator().manual_seed(3)
    queries, keys = torch.randn(2, 400, 256, generator=generator)
    spread = (queries @ keys.T).std()
    assert float(spread * as_released.scale(256)) == pytest.approx(1.0, abs=0.05)
    assert float(spread * as_released.released_scale(64)) == pytest.approx(2.0, abs=0.1)
