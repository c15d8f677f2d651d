"""Every door by which users bring texts, models and data: taken rightly, or refused in one sentence that says why."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("transformers")

from tests.fixtures.data_doors import DATA_DOORS
from tests.fixtures.python_doors import PYTHON_DOORS


@pytest.mark.parametrize("door", [*PYTHON_DOORS, *DATA_DOORS], ids=str)
def test_a_door_is_open_or_says_why_not(door, tmp_path):
    if door.taken is not None:
        door.taken(door.open(tmp_path / "data-set"))
        return
    with pytest.raises(door.error, match=re.escape(door.refused)) as refused:
        door.open(tmp_path / "data-set")
    (sentence,) = str(refused.value).splitlines()
    assert sentence.endswith((".", "?"))
    assert door.names in sentence
