import numpy as np
import pytest
import scipy.optimize

from attnprobe.base.errors import SolverError
from attnprobe.identifiability import linear_programs
from attnprobe.identifiability.linear_programs import minimise


def test_value_bound_and_multipliers_agree():
    generator = np.random.default_rng(0)
    for _ in range(20):
        rows, objective = generator.normal(size=(6, 9)), generator.normal(size=9)
        at_most = rows @ generator.random(9)
        rows, at_most = np.vstack([rows, np.ones(9)]), np.append(at_most, 9.0)
        found = minimise(objective, rows, at_most, np.full(9, 9.0), always=7)
        assert found.value == pytest.approx(objective @ found.point)
        assert found.bound <= found.value + 1e-12
        assert found.value - found.bound < 1e-9
        assert (found.multipliers <= 0).all()
        np.testing.assert_allclose(found.reduced_costs, objective - found.multipliers @ rows, atol=1e-12)


def test_rows_that_are_added_late_bind_all_the_same():
    generator = np.random.default_rng(1)
    rows, at_most = generator.normal(size=(400, 5)), 1.0 + generator.random(400)
    rows, at_most = np.vstack([np.ones(5), rows]), np.append(5.0, at_most)
    objective = -generator.random(5)
    late = minimise(objective, rows, at_most, np.full(5, 5.0), always=1)
    at_once = minimise(objective, rows, at_most, np.full(5, 5.0), always=401)
    assert late.value == pytest.approx(at_once.value, abs=1e-12)
    assert (rows @ late.point <= at_most + 1e-9).all()
    assert late.bound == pytest.approx(late.value)


def test_variables_may_be_free():
    # min x with x ≥ −2 as a row only.
    found = minimise(
        np.array([1.0]), np.array([[-1.0]]), np.array([2.0]), np.array([np.inf]), always=1, free=np.array([True])
    )
    assert found.value == found.bound == pytest.approx(-2.0)


def test_infeasible_and_unbounded_programs_are_one_clear_error():
    with pytest.raises(SolverError, match="2 rows and 1 columns was not solved"):
        minimise(np.ones(1), np.array([[1.0], [-1.0]]), np.array([1.0, -2.0]), np.ones(1), always=2)
    with pytest.raises(SolverError, match="was not solved"):
        minimise(-np.ones(1), np.array([[-1.0]]), np.array([1.0]), np.array([np.inf]), always=1)


def some_program():
    """Of six rows and nine variables, all at most nine."""
    generator = np.random.default_rng(0)
    rows, objective = generator.normal(size=(6, 9)), generator.normal(size=9)
    at_most = np.append(rows @ generator.random(9), 9.0)
    return minimise(objective, np.vstack([rows, np.ones(9)]), at_most, np.full(9, 9.0), always=7)


def test_a_failed_solver_is_one_clear_error(monkeypatch):
    class Failed:
        status = 4
        message = "Numerical difficulties encountered."

    monkeypatch.setattr(linear_programs, "linprog", lambda *args, **kwargs: Failed())
    with pytest.raises(SolverError, match=r"was not solved: Numerical difficulties"):
        some_program()


@pytest.mark.parametrize("lie", ["point", "multipliers"])
def test_a_solver_that_is_wrong_is_found_out(monkeypatch, lie):
    honest = scipy.optimize.linprog

    def dishonest(*args, **kwargs):
        result = honest(*args, **kwargs)
        if lie == "point":
            result.x = result.x + 0.1
        else:
            result.ineqlin.marginals = 0.0 * result.ineqlin.marginals
        return result

    monkeypatch.setattr(linear_programs, "linprog", dishonest)
    with pytest.raises(SolverError, match=r"missed by|bound by"):
        some_program()


def test_a_solver_that_fails_once_is_asked_again(monkeypatch):
    honest, calls = scipy.optimize.linprog, []

    def unreliable(*args, **kwargs):
        calls.append(kwargs["method"])
        result = honest(*args, **kwargs)
        if len(calls) == 1:
            result.status, result.message = 4, "Numerical difficulties encountered."
        return result

    expected = some_program().value
    monkeypatch.setattr(linear_programs, "linprog", unreliable)
    assert some_program().value == pytest.approx(expected)
    assert len(calls) == 2
