"""The functions across periods, growth and decline, and the periods' labels."""

import itertools
import math

import numpy as np
import pint
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flopcast
from flopcast import periods
from flopcast.periods import FUNCTIONS, Periods, growth_factor
from flopcast.trace import Recorder, Tracer
from flopcast.units import quantity

COUNT = 5


@pytest.fixture
def recorder():
    return Recorder(COUNT)


@pytest.fixture
def moving(recorder):
    return by_period(recorder, 0)


def by_period(recorder, first):
    return recorder.by_period(recorder.draw(first + k) for k in range(recorder.period_count))


def rows_of(values_of, *tracers):
    """Return the (periods, draws) values of each tracer, or (draws,) where it has no periods."""
    nodes = [node for tracer in tracers for node in tracer.nodes]
    values = iter(values_of(tracers[0].recorder, nodes))
    rows = [np.array([next(values) for _ in tracer.nodes]) for tracer in tracers]
    return [row if t.has_periods else row[0] for row, t in zip(rows, tracers, strict=True)]


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("total", lambda x: (((x[0] + x[1]) + x[2]) + x[3]) + x[4]),
        ("largest", lambda x: x.max(axis=0)),
        ("average", lambda x: ((((x[0] + x[1]) + x[2]) + x[3]) + x[4]) / 5),
        ("cumulative", lambda x: np.array(list(itertools.accumulate(x)))),
        ("cumulative_product", lambda x: np.array(list(itertools.accumulate(x, np.multiply)))),
    ],
)
def test_functions_across_periods(values_of, moving, name, reference):
    x, got = rows_of(values_of, moving, FUNCTIONS[name](moving))
    np.testing.assert_array_equal(got, reference(x))
    assert FUNCTIONS[name](moving).has_periods == name.startswith("cumulative")


def test_previous_is_the_period_before(values_of, moving, recorder):
    other = by_period(recorder, 10)
    x, y, *got = rows_of(
        values_of,
        moving,
        other,
        periods.previous(moving, 7.0),
        periods.previous(moving, other),
        periods.previous(other.at(1), moving.at(2)),
    )
    np.testing.assert_array_equal(got[0], [np.full(x[0].size, 7.0), *x[:-1]])
    np.testing.assert_array_equal(got[1], [y[0], *x[:-1]])
    np.testing.assert_array_equal(got[2], [x[2], *[y[1]] * (COUNT - 1)])


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "previous"])
def test_without_periods_they_are_the_identity(name):
    for recorder in (Recorder(), Recorder(COUNT)):
        x = Tracer(recorder, (recorder.draw(0),))
        assert FUNCTIONS[name](x) is x
    for value in (3.0, 0.1):
        assert FUNCTIONS[name](value) == pytest.approx(value)
    np.testing.assert_allclose(FUNCTIONS[name](np.array([1.0, 2.0])), [1.0, 2.0])


def test_without_periods_the_previous_value_is_the_first():
    recorder = Recorder()
    x, first = (Tracer(recorder, (recorder.draw(k),)) for k in range(2))
    assert periods.previous(x, first).nodes == first.nodes
    assert periods.previous(2.0, 3.0) == 3.0


def test_one_period(values_of):
    recorder = Recorder(1)
    x = by_period(recorder, 0)
    for name in FUNCTIONS:
        arguments = (x, 4.0) if name == "previous" else (x,)
        result = FUNCTIONS[name](*arguments)
        got, wanted = rows_of(values_of, result, x)
        np.testing.assert_array_equal(got.ravel(), 4.0 if name == "previous" else wanted.ravel())


def test_units_are_checked():
    price = quantity(3.0, "USD")
    for name in ("total", "largest", "average", "cumulative"):
        assert FUNCTIONS[name](price) == price
    with pytest.raises(pint.DimensionalityError):
        periods.cumulative_product(price)
    with pytest.raises(pint.DimensionalityError):
        periods.previous(price, quantity(3.0, "s"))
    assert periods.previous(price, quantity(400.0, "USD")) == quantity(400.0, "USD")


rate = st.floats(-0.9, 3.0)


@given(
    step=st.sampled_from(["year", "quarter", "month"]),
    growth=st.one_of(st.none(), rate, st.lists(rate, min_size=7, max_size=7)),
    decline=st.one_of(st.none(), st.floats(-2, 0.9), st.lists(st.floats(-2, 0.9), min_size=7)),
    count=st.integers(1, 7),
)
@settings(max_examples=80)
def test_growth_and_decline_follow_the_contract(values_of, step, growth, decline, count):
    """The product over j = 1 ... k of ((1 + g_j)(1 - d_j)) ** (step in years)."""
    if growth is None and decline is None:
        growth = 0.25
    recorder = Recorder(count)
    rates = [tracer_of(recorder, r) for r in (growth, decline)]
    got = growth_factor(*rates, Periods(2026 if step == "year" else "2026-01", count, step))
    assert got.has_periods
    years = {"year": 1.0, "quarter": 0.25, "month": 1.0 / 12.0}[step]
    g, d = (
        np.broadcast_to(0.0 if r is None else r, 7 if np.ndim(r) == 0 else len(r))
        for r in (growth, decline)
    )
    wanted = [
        math.prod(((1 + g[j]) * (1 - d[j])) ** years for j in range(1, k + 1)) for k in range(count)
    ]
    values = values_of(recorder, got.nodes, points=1)[:, 0]
    np.testing.assert_allclose(values, wanted, rtol=1e-13)


def tracer_of(recorder, rate):
    if rate is None:
        return None
    if isinstance(rate, float):
        return Tracer(recorder, (recorder.constant(rate),))
    return recorder.by_period(recorder.constant(r) for r in rate[: recorder.period_count])


def test_growth_in_a_scenario():
    """A month's step is a twelfth of the yearly rate's power; the first period is unmoved."""
    scenario = {
        "name": "growth",
        "outputs": ["price"],
        "periods": {"start": "2026-11", "count": 25, "step": "month"},
        "inputs": {"price": {"value": 8.0, "growth": 3.0, "decline": 0.5}},
    }
    ds = flopcast.forecast(scenario, draws=16)
    np.testing.assert_allclose(ds.price_mean[[0, 12, 24]], [8.0, 16.0, 32.0], rtol=1e-14)


@pytest.mark.parametrize(
    ("start", "step", "labels"),
    [
        (2026, "year", [2026, 2027, 2028]),
        ("2026-11", "month", ["2026-11-01", "2026-12-01", "2027-01-01"]),
        ("2026-05", "quarter", ["2026-05-01", "2026-08-01", "2026-11-01"]),
        ("1999-12", "quarter", ["1999-12-01", "2000-03-01", "2000-06-01"]),
    ],
)
def test_labels(start, step, labels):
    got = Periods(start, 3, step).labels()
    if step == "year":
        assert got.tolist() == labels
        assert got.dtype.kind == "i"
    else:
        np.testing.assert_array_equal(got, np.array(labels, "datetime64[s]"))
        assert got.dtype == "datetime64[s]"


def test_lengths():
    lengths = [Periods(2026, 1, step).length for step in ("year", "quarter", "month")]
    assert lengths == [365.25 * 86400, 365.25 * 21600, 365.25 * 7200]
    assert [Periods(2026, 1, s).years for s in ("year", "quarter", "month")] == [1, 0.25, 1 / 12]
