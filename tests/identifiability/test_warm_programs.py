import numpy as np
import pytest
from hypothesis import given, settings

from attnprobe.base.errors import SolverError
from attnprobe.identifiability import same_head_output, warm_programs
from attnprobe.identifiability.linear_programs import minimise
from attnprobe.identifiability.warm_programs import WarmPrograms, minimise_with_rows
from tests.fixtures.attention_rows import rows


@pytest.fixture
def constraints():
    """Rows, at most, ceiling and which of nine variables may be negative."""
    generator = np.random.default_rng(0)
    matrix = np.vstack([generator.normal(size=(12, 9)), np.eye(9), -np.eye(9)])
    at_most = np.concatenate([matrix[:12] @ generator.random(9) + 0.1, np.full(9, 9.0), np.full(9, 2.0)])
    return matrix, at_most, np.full(9, 9.0), np.arange(9) < 2


def test_programs_in_a_row_equal_those_solved_from_the_beginning(constraints):
    matrix, at_most, ceiling, free = constraints
    programs = WarmPrograms(*constraints)
    generator = np.random.default_rng(1)
    for without in (None, 3, 3, 0, None, 11, None, *generator.integers(0, 12, 20)):
        objective = generator.normal(size=9) * 10.0 ** generator.integers(-6, 6)
        imposed = np.arange(len(matrix)) != without
        cold = minimise(objective, matrix[imposed], at_most[imposed], ceiling, always=100, free=free)
        warm = programs.minimise(objective, without)
        assert warm.value == pytest.approx(cold.value, rel=1e-9)
        assert warm.bound == pytest.approx(warm.value, rel=1e-7)
        assert (matrix[imposed] @ warm.point <= at_most[imposed] + 1e-9).all()
        assert len(warm.multipliers) == imposed.sum()


def test_what_does_not_stand_up_is_solved_from_the_beginning(constraints, monkeypatch):
    programs, objective = WarmPrograms(*constraints), np.random.default_rng(2).normal(size=9)
    expected, asked = programs.minimise(objective).value, []

    def cold(*arguments, **named):
        asked.append(arguments)
        return minimise(*arguments, **named)

    monkeypatch.setattr(warm_programs, "fault", lambda *_: "it is wrong")
    monkeypatch.setattr(warm_programs, "minimise", cold)
    assert programs.minimise(objective).value == pytest.approx(expected)
    assert len(asked) == 1


@pytest.mark.parametrize("always", [1, 401])
def test_rows_that_are_added_late_bind_all_the_same(always):
    generator = np.random.default_rng(1)
    matrix, at_most = generator.normal(size=(400, 5)), 1.0 + generator.random(400)
    matrix, at_most = np.vstack([np.ones(5), matrix]), np.append(5.0, at_most)
    objective = -1e3 * generator.random(5)
    cold = minimise(objective, matrix, at_most, np.full(5, 5.0), always=401)
    warm = minimise_with_rows(objective, matrix, at_most, np.full(5, 5.0), always=always, free=None)
    assert warm.value == pytest.approx(cold.value, rel=1e-12)
    assert warm.bound == pytest.approx(warm.value, rel=1e-9)
    assert (matrix @ warm.point <= at_most + 1e-9).all()
    np.testing.assert_allclose(warm.reduced_costs, objective - warm.multipliers @ matrix, atol=1e-6)


def test_what_no_point_satisfies_is_refused():
    matrix, at_most = np.array([[1.0], [-1.0]]), np.array([1.0, -2.0])
    with pytest.raises(SolverError, match="2 rows and 1 columns was not solved"):
        minimise_with_rows(np.ones(1), matrix, at_most, np.ones(1), always=2, free=None)
    with pytest.raises(SolverError, match="2 rows and 1 columns was not solved"):
        WarmPrograms(matrix, at_most, np.ones(1), None).minimise(np.ones(1))


@settings(max_examples=40)
@given(rows(max_items=6))
def test_leads_equal_the_largest_slack_of_each_item(row):
    alternatives = same_head_output(row.weights, row.values)
    items = len(row.weights)
    for item, lead in enumerate(alternatives.leads(range(items))):
        ahead = np.delete(np.eye(items), item, axis=0)
        ahead[:, item] = -1.0
        assert lead == pytest.approx(alternatives.largest_slack(ahead, np.zeros(items - 1)).value, abs=1e-9)
