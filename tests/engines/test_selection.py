"""Layers, heads and rows as users write them down."""

import pytest
import torch

from attnprobe.attention.refusals import RefusedError
from attnprobe.attention.selection import Selected, indices
from attnprobe.base.errors import InputError
from attnprobe.engines.choice import fastest_engine
from tests.fixtures.attached_models import attached, rows_named


@pytest.mark.parametrize(
    ("specification", "expected"),
    [
        ("last", [5]),
        ("all", [0, 1, 2, 3, 4, 5]),
        ("3", [3]),
        ("-1", [5]),
        ("0,2-4", [0, 2, 3, 4]),
        ("4, 1", [1, 4]),
        ("0,-6,0", [0]),
        ("1-1", [1]),
    ],
)
def test_numbers_and_spans(specification, expected):
    assert indices("layers", specification, 6) == expected


@pytest.mark.parametrize("specification", ["6", "-7", "0-6", "first", "1-", "a", "1.5", "4-2", "1,,2", "2--1", "0;1"])
@pytest.mark.parametrize("what", ["layers", "heads"])
def test_what_there_is_not(what, specification):
    case = attached("bert", "classification")
    with pytest.raises(InputError) as caught:
        case.select(**{what: specification})
    message = str(caught.value)
    assert message.startswith(f"{what} {specification}:")
    assert "\n" not in message
    assert message.endswith(".")


@pytest.mark.parametrize("specification", ["middle", "1-", "2.0", "4-2"])
def test_rows_that_are_none(specification):
    with pytest.raises(InputError, match=f"query {specification}:"):
        attached("bert", "classification").select(query=specification)


def test_stacks_have_names():
    case = attached("t5", "classification")
    for stack in ("encoder", "decoder", "cross"):
        assert [(one.site.stack, one.site.layer) for one in case.select(f"{stack}:all")] == [(stack, 0), (stack, 1)]
    assert {one.site.stack for one in case.select("last")} == {"encoder"}
    assert {one.site.stack for one in attached("bert", "classification").select("self:0")} == {"self"}
    with pytest.raises(InputError, match="no 'encoder' attention; it has self"):
        attached("bert", "classification").select("encoder:last")
    with pytest.raises(InputError, match="there is no 2; the model has 0 to 1"):
        case.select("cross:2")


def test_heads_are_those_named():
    (selected,) = attached("bert", "classification").select(heads="0,-1")
    assert selected.heads.tolist() == [True, False, False, True]


@pytest.mark.parametrize("query", ["first", "last", (0, 2), (-1,), (6,), (-8,)])
@pytest.mark.parametrize("side", ["right", "left"])
def test_rows_count_real_tokens(query, side):
    real = torch.arange(9) < torch.tensor([9, 2, 6, 1])[:, None]
    real = real.flip(1) if side == "left" else real
    (one,) = attached("bert", "classification").select()
    found = Selected(one.site, one.heads, query).rows(real)
    assert torch.equal(found, rows_named(query, real))


def test_all_rows_are_those_of_real_tokens():
    real = torch.tensor([[True, True, False], [False, True, True]])
    (one,) = attached("bert", "classification").select()
    assert torch.equal(Selected(one.site, one.heads, "all").rows(real), real)


@pytest.mark.parametrize(
    ("family", "query", "read"), [("bert", "last", "first"), ("gpt2", "first", "last"), ("bert", "50", "first")]
)
def test_a_row_that_the_output_does_not_depend_on(family, query, read):
    case = attached(family, "classification")
    selected = case.select(query=query)
    with pytest.raises(RefusedError) as caught:
        fastest_engine(case.attachment, selected, case.inputs)
    message = str(caught.value)
    assert "self layer 2 changes nothing" in message
    assert f"depends on the {read} row" in message
    assert query in message
    assert "(" not in message  # rows are named as they were given
    assert message.endswith(".")
    assert "\n" not in message


def test_auto_is_the_row_that_is_read():
    assert [one.query for one in attached("bert", "classification").select("all")] == ["all", "all", "first"]
    assert [one.query for one in attached("gpt2", "classification").select("all")] == ["all", "all", "last"]
    assert [one.query for one in attached("torch", "mean-classification").select("all")] == ["all"] * 3
