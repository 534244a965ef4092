"""The `budget` model's numbers, for every peer: read from budget.toml, the one place they are in.

Also what everybody has to report, and the numbers' forms that peers share (a lognormal's middle
and sigma, a PERT's beta).
"""

import tomllib
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

FOLDER = Path(__file__).parent
SCENARIO = FOLDER / "budget.toml"
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)

_SCENARIO = tomllib.loads(SCENARIO.read_text())
_INPUTS = _SCENARIO["inputs"]
OUTPUTS = tuple(_SCENARIO["outputs"])
YEARS = sum(name.startswith("bill_") for name in OUTPUTS)
(LIMIT,) = {limit for budget in _SCENARIO["budgets"].values() for limit in budget["limits"]}


class Lognormal(NamedTuple):
    middle: float  # mean and standard deviation of the logarithm
    sigma: float


class Pert(NamedTuple):
    low: float
    span: float
    alpha: float
    beta: float


def _lognormal(name):
    low, high = np.log(_INPUTS[name]["p5"]), np.log(_INPUTS[name]["p95"])
    return Lognormal(float(low + high) / 2, float(high - low) / 2 / NormalDist().inv_cdf(0.95))


def _pert(name):
    low, mode, high = (_INPUTS[name][key] for key in ("low", "mode", "high"))
    span = high - low
    return Pert(low, span, 1 + 4 * (mode - low) / span, 1 + 4 * (high - mode) / span)


def _number(text):
    return float(text.split()[0])


# In the order that functions of this model take their inputs.
UNCERTAIN = tuple(name for name, given in _INPUTS.items() if isinstance(given, dict))
LOGNORMALS = {n: _lognormal(n) for n in UNCERTAIN if _INPUTS[n]["distribution"] == "lognormal"}
PERTS = {n: _pert(n) for n in UNCERTAIN if _INPUTS[n]["distribution"] == "pert"}
PEAK = (_INPUTS["peak_flops"]["low"], _INPUTS["peak_flops"]["high"])
OVERHEAD = tuple(_INPUTS["overhead"][key] for key in ("low", "mode", "high"))

# Prices are by the hour, tokens by the day: seconds leave through the hour, days cancel.
TRAINING_FACTOR = _number(_INPUTS["training_flops_per_parameter"]) / 3600.0
SERVING_FACTOR = (
    _number(_INPUTS["serving_time"]) * _number(_INPUTS["inference_flops_per_parameter"]) / 3600.0
)


class Statistics(NamedTuple):
    """What everybody reports of the eight outputs: (8,), (8,), (8, levels) and (8,)."""

    mean: np.ndarray
    std: np.ndarray
    quantiles: np.ndarray
    exceedance: np.ndarray
