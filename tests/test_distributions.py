import inspect
import math
import re

import mpmath
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError, create_model
from scipy import stats

from flopcast.distributions import DISTRIBUTIONS, STANDARD_NORMAL
from flopcast.fitting import PROMISE
from flopcast.tables import TableError, evaluate

QUANTILES = "p1 p5 p10 p25 p50 p75 p90 p95 p99"
KEYS = {
    "uniform": "low high",
    "loguniform": "low high",
    "normal": f"{QUANTILES} mean sd low high",
    "lognormal": f"{QUANTILES} mean sd low high",
    "triangular": "low mode high",
    "pert": "low mode high",
    "beta": "alpha beta low high",
    "gamma": "shape scale low high",
    "weibull": "shape scale low high",
    "exponential": "scale low high",
    "student_t": "df location scale low high",
    "discrete": "values weights",
    "empirical": "values file column where",
}

ORDINARY = {
    "uniform": [{"low": -1, "high": 2}, {"low": 3, "high": 4}],
    "loguniform": [{"low": 1, "high": 10}, {"low": 1e-3, "high": 1e3}],
    "normal": [
        {"mean": 0, "sd": 1},
        {"mean": 3, "sd": 1},
        {"mean": 1e4, "sd": 1},
        {"p5": -1, "p95": 5},
        {"p50": 2, "p99": 7},
        {"mean": 0, "sd": 1, "low": 0},
        {"mean": 0, "sd": 1, "low": -1, "high": 3},
        {"mean": 0, "sd": 1, "low": 4},
        {"mean": 0, "sd": 1, "high": -4},
    ],
    "lognormal": [
        {"p5": 1e9, "p95": 2e10},
        {"p10": 0.2, "p50": 0.3},
        {"mean": 5, "sd": 2},
        {"p5": 1, "p95": 3, "low": 0.5, "high": 4},
        {"p5": 1, "p95": 3, "low": 2},
    ],
    "triangular": [
        {"low": 1, "mode": 1.15, "high": 1.5},
        {"low": 0, "mode": 0, "high": 1},
        {"low": 0, "mode": 1, "high": 1},
        {"low": -1, "mode": 0, "high": 1},
        {"low": -3, "mode": -1, "high": 0},
    ],
    "pert": [
        {"low": 0.15, "mode": 0.3, "high": 0.5},
        {"low": 0, "mode": 0, "high": 1},
        {"low": -1, "mode": 1, "high": 1},
        {"low": -5, "mode": -1, "high": 0},
    ],
    "beta": [
        {"alpha": 2, "beta": 5},
        {"alpha": 0.5, "beta": 0.5, "low": 1, "high": 2},
        {"alpha": 3, "beta": 0.5, "low": -2, "high": 0},
    ],
    "gamma": [
        {"shape": 2, "scale": 3},
        {"shape": 0.5, "scale": 1},
        {"shape": 200, "scale": 0.1},
        {"shape": 2, "scale": 1, "low": 1, "high": 3},
        {"shape": 2, "scale": 1, "low": 15},
    ],
    "weibull": [
        {"shape": 0.7, "scale": 2},
        {"shape": 3, "scale": 2, "low": 1},
    ],
    "exponential": [{"scale": 2}, {"scale": 2, "low": 1, "high": 4}, {"scale": 2, "high": 1e-3}],
    "student_t": [
        {"df": 9},
        {"df": 30, "location": 5, "scale": 2},
        {"df": 5, "low": 0},
        {"df": 1, "low": -2, "high": 3},
    ],
    "discrete": [{"values": [1, 2, 5], "weights": [1, 2, 1]}, {"values": [4], "weights": [3]}],
    "empirical": [{"values": [3, 1, 4, 1, 5, 9, 2, 6]}],
}
EXTREME = {
    "uniform": [
        {"low": 1, "high": 1 + 1e-12},
        {"low": -1e-9, "high": 1},
        {"low": 0, "high": 1e300},
    ],
    "loguniform": [{"low": 1e-150, "high": 1e150}, {"low": 1, "high": 1 + 1e-9}],
    "normal": [{"mean": 1, "sd": 1e-9}, {"mean": 0, "sd": 1, "low": 6.9}],
    "lognormal": [
        {"mean": 1, "sd": 100},
        {"p5": 1e-50, "p95": 1e50},
        {"p5": 1e-80, "p95": 1e80, "high": 1},
    ],
    "triangular": [
        {"low": 0, "mode": 1e-6, "high": 1},
        {"low": 0, "mode": 1 - 1e-6, "high": 1},
        {"low": -1e-9, "mode": 0.5, "high": 1},
    ],
    "pert": [{"low": 0, "mode": 1e-9, "high": 1}],
    "beta": [
        {"alpha": 0.05, "beta": 5},
        {"alpha": 0.05, "beta": 0.05},
        {"alpha": 0.02, "beta": 3, "low": 0, "high": 1e6},
        {"alpha": 5, "beta": 0.05},
        {"alpha": 1e6, "beta": 1e7},
    ],
    "gamma": [
        {"shape": 0.1, "scale": 1},
        {"shape": 0.05, "scale": 1},
        {"shape": 0.05, "scale": 1, "high": 0.1},
        {"shape": 1e5, "scale": 1},
    ],
    "weibull": [{"shape": 0.1, "scale": 1}, {"shape": 40, "scale": 1}],
    "exponential": [{"scale": 1e-300}],
    "student_t": [{"df": 1}, {"df": 2}, {"df": 0.1}, {"df": 1e6}],
    "discrete": [{"values": [1, 2], "weights": [1e-300, 1e300]}],
    "empirical": [{"values": [0, 0, 0, 1e300]}],
}


