"""Beta and PERT distributions."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from flopcast.distributions.base import Continuous, Number, Problem, ascending, at_most, positive
from flopcast.distributions.onset import Onset
from flopcast.distributions.triangular import three_point_problems
from flopcast.fitting import Law, Quantile, Quantiles
from flopcast.functions import log, log1p
from flopcast.tables import Floats

_WEIGHT = 4.0  # of the mode: Malcolm, Roseboom, Clark and Fazar (1959), Operations Research 7(5)
_LARGEST_SHAPE = 1e7  # SciPy's inverse is right to 1e-10 here, and to 4e-9 only at 1e9


def _law(name: str, alpha: float, beta: float, low: float, high: float) -> Law:
    """Return the law of a beta distribution between two bounds.

    Values are counted from the bound that is nearer to 0, so that small ones keep their digits.
    """
    if abs(high) < abs(low):
        mirror = _law(name, beta, alpha, -high, -low).quantiles
        negative = Quantiles(lambda p: -mirror.upper(p), lambda q: -mirror.lower(q))
        return Law(name, low, high, negative)
    from scipy import special

    # Near 0 the cdf is x**alpha / (alpha * B(alpha, beta)).
    constant = log(alpha) + special.betaln(alpha, beta)
    lower = Onset(
        _inverse(special.betaincinv, alpha, beta),
        lambda p: (log(p) + constant) / alpha,
        high - low,
    )
    upper = Onset(
        _inverse(special.betainccinv, alpha, beta),
        lambda q: (log1p(-q) + constant) / alpha,
        high - low,
    )
    quantiles = Quantiles(lambda p: low + lower.value(p), lambda q: low + upper.value(q))
    logarithms = Quantiles(lower.log, upper.log) if low == 0.0 else None
    return Law(name, low, high, quantiles, logarithms)


def _inverse(function: Callable[..., Floats], alpha: float, beta: float) -> Quantile:
    """Return SciPy's quantile function, which misses the symmetric median by up to 1e-8."""
    if alpha != beta:
        return lambda p: function(alpha, beta, p)
    return lambda p: np.where(p == 0.5, 0.5, function(alpha, beta, p))


def _twin(alpha: float, beta: float, low: float, high: float) -> Any:
    from scipy import stats

    return stats.beta(alpha, beta, low, high - low)


class Beta(Continuous):
    """A share of a whole, between `low` and `high`."""

    distribution: Literal["beta"]
    alpha: Number
    beta: Number
    low: Number = 0.0
    high: Number = 1.0

    def problems(self) -> list[Problem]:  # noqa: D102
        shapes = {"alpha": self.alpha, "beta": self.beta}
        return [
            *positive(**shapes),
            *at_most(_LARGEST_SHAPE, "a gamma or normal distribution is as good", **shapes),
            *ascending(("low", self.low), ("high", self.high)),
        ]

    def law(self) -> Law:  # noqa: D102
        return _law(self.title(), self.alpha, self.beta, self.low, self.high)

    def twin(self) -> Any:  # noqa: D102
        return _twin(self.alpha, self.beta, self.low, self.high)


class Pert(Continuous):
    """A beta distribution from an expert's lowest, most likely and highest value.

    Its mean is ``(low + 4 * mode + high) / 6``.
    """

    distribution: Literal["pert"]
    low: Number
    mode: Number
    high: Number

    def problems(self) -> list[Problem]:  # noqa: D102
        return three_point_problems(self.low, self.mode, self.high)

    def law(self) -> Law:  # noqa: D102
        return _law(self.title(), *self._shape(), self.low, self.high)

    def twin(self) -> Any:  # noqa: D102
        return _twin(*self._shape(), self.low, self.high)

    def _shape(self) -> tuple[float, float]:
        width = self.high - self.low
        return (
            1.0 + _WEIGHT * ((self.mode - self.low) / width),
            1.0 + _WEIGHT * ((self.high - self.mode) / width),
        )
