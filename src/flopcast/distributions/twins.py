"""What answers like a frozen SciPy distribution where SciPy has none that fits."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from flopcast.tables import Floats

_OCTAVES = 60
_NODES_PER_OCTAVE = 20


@dataclass(frozen=True, eq=False)
class Atoms:
    """A discrete distribution: ascending `values` and their `probabilities`."""

    values: Floats
    probabilities: Floats

    def mean(self) -> float:
        """Return the mean."""
        return float(np.sum(self.values * self.probabilities))

    def var(self) -> float:
        """Return the variance."""
        return float(np.sum((self.values - self.mean()) ** 2 * self.probabilities))

    def cdf(self, x: Any) -> Any:
        """Return the probability of a value up to and with `x`."""
        cumulative = np.concatenate([[0.0], np.cumsum(self.probabilities)])
        return cumulative[np.searchsorted(self.values, x, side="right")]

    def ppf(self, q: Any) -> Any:
        """Return the smallest value with at least the cumulative probability `q`."""
        place = np.searchsorted(np.cumsum(self.probabilities), q)
        return self.values[np.minimum(place, self.values.size - 1)]


@dataclass(frozen=True, eq=False)
class Truncated:
    """A frozen SciPy distribution between two bounds."""

    parent: Any
    low: float
    high: float

    def mean(self) -> float:
        """Return the mean."""
        return self._expected(lambda x: x)

    def var(self) -> float:
        """Return the variance."""
        mean = self.mean()
        return self._expected(lambda x: (x - mean) ** 2)

    def cdf(self, x: Any) -> Any:
        """Return the probability of a value up to `x`."""
        x = np.clip(x, self.low, self.high)
        below = self.parent.cdf(x) - self.parent.cdf(self.low)
        above = self.parent.sf(self.low) - self.parent.sf(x)
        return np.where(self.parent.sf(self.low) < 0.5, above, below) / self._mass()

    def ppf(self, q: Any) -> Any:
        """Return the value with the cumulative probability `q`."""
        mass = self._mass() * np.asarray(q)
        below = self.parent.cdf(self.low) + mass
        above = self.parent.sf(self.low) - mass
        return np.where(above < 0.5, self.parent.isf(above), self.parent.ppf(below))

    def _mass(self) -> float:
        if self.parent.sf(self.low) < 0.5:
            return float(self.parent.sf(self.low) - self.parent.sf(self.high))
        return float(self.parent.cdf(self.high) - self.parent.cdf(self.low))

    def _expected(self, function: Any) -> float:
        """Return the mean of a function, by Gauss's rule over octaves of both tails."""
        nodes, weights = np.polynomial.legendre.leggauss(_NODES_PER_OCTAVE)
        octave = 0.5 ** np.arange(1, _OCTAVES)[:, None]
        p = octave * (0.75 + 0.25 * nodes)
        weight = octave * 0.25 * weights
        lower, upper = self.ppf(p), self._upper(p)
        return float(np.sum(weight * (function(lower) + function(upper))))

    def _upper(self, q: Any) -> Any:
        mass = self._mass() * np.asarray(q)
        above = self.parent.sf(self.high) + mass
        below = self.parent.cdf(self.high) - mass
        return np.where(above < 0.5, self.parent.isf(above), self.parent.ppf(below))