SMALLEST = 2.0**-1022
BOUNDED = {"uniform", "loguniform", "triangular", "pert", "beta"}


def made(name, **parameters):
    return DISTRIBUTIONS[name](distribution=name, **parameters)


def cases(*groups):
    named = [(name, p) for group in groups for name, each in group.items() for p in each]
    return pytest.mark.parametrize(
        ("name", "parameters"), named, ids=[f"{name} {p}" for name, p in named]
    )


def continuous(group):
    return {k: v for k, v in group.items() if k not in ("discrete", "empirical")}


def dense_tails(count=4_000, seed=1):
    """Signed tails, as many in each octave, none of them a node of a fit."""
    rng = np.random.default_rng(seed)
    magnitude = np.exp2(rng.uniform(-33, -1, count))
    return np.where(rng.random(count) < 0.5, magnitude, -magnitude)


def drawn_tails(count, seed):
    """Signed tails as the generators make them."""
    words = np.random.Generator(np.random.Philox(seed)).integers(-(2**31), 2**31, count)
    return (words + 0.5) * 2.0**-32


def test_every_distribution_of_the_format_is_there():
    assert set(DISTRIBUTIONS) == set(KEYS) == set(ORDINARY) == set(EXTREME)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_every_distribution_is_complete(name):
    model = DISTRIBUTIONS[name]
    assert set(model.model_fields) == {"distribution", *KEYS[name].split()}
    assert model.__doc__
    assert not inspect.isabstract(model)
    example = made(name, **ORDINARY[name][0])
    assert {"mean", "var", "cdf", "ppf"} <= set(dir(example.twin()))


def test_a_schema_built_on_a_distribution_does_not_replace_it():
    before = dict(DISTRIBUTIONS)
    derived = create_model("PertWithUnit", __base__=DISTRIBUTIONS["pert"], unit=(str, "1"))
    assert before == DISTRIBUTIONS
    law = derived(distribution="pert", low=1, mode=2, high=4, unit="USD").law()
    assert law.name == "pert (low = 1, mode = 2, high = 4)"


# --- the promise, measured with SciPy's and mpmath's functions ----------------------------------


def uncut(group):
    """Those without truncation, and where SciPy does not lose the digits beside ``high = 0``."""
    return {
        name: [
            p
            for p in each
            if p.get("high") != 0 and (name in BOUNDED or not {"low", "high"} & set(p))
        ]
        for name, each in continuous(group).items()
    }


@cases(uncut(ORDINARY), uncut(EXTREME))
def test_the_promise_holds_against_scipy(name, parameters):
    distribution, tails = made(name, **parameters), dense_tails()
    twin, values = distribution.twin(), evaluate(distribution.table(), tails)
    size = np.abs(tails)
    with np.errstate(all="ignore"):
        exact = np.where(tails > 0, twin.ppf(size), twin.isf(size))
        reached = np.where(tails > 0, twin.cdf(values), twin.sf(values))
        error = np.fmin(np.abs(values / exact - 1.0), np.abs(reached / size - 1.0))
    told = np.abs(exact) > 1e-300  # SciPy's beta ends at 2^-1022 of its width
    assert np.max(error[told]) <= PROMISE


