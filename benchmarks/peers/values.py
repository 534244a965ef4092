"""Values of each distribution: flopcast's (Sobol' point and quantile table), NumPy's `Generator` on
SFC64, and uniforms through the frozen SciPy distribution's `ppf`. One thread each.
"""

import functools
import time

import numpy as np

from flopcast.distributions import DISTRIBUTIONS
from peers.engine_parts import draws_of

STEPS = {"values": [1.0, 2.0, 4.0, 8.0], "weights": [0.4, 0.3, 0.2, 0.1]}
SEEN = [1.1, 1.5, 2.0, 2.2, 2.9, 3.7, 4.1]
HALVES = [
    {"distribution": "normal", "mean": 0.0, "sd": 1.0},
    {"distribution": "normal", "mean": 4.0, "sd": 1.0},
]

# Each kind's example, and how NumPy draws it; None where it cannot in a call or two.
KINDS = {
    "uniform": ({"low": 1.0, "high": 2.0}, lambda r, n: r.uniform(1.0, 2.0, n)),
    "loguniform": ({"low": 1.0, "high": 9.0}, lambda r, n: np.exp(r.uniform(0.0, np.log(9.0), n))),
    "normal": ({"mean": 3.0, "sd": 1.0}, lambda r, n: r.normal(3.0, 1.0, n)),
    "lognormal": (
        {"p5": 1e9, "p95": 2e10},
        lambda r, n: np.exp(22.2 + 0.9106 * r.standard_normal(n)),
    ),
    "triangular": (
        {"low": 1.0, "mode": 1.15, "high": 1.5},
        lambda r, n: r.triangular(1.0, 1.15, 1.5, n),
    ),
    "pert": (
        {"low": 0.25, "mode": 0.40, "high": 0.55},
        lambda r, n: 0.25 + 0.30 * r.beta(3.0, 3.0, n),
    ),
    "beta": ({"alpha": 2.0, "beta": 5.0}, lambda r, n: r.beta(2.0, 5.0, n)),
    "gamma": ({"shape": 2.5, "scale": 3.0}, lambda r, n: r.gamma(2.5, 3.0, n)),
    "weibull": ({"shape": 1.5, "scale": 2.0}, lambda r, n: 2.0 * r.weibull(1.5, n)),
    "exponential": ({"scale": 2.0}, lambda r, n: r.exponential(2.0, n)),
    "student_t": ({"df": 4.0}, lambda r, n: r.standard_t(4.0, n)),
    "metalog": ({"quantiles": {"p5": 1.0, "p50": 2.0, "p90": 5.0}}, None),
    "discrete": (STEPS, lambda r, n: r.choice(STEPS["values"], n, p=STEPS["weights"])),
    "poisson": ({"mean": 12.0}, lambda r, n: r.poisson(12.0, n)),
    "binomial": ({"n": 40, "p": 0.3}, lambda r, n: r.binomial(40, 0.3, n)),
    "empirical": ({"values": SEEN}, lambda r, n: r.choice(SEEN, n)),
    "mixture": ({"components": HALVES, "weights": [0.3, 0.7]}, None),
}


def _nanoseconds(work, count):
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) / count * 1e9


def _works(kind, count):
    """Return the three ways to draw a kind: flopcast, NumPy (or None), SciPy."""
    parameters, by_numpy = KINDS[kind]
    given = {"distribution": kind, **parameters}
    rng = np.random.Generator(np.random.SFC64(0))
    twin = DISTRIBUTIONS[kind].model_validate(given).twin()
    return (
        draws_of(given, count),
        by_numpy and functools.partial(by_numpy, rng, count),
        lambda: twin.ppf(rng.random(count)),
    )


def prepare(count):
    works = {kind: _works(kind, count) for kind in KINDS if kind in DISTRIBUTIONS}

    def run(seed):
        """Return nanoseconds a value by kind, and None for what cannot be drawn."""
        return {
            kind: [work and _nanoseconds(work, count) for work in three]
            for kind, three in works.items()
        }

    return run
