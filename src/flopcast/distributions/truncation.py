"""Truncation: the law between two bounds, from a distribution's own cdf and quantile function."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import copysign, inf
from typing import Any

import numpy as np

from flopcast.distributions.base import Continuous, Number, Problem, ascending
from flopcast.distributions.twins import Truncated
from flopcast.fitting import Law, Quantile, Quantiles
from flopcast.tables import Floats

_SMALLEST_MASS = 1e-12
_NEAR = 1e-4  # of the probability beyond a bound: so near to it the density hardly changes
_GAUSS = ((0.1127016653792583, 5 / 18), (0.5, 8 / 18), (0.8872983346207417, 5 / 18))


@dataclass(frozen=True)
class Parent:
    """An untruncated distribution.

    Attributes
    ----------
    law : Law
    tail : callable
        The signed tail of the cdf F at a value: F below one half, F - 1 above, -0.0 at the end.
    density : callable, optional
        The density, where values lie on both sides of 0: a bound at 0 makes values of any
        smallness, and each must be accurate relative to its size.
    """

    law: Law
    tail: Callable[[float], float]
    density: Quantile | None = None


class Truncatable(Continuous):
    """A distribution that can be cut at `low` and `high`; its parameters tell the uncut one."""

    low: Number | None = None
    high: Number | None = None

    @abstractmethod
    def parameter_problems(self) -> list[Problem]:
        """Return the problems but for those of the truncation."""

    @abstractmethod
    def parent(self) -> Parent:
        """Return the untruncated distribution."""

    @abstractmethod
    def parent_twin(self) -> Any:
        """Return the untruncated frozen SciPy distribution."""

    def problems(self) -> list[Problem]:  # noqa: D102
        found = self.parameter_problems()
        if self.low is not None and self.high is not None:
            found += ascending(("low", self.low), ("high", self.high))
        if not found and not (mass := self._interval().mass) >= _SMALLEST_MASS:
            key = "high" if self.low is None else "low"
            found.append(
                (
                    key,
                    f"leaves a probability of {mass:.2g}, but at least {_SMALLEST_MASS:g} must be "
                    "between low and high",
                )
            )
        return found

    def law(self) -> Law:  # noqa: D102
        if self.low is None and self.high is None:
            return self.parent().law
        return self._interval().law()

    def twin(self) -> Any:  # noqa: D102
        if self.low is None and self.high is None:
            return self.parent_twin()
        interval = self._interval()
        return Truncated(self.parent_twin(), interval.low, interval.high)

    def _interval(self) -> "_Interval":
        parent = self.parent()
        low = max(parent.law.low, -inf if self.low is None else self.low)
        high = min(parent.law.high, inf if self.high is None else self.high)
        below_low = (0.0, 1.0) if low == parent.law.low else _both(parent.tail(low))
        below_high = (1.0, 0.0) if high == parent.law.high else _both(parent.tail(high))
        return _Interval(parent, low, high, *below_low, *below_high)


def _both(tail: float) -> tuple[float, float]:
    """Return the probabilities below and above from a signed tail."""
    return (tail, 1.0 - tail) if copysign(1.0, tail) > 0.0 else (1.0 + tail, -tail)


@dataclass(frozen=True)
class _Interval:
    """What truncation leaves: the bounds, and the parent's probability on both sides of each."""

    parent: Parent
    low: float
    high: float
    below_low: float
    above_low: float
    below_high: float
    above_high: float

    @property
    def mass(self) -> float:
        """Return the parent's probability between the bounds, from the tail that knows it best."""
        if self.low >= self.high:
            return 0.0
        if self.above_low <= 0.5:
            return self.above_low - self.above_high
        if self.below_high <= 0.5:
            return self.below_high - self.below_low
        return 1.0 - self.below_low - self.above_high

    def law(self) -> Law:
        """Return the truncated law."""
        parent = self.parent.law
        rough, logarithms = self._within(parent.quantiles), parent.logarithms
        return replace(
            parent,
            low=self.low,
            high=self.high,
            quantiles=Quantiles(
                lambda p: self._from_low(rough.lower(p), p * self.mass),
                lambda q: self._from_high(rough.upper(q), q * self.mass),
            ),
            logarithms=None if logarithms is None else self._within(logarithms),
        )

    def _within(self, parent: Quantiles) -> Quantiles:
        """Return the quantiles within the bounds."""

        def lower(p: Floats) -> Floats:
            mass = p * self.mass
            return _either(parent, self.below_low + mass, self.above_low - mass)

        def upper(q: Floats) -> Floats:
            mass = q * self.mass
            return _either(parent, self.below_high - mass, self.above_high + mass)

        return Quantiles(lower, upper)

    def _from_low(self, values: Floats, mass: Floats) -> Floats:
        beyond = min(self.below_low, self.above_low)
        return self._corrected(values, mass, beyond, self.low, 1.0)

    def _from_high(self, values: Floats, mass: Floats) -> Floats:
        beyond = min(self.below_high, self.above_high)
        return self._corrected(values, mass, beyond, self.high, -1.0)

    def _corrected(
        self, values: Floats, mass: Floats, beyond: float, bound: float, direction: float
    ) -> Floats:
        """Correct the values at so little `mass` from a bound that adding to `beyond` lost it."""
        density = self.parent.density
        near = mass < _NEAR * beyond
        if density is not None and near.any():
            distance = _distance(lambda d: density(bound + direction * d), mass[near])
            values[near] = bound + direction * distance
        return np.clip(values, self.low, self.high)


def _either(parent: Quantiles, below: Floats, above: Floats) -> Floats:
    """Return the quantiles at probabilities that are told from both ends."""
    values = np.empty(below.shape)
    left = below <= 0.5
    values[left] = parent.lower(below[left])
    values[~left] = parent.upper(np.minimum(above[~left], 0.5))
    return values


def _distance(density: Quantile, mass: Floats) -> Floats:
    """Return how far from a bound a probability reaches, over which the density hardly changes.

    `density` is that at a distance from the bound.
    """
    distance = mass / density(np.zeros(1))
    for _ in range(3):
        mean = np.zeros(mass.shape)
        for node, weight in _GAUSS:
            mean += weight * density(node * distance)
        distance = mass / mean
    return distance