def normal_cdfs(z):
    return mpmath.ncdf(z), mpmath.ncdf(-z)


def two_quantiles(parameters):
    (low_key, low), (high_key, high) = [(k, v) for k, v in parameters.items() if k[0] == "p"]
    z = [
        mpmath.sqrt(2) * mpmath.erfinv(2 * mpmath.mpf(k[1:]) / 100 - 1) for k in (low_key, high_key)
    ]
    scale = (high - low) / (z[1] - z[0])
    return low - z[0] * scale, scale


def normal_reference(p):
    mean, sd = (p["mean"], p["sd"]) if "mean" in p else two_quantiles(p)
    return lambda x: normal_cdfs((x - mean) / sd)


def lognormal_reference(p):
    if "mean" in p:
        variance = mpmath.log1p((mpmath.mpf(p["sd"]) / p["mean"]) ** 2)
        mean, sd = mpmath.log(p["mean"]) - variance / 2, mpmath.sqrt(variance)
    else:
        mean, sd = two_quantiles({k: mpmath.log(v) for k, v in p.items() if k[0] == "p"})
    return lambda x: normal_cdfs((mpmath.log(x) - mean) / sd) if x > 0 else (mpmath.mpf(0), 1)


def gamma_reference(p):
    def cdfs(x):
        below = mpmath.gammainc(p["shape"], 0, x / p["scale"], regularized=True)
        return below, mpmath.gammainc(p["shape"], x / p["scale"], regularized=True)

    return cdfs


def weibull_reference(p):
    def cdfs(x):
        e = (x / p["scale"]) ** p.get("shape", mpmath.mpf(1))
        return -mpmath.expm1(-e), mpmath.exp(-e)

    return cdfs


def beta_reference(p):
    low, high = p.get("low", 0), p.get("high", 1)

    def cdfs(x):
        y = min(max((x - low) / (mpmath.mpf(high) - low), 0), 1)
        below = mpmath.betainc(p["alpha"], p["beta"], 0, y, regularized=True)
        return below, mpmath.betainc(p["beta"], p["alpha"], 0, 1 - y, regularized=True)

    return cdfs


def pert_reference(p):
    width = mpmath.mpf(p["high"]) - p["low"]
    alpha = 1 + 4 * (p["mode"] - p["low"]) / width
    return beta_reference({**p, "alpha": alpha, "beta": 6 - alpha})


def student_t_reference(p):
    df = mpmath.mpf(p["df"])

    def cdfs(x):
        t = (x - p.get("location", 0)) / p.get("scale", 1)
        tail = mpmath.betainc(df / 2, 0.5, 0, df / (df + t * t), regularized=True) / 2
        return (tail, 1 - tail) if t < 0 else (1 - tail, tail)

    return cdfs


REFERENCES = {
    "normal": normal_reference,
    "lognormal": lognormal_reference,
    "gamma": gamma_reference,
    "weibull": weibull_reference,
    "exponential": weibull_reference,
    "beta": beta_reference,
    "pert": pert_reference,
    "student_t": student_t_reference,
}
TOO_SLOW = ({"alpha": 1e6, "beta": 1e7}, {"df": 1e6}, {"shape": 1e5, "scale": 1})


def with_reference(group):
    return {name: [p for p in group[name] if p not in TOO_SLOW] for name in REFERENCES}


def truncated(cdfs, low, high):
    """The probabilities on both sides of a value, of what is between the bounds."""
    below_low, above_low = cdfs(low) if low is not None else (0, 1)
    below_high, above_high = cdfs(high) if high is not None else (1, 0)
    mass = below_high - below_low if below_high < 0.5 else above_low - above_high

    def inside(x):
        below, above = cdfs(x)
        near_low = below - below_low if below < 0.5 else above_low - above
        near_high = above - above_high if above < 0.5 else below_high - below
        return near_low / mass, near_high / mass

    return inside


