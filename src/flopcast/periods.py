"""What moves in time: the periods of a scenario, and the functions that work across them.

The functions take a traced quantity; anything else (a number, an array, a quantity with units)
is one moment, for which they are the identity.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flopcast.trace import Tracer, lift

YEAR = 365.25 * 86400.0
STEPS = {"year": 1, "quarter": 4, "month": 12}


@dataclass(frozen=True)
class Periods:
    """The periods of a scenario.

    Attributes
    ----------
    start : int or str
        The first year; ``"2026-05"`` for quarters and months.
    count : int
    step : str
        ``year``, ``quarter`` or ``month``.
    """

    start: int | str
    count: int
    step: str

    @property
    def length(self) -> float:
        """The length of a period in seconds; a year is 365.25 days."""
        return YEAR / STEPS[self.step]

    @property
    def years(self) -> float:
        """The length of a period in years."""
        return 1.0 / STEPS[self.step]

    def labels(self) -> NDArray[Any]:
        """Return (count,) years as integers, or the first days as ``datetime64[s]``."""
        if self.step == "year":
            return np.arange(int(self.start), int(self.start) + self.count)
        months = np.arange(self.count) * (12 // STEPS[self.step])
        return (np.datetime64(str(self.start), "M") + months).astype("datetime64[s]")


def total(x: Any) -> Any:
    """Return the sum over the periods."""
    return _fold(x, lambda a, b: a + b)


def largest(x: Any) -> Any:
    """Return the largest value over the periods."""
    return _fold(x, np.maximum)


def average(x: Any) -> Any:
    """Return the mean over the periods."""
    if not isinstance(x, Tracer) or not x.has_periods:
        return x
    return total(x) / float(len(x.nodes))


def cumulative(x: Any) -> Any:
    """Return the running sum."""
    return _accumulate(x, lambda a, b: a + b)


def cumulative_product(x: Any) -> Any:
    """Return the running product of a dimensionless quantity."""
    if not isinstance(x, Tracer):
        return x - 1.0 + 1.0  # refuses what has a unit
    return _accumulate(x, lambda a, b: a * b)


def previous(x: Any, first: Any) -> Any:
    """Return the value of the period before; `first` in the first one."""
    if not isinstance(x, Tracer):
        return np.where(True, first, x)  # refuses two units
    if not x.recorder.period_count:
        return first
    first = lift(x.recorder, first)
    earlier = [x.at(k) for k in range(x.recorder.period_count - 1)]
    return _join([first.at(0), *earlier])


FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (total, largest, average, cumulative, cumulative_product, previous)
}


def growth_factor(growth: Any, decline: Any, periods: Periods) -> Any:
    """Return how a quantity has moved since the first period.

    Parameters
    ----------
    growth, decline : Tracer or None
        Rates a year; where they have periods, that of each. Not both are None.
    periods : Periods

    Returns
    -------
    Tracer
        The product over j = 1 ... k of ``((1 + growth) (1 - decline)) ** (step in years)``.
    """
    rates = [1.0 + growth] if growth is not None else []
    rates += [1.0 - decline] if decline is not None else []
    yearly = rates[0] * rates[1] if len(rates) == 2 else rates[0]
    step = yearly if periods.step == "year" else yearly**periods.years
    factors = [lift(step.recorder, 1.0)]
    for k in range(1, periods.count):
        factors.append(factors[-1] * step.at(k) if k > 1 else step.at(1))
    return _join(factors)


def _join(values: list[Tracer]) -> Tracer:
    return values[0].recorder.by_period(value.nodes[0] for value in values)


def _fold(x: Any, operation: Callable[[Any, Any], Any]) -> Any:
    if not isinstance(x, Tracer) or not x.has_periods:
        return x
    result = x.at(0)
    for k in range(1, len(x.nodes)):
        result = operation(result, x.at(k))
    return result


def _accumulate(x: Any, operation: Callable[[Any, Any], Any]) -> Any:
    if not isinstance(x, Tracer) or not x.has_periods:
        return x
    values = [x.at(0)]
    for k in range(1, len(x.nodes)):
        values.append(operation(values[-1], x.at(k)))
    return _join(values)
