"""Examples of every distribution, ordinary and extreme, and uniforms to try them with."""

import numpy as np
import pytest

from flopcast.distributions import DISTRIBUTIONS

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
        {"alpha": 1.1807619347848297, "beta": 1.1807619347848297},
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