@cases(with_reference(ORDINARY), with_reference(EXTREME))
def test_the_promise_holds_against_mpmath(name, parameters):
    tails = dense_tails(40, seed=2)
    values = evaluate(made(name, **parameters).table(), tails)
    with mpmath.workdps(60):
        inside = REFERENCES[name]({k: mpmath.mpf(v) for k, v in parameters.items()})
        if name not in BOUNDED:
            inside = truncated(inside, parameters.get("low"), parameters.get("high"))
        for tail, value in zip(tails.tolist(), values.tolist(), strict=True):
            side = 0 if tail > 0 else 1
            if abs(value) < SMALLEST:  # as good as zero
                assert abs(tail) <= inside(mpmath.mpf(SMALLEST))[0]
                continue
            of_tail = abs(inside(mpmath.mpf(value))[side] / abs(tail) - 1)
            around = [inside(mpmath.mpf(value) * (1 + sign * PROMISE))[side] for sign in (-1, 1)]
            assert of_tail <= PROMISE or min(around) <= abs(tail) <= max(around), (tail, value)


@pytest.mark.parametrize(
    ("name", "parameters", "mirrored"),
    [
        ("uniform", {"low": -3, "high": 0}, {"low": 0, "high": 3}),
        ("triangular", {"low": -3, "mode": -1, "high": 0}, {"low": 0, "mode": 1, "high": 3}),
        ("pert", {"low": -3, "mode": -1, "high": 0}, {"low": 0, "mode": 1, "high": 3}),
        ("normal", {"mean": 1, "sd": 1, "high": 0}, {"mean": -1, "sd": 1, "low": 0}),
    ],
)
def test_values_below_zero_are_as_fine_as_those_above(name, parameters, mirrored):
    tails = dense_tails()
    values = evaluate(made(name, **parameters).table(), tails)
    np.testing.assert_allclose(values, -evaluate(made(name, **mirrored).table(), -tails), rtol=1e-9)


# --- the quantile functions ---------------------------------------------------------------------


@cases(ORDINARY, EXTREME)
def test_quantile_function_and_table_agree(name, parameters):
    distribution = made(name, **parameters)
    low, high = distribution.support()
    p = np.exp2(-np.linspace(1.01, 33.0, 200))
    below, above = distribution.lower(p), distribution.upper(p)
    assert np.all((low <= below) & (below <= high) & (low <= above) & (above <= high))
    assert np.all(np.diff(below) <= 0.0)
    assert np.all(np.diff(above) >= 0.0)
    table = distribution.table()
    # Where a value is near 0 it is the probability that is accurate.
    scale = np.maximum(np.abs(below), np.abs(above)) * 1e-6
    assert np.all(np.abs(evaluate(table, p) - below) <= scale)
    assert np.all(np.abs(evaluate(table, -p) - above) <= scale)


@cases(continuous(ORDINARY), continuous(EXTREME))
def test_draws_rise_with_the_uniform_and_stay_in_the_support(name, parameters):
    distribution = made(name, **parameters)
    tails = np.concatenate(
        [np.exp2(np.linspace(-34, -1.001, 5_000)), -np.exp2(np.linspace(-1.001, -34, 5_000))]
    )
    values = evaluate(distribution.table(), tails)
    low, high = distribution.support()
    assert np.all((values >= low) & (values <= high))
    assert np.all(np.diff(values) >= -1e-13 * np.abs(values[1:]))


def test_kinks_are_told_as_signed_tails():
    assert made("triangular", low=0, mode=0.25, high=1).kinks() == (0.25,)
    assert made("triangular", low=0, mode=0.5, high=1).kinks() == (0.5,)
    assert made("triangular", low=0, mode=1 - 2**-30, high=1).kinks() == (-(2.0**-30),)
    assert made("triangular", low=0, mode=0, high=1).kinks() == ()
    assert made("pert", low=0, mode=0.25, high=1).kinks() == ()
    assert made("discrete", values=[1, 2, 3], weights=[1, 2, 1]).kinks() == (0.25, -0.25)


@pytest.mark.parametrize("name", ["normal", "lognormal"])
@pytest.mark.parametrize("keys", [("p5", "p95"), ("p1", "p50"), ("p50", "p90"), ("p25", "p75")])
def test_two_quantiles_come_back(name, keys):
    distribution = made(name, **dict(zip(keys, (2.0, 7.0), strict=True)))
    shares = [int(key[1:]) / 100 for key in keys]
    np.testing.assert_allclose(distribution.twin().ppf(shares), [2.0, 7.0], rtol=1e-13)
    tails = np.array([p if p < 0.5 else p - 1.0 for p in shares])
    np.testing.assert_allclose(evaluate(distribution.table(), tails), [2.0, 7.0], rtol=2e-9)


