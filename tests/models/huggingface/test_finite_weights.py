"""A checkpoint whose weights are no numbers is refused for that reason, by file and tensor."""

import json

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.base.errors import InputError
from attnprobe.models.huggingface.loading import load_checkpoint
from attnprobe.training.finite_weights import first_not_finite
from tests.fuzzing.checkpoints import copy_of_valid


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_whichever_weight_is_no_number_is_named_with_its_file(tmp_path, value):
    model = copy_of_valid(tmp_path)
    file = model / "model.safetensors"
    tensors = safetensors.torch.load_file(file)
    for name in sorted(tensors)[:: 5 if value == value else 9]:
        damaged = {key: tensor.clone() for key, tensor in tensors.items()}
        damaged[name].view(-1)[-1] = value
        safetensors.torch.save_file(damaged, file, {"format": "pt"})
        with pytest.raises(InputError, match="NaN or infinite") as refused:
            load_checkpoint(str(model))
        assert str(file) in str(refused.value)
        assert repr(name) in str(refused.value)


def test_the_shard_is_named_that_holds_it(tmp_path):
    model = copy_of_valid(tmp_path)
    tensors = safetensors.torch.load_file(model / "model.safetensors")
    (model / "model.safetensors").unlink()
    tensors["classifier.bias"][0] = torch.nan
    halves = [dict(sorted(tensors.items())[half::2]) for half in (0, 1)]
    index = {}
    for number, half in enumerate(halves):
        safetensors.torch.save_file({k: v.half() for k, v in half.items()}, model / f"part-{number}.safetensors")
        index |= dict.fromkeys(half, f"part-{number}.safetensors")
    (model / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    with pytest.raises(InputError, match=r"NaN or infinite, in 'classifier\.bias'") as refused:
        load_checkpoint(str(model))
    assert index["classifier.bias"] in str(refused.value)


VALUES = [0.0, 1.0, -3e38, 3e38, float("nan"), float("inf"), float("-inf")]


@given(st.lists(st.lists(st.sampled_from(VALUES), max_size=4), max_size=4))
def test_it_is_seen_exactly_where_a_number_is_not_finite(rows):
    """Also where finite numbers have no finite sum."""
    tensors = [(str(number), torch.tensor(row, dtype=torch.float32)) for number, row in enumerate(rows)]
    bad = [name for name, tensor in tensors if not torch.isfinite(tensor).all()]
    assert first_not_finite([*tensors, ("whole numbers", torch.tensor([1]))]) == (bad[0] if bad else None)
