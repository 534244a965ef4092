"""Uniform distributions: of the value, and of its logarithm."""

from typing import Any, Literal

from flopcast.distributions.base import Continuous, Number, Problem, ascending, positive
from flopcast.fitting import Law, Quantiles
from flopcast.functions import exp, log


class Uniform(Continuous):
    """Every value from `low` to `high` is as likely."""

    distribution: Literal["uniform"]
    low: Number
    high: Number

    def problems(self) -> list[Problem]:  # noqa: D102
        return ascending(("low", self.low), ("high", self.high))

    def law(self) -> Law:  # noqa: D102
        low, high, width = self.low, self.high, self.high - self.low
        quantiles = Quantiles(lambda p: low + width * p, lambda q: high - width * q)
        return Law(self.title(), low, high, quantiles)

    def twin(self) -> Any:  # noqa: D102
        from scipy import stats

        return stats.uniform(self.low, self.high - self.low)


class LogUniform(Continuous):
    """Every order of magnitude from `low` to `high` is as likely."""

    distribution: Literal["loguniform"]
    low: Number
    high: Number

    def problems(self) -> list[Problem]:  # noqa: D102
        return [
            *positive(low=self.low, high=self.high),
            *ascending(("low", self.low), ("high", self.high)),
        ]

    def law(self) -> Law:  # noqa: D102
        low, high = log(self.low), log(self.high)
        width = high - low
        return Law(
            self.title(),
            self.low,
            self.high,
            Quantiles(lambda p: exp(low + width * p), lambda q: exp(high - width * q)),
            Quantiles(lambda p: low + width * p, lambda q: high - width * q),
        )

    def twin(self) -> Any:  # noqa: D102
        from scipy import stats

        return stats.loguniform(self.low, self.high)