@pytest.mark.parametrize("name", ["normal", "lognormal"])
@pytest.mark.parametrize(("mean", "sd"), [(5.0, 2.0), (1.0, 1e-3), (1e-5, 1e-2)])
def test_mean_and_standard_deviation_come_back(name, mean, sd):
    twin = made(name, mean=mean, sd=sd).twin()
    assert twin.mean() == pytest.approx(mean, rel=1e-12)
    assert math.sqrt(twin.var()) == pytest.approx(sd, rel=1e-6)


def test_truncation_agrees_with_scipy():
    cut, reference = made("normal", mean=1, sd=2, low=0, high=4), stats.truncnorm(-0.5, 1.5, 1, 2)
    twin, p = cut.twin(), np.linspace(0.01, 0.99, 99)
    np.testing.assert_allclose(twin.ppf(p), reference.ppf(p), rtol=1e-9)
    np.testing.assert_allclose(twin.cdf(reference.ppf(p)), p, rtol=1e-12)
    assert twin.mean() == pytest.approx(reference.mean(), rel=1e-10)
    assert twin.var() == pytest.approx(reference.var(), rel=1e-8)


def test_bounds_outside_of_the_support_change_nothing():
    tails = dense_tails()
    plain = evaluate(made("exponential", scale=2).table(), tails)
    assert np.array_equal(evaluate(made("exponential", scale=2, low=-1).table(), tails), plain)


def test_standard_normal_turns_tails_into_scores():
    scores = evaluate(STANDARD_NORMAL.table(), np.array([0.025, -0.025, -0.5]))
    np.testing.assert_allclose(scores, [-1.959963984540054, 1.959963984540054, 0.0], atol=1e-9)


# --- samples ------------------------------------------------------------------------------------

COUNT = 1 << 20


@cases(ORDINARY)
def test_samples_have_the_moments_and_the_distribution_of_the_twin(name, parameters):
    distribution = made(name, **parameters)
    twin = distribution.twin()
    values = evaluate(distribution.table(), drawn_tails(COUNT, seed=len(str(parameters))))
    assert values.mean() == pytest.approx(
        twin.mean(), abs=5 * math.sqrt(twin.var() / COUNT) + 1e-15
    )
    fourth = np.mean((values - values.mean()) ** 4)
    spread = math.sqrt(max(fourth - twin.var() ** 2, 0.0) / COUNT)
    assert values.var() == pytest.approx(twin.var(), abs=5 * spread + 1e-12 * twin.var())
    assert kolmogorov_smirnov(values, twin.cdf) <= 2.7 / math.sqrt(COUNT)  # one in a million


def kolmogorov_smirnov(values, cdf):
    """The largest distance between two cdfs, of which single values may have a part."""
    values, counts = np.unique(values, return_counts=True)
    after = np.cumsum(counts) / counts.sum()
    return np.max(np.abs(after - cdf(values)))


# --- bad parameters -----------------------------------------------------------------------------

BAD = {
    "uniform": [
        ({"low": 5, "high": 3}, "low", "is 5, but must be less than high, which is 3"),
        ({"low": 3, "high": 3}, "low", "must be less than high"),
    ],
    "loguniform": [({"low": 0, "high": 3}, "low", "is 0, but must be greater than 0")],
    "normal": [
        ({}, "", "two quantiles of p1, .*, or mean and sd are wanted; got neither"),
        ({"p5": 1}, "", "got 1 of them"),
        ({"p5": 1, "p50": 2, "p95": 3}, "", "got 3 of them"),
        ({"p5": 3, "p95": 1}, "p5", "is 3, but must be less than p95, which is 1"),
        ({"p5": 1, "p95": 3, "mean": 2}, "mean", "not both: p5, p95, mean"),
        ({"mean": 1}, "sd", "mean and sd go together"),
        ({"sd": 1}, "mean", "mean and sd go together"),
        ({"mean": 1, "sd": 0}, "sd", "must be greater than 0"),
        ({"mean": 0, "sd": 1, "low": 2, "high": 1}, "low", "must be less than high"),
        ({"mean": 0, "sd": 1, "low": 9}, "low", "leaves a probability of 1.1e-19"),
        ({"mean": 0, "sd": 1, "high": -9}, "high", "leaves a probability of 1.1e-19"),
    ],
    "lognormal": [
        ({"p5": 0, "p95": 3}, "p5", "must be greater than 0"),
        ({"mean": -1, "sd": 3}, "mean", "must be greater than 0"),
        ({"mean": 1, "sd": 3, "high": 0}, "high", "leaves a probability of 0"),
    ],
    "triangular": [
        ({"low": 0, "mode": 2, "high": 1}, "mode", "is 2, but must be from low, 0, to high, 1"),
        ({"low": 1, "mode": 1, "high": 1}, "low", "must be less than high"),
    ],
    "pert": [({"low": 0, "mode": -1, "high": 1}, "mode", "must be from low, 0, to high, 1")],
    "beta": [
        ({"alpha": 0, "beta": 1}, "alpha", "must be greater than 0"),
        ({"alpha": 1, "beta": 1, "low": 1}, "low", "must be less than high"),
        ({"alpha": 1, "beta": 1e8}, "beta", "must be at most 1e.07"),
    ],
    "gamma": [
        ({"shape": 1, "scale": -1}, "scale", "must be greater than 0"),
        ({"shape": 1e6, "scale": 1}, "shape", "must be at most 300000; beyond it a normal"),
    ],
    "weibull": [({"shape": 0, "scale": 1}, "shape", "must be greater than 0")],
    "exponential": [
        ({"scale": 0}, "scale", "must be greater than 0"),
        ({"scale": 1, "low": 40}, "low", "leaves a probability of 4.2e-18"),
        ({"scale": 1, "high": -1}, "high", "leaves a probability of 0"),
    ],
    "student_t": [({"df": 0}, "df", "must be greater than 0")],
    "discrete": [
        ({"values": [], "weights": []}, "values", "is empty"),
        ({"values": [1, 2], "weights": [1]}, "weights", "has 1 numbers for 2 values"),
        ({"values": [1, 2], "weights": [1, -1]}, "weights", "-1 is negative"),
        ({"values": [1, 2], "weights": [0, 0]}, "weights", "are all 0"),
    ],
    "empirical": [
        ({}, "", "values, or file and column are wanted"),
        ({"values": []}, "values", "is empty"),
        ({"file": "a.csv"}, "column", "missing"),
        ({"file": "a.csv", "column": "b", "values": [1]}, "values", "not both"),
        ({"values": [1], "column": "b"}, "column", "file is missing"),
    ],
}


@pytest.mark.parametrize(
    ("name", "parameters", "key", "message"),
    [(name, *case) for name, each in BAD.items() for case in each],
)
def test_impossible_parameters_are_told(name, parameters, key, message):
    assert set(BAD) == set(DISTRIBUTIONS)
    (problem,) = made(name, **parameters).problems()
    assert problem[0] == key
    assert re.search(message, problem[1])


def test_all_problems_are_told_at_once():
    problems = made("lognormal", p5=-3, p95=-4, sd=-1, low=2, high=1).problems()
    assert sorted(key for key, _ in problems) == ["low", "p5", "p5", "p95", "sd", "sd"]


@cases(ORDINARY, EXTREME)
def test_possible_parameters_have_no_problems(name, parameters):
    assert made(name, **parameters).problems() == []


@pytest.mark.parametrize("value", [True, "1", float("nan"), float("inf"), None, [1.0], 10**400])
def test_only_finite_numbers_are_parameters(value):
    with pytest.raises(ValidationError):
        made("uniform", low=value, high=2)
    with pytest.raises(ValidationError):
        made("discrete", values=[1, value], weights=[1, 1])


def test_unknown_keys_are_refused():
    with pytest.raises(ValidationError, match="hihg"):
        made("uniform", low=1, high=2, hihg=3)


# --- discrete ones ------------------------------------------------------------------------------


def test_a_single_value_is_a_constant():
    assert made("discrete", values=[4, 4, 5], weights=[1, 2, 0]).constant_value == 4.0
    assert made("empirical", values=[7]).constant_value == 7.0
    assert made("discrete", values=[4, 5], weights=[1, 2]).constant_value is None
    assert made("uniform", low=1, high=2).constant_value is None


def test_only_steps_have_atoms():
    assert made("discrete", values=[4, 5], weights=[1, 2]).is_discrete
    assert not made("normal", mean=0, sd=1).is_discrete


def test_an_empirical_distribution_waits_for_its_file():
    waiting = made("empirical", file="prices.csv", column="usd", where={"provider": "aws"})
    assert waiting.problems() == []
    with pytest.raises(ValueError, match=r"prices.csv is not read yet: use with_values"):
        waiting.table()
    read = waiting.with_values([1.0, 3.0, 3.0])
    assert read.problems() == []
    assert read.support() == (1.0, 3.0)
    assert [key for key, _ in waiting.with_values([]).problems()] == ["values"]


# --- laws, over broad ranges --------------------------------------------------------------------

FINITE = st.floats(allow_nan=False, allow_infinity=False)
MODERATE = st.builds(
    lambda sign, power: sign * 10.0**power, st.sampled_from([-1.0, 1.0]), st.floats(-12, 12)
)
NUMBERS = st.one_of(MODERATE, st.integers(-5, 5).map(float), FINITE)


@st.composite
def parameters_of(draw, name):
    """Any subset of a distribution's numbers, the required ones always."""
    if name == "discrete":
        return draw(
            st.fixed_dictionaries({k: st.lists(NUMBERS, max_size=4) for k in ("values", "weights")})
        )
    if name == "empirical":
        return {"values": draw(st.lists(NUMBERS, max_size=4))}
    fields = DISTRIBUTIONS[name].model_fields
    keys = [
        k for k in KEYS[name].split() if fields[k].is_required() or draw(st.integers(0, 3)) == 0
    ]
    if name in ("normal", "lognormal") and draw(st.booleans()):
        keys = ["p5", "p95"]
    values = [draw(NUMBERS) for _ in keys]
    return dict(zip(keys, sorted(values) if draw(st.booleans()) else values, strict=True))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_has_no_problem_has_a_table_or_says_why(name, data):
    distribution = made(name, **data.draw(parameters_of(name)))
    if distribution.problems():
        return
    try:
        table = distribution.table()
    except TableError:
        return
    values = evaluate(table, dense_tails(200))
    low, high = distribution.support()
    assert np.all(np.isfinite(values) & (values >= low) & (values <= high))


SHAPES = st.floats(0.3, 30)
SIMPLE = {
    "uniform": lambda a, b, c: {"low": -a, "high": b},
    "loguniform": lambda a, b, c: {"low": a, "high": a * (1 + b)},
    "normal": lambda a, b, c: {"mean": a - b, "sd": c},
    "lognormal": lambda a, b, c: {"p5": a, "p95": a * (1 + b)},
    "triangular": lambda a, b, c: {"low": -a, "mode": b - a, "high": b + c - a},
    "pert": lambda a, b, c: {"low": -a, "mode": b - a, "high": b + c - a},
    "beta": lambda a, b, c: {"alpha": a, "beta": b},
    "gamma": lambda a, b, c: {"shape": a, "scale": b},
    "weibull": lambda a, b, c: {"shape": a, "scale": b},
    "exponential": lambda a, b, c: {"scale": a, "low": b},
    "student_t": lambda a, b, c: {"df": 1 + a, "location": b, "scale": c},
    "discrete": lambda a, b, c: {"values": [a, -b, c], "weights": [c, a, b]},
    "empirical": lambda a, b, c: {"values": [a, -b, c]},
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@settings(max_examples=25, deadline=None)
@given(a=SHAPES, b=SHAPES, c=SHAPES, power=st.integers(-60, 60), seed=st.integers(0, 1000))
def test_quantiles_rise_and_scale(name, a, b, c, power, seed):
    distribution = made(name, **SIMPLE[name](a, b, c))
    assume(not distribution.problems())
    tails = drawn_tails(300, seed)
    values = evaluate(distribution.table(), tails)
    order = np.argsort(np.where(tails > 0, tails, tails + 1.0))
    assert np.all(np.diff(values[order]) >= 0.0)
    assert np.array_equal(evaluate(distribution.table(2.0**power), tails), values * 2.0**power)
    scaled = evaluate(distribution.table(3600.0), tails)
    np.testing.assert_allclose(scaled, values * 3600.0, rtol=1e-12, atol=1e-12)
