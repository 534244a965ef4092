"""From equations to nodes.

A :class:`Tracer` stands for a quantity. NumPy's own protocols hand it every operation that an
equation does to it, and the :class:`Recorder` behind it writes them down: each once, however often
it is asked for (common subexpressions), in the order in which it was written.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from flopcast_kernels import program as kernels

CONSTANT = -1
_LARGEST_PRODUCT = 16  # so that a whole power is within 8 rounding errors

_UFUNCS: dict[str, int] = {
    "negative": kernels.NEGATIVE,
    "absolute": kernels.ABSOLUTE,
    "fabs": kernels.ABSOLUTE,
    "sqrt": kernels.SQRT,
    "exp": kernels.EXP,
    "log": kernels.LOG,
    "log2": kernels.LOG2,
    "log10": kernels.LOG10,
    "sin": kernels.SIN,
    "cos": kernels.COS,
    "floor": kernels.FLOOR,
    "ceil": kernels.CEIL,
    "add": kernels.ADD,
    "subtract": kernels.SUBTRACT,
    "multiply": kernels.MULTIPLY,
    "divide": kernels.DIVIDE,
    "power": kernels.POWER,
    "minimum": kernels.MINIMUM,
    "maximum": kernels.MAXIMUM,
    "less": kernels.LESS,
    "less_equal": kernels.LESS_EQUAL,
    "equal": kernels.EQUAL,
    "not_equal": kernels.NOT_EQUAL,
}
_TURNED_ROUND = {"greater": kernels.LESS, "greater_equal": kernels.LESS_EQUAL}
_COMMUTES = {
    kernels.ADD,
    kernels.MULTIPLY,
    kernels.MINIMUM,
    kernels.MAXIMUM,
    kernels.EQUAL,
    kernels.NOT_EQUAL,
}


class TraceError(TypeError):
    """An equation does what a straight-line program cannot."""


def operands_of(node: tuple[Any, ...]) -> tuple[int, ...]:
    """Return the nodes that a node is made from."""
    if node[0] in (CONSTANT, kernels.DRAW):
        return ()
    return node[1:2] if node[0] == kernels.QUANTILE else node[1:]


@dataclass
class Recorder:
    """What has been traced so far: nodes ``(operation, *operands)``, each after its operands.

    Attributes
    ----------
    period_count : int
        The number of periods, 0 where the scenario has none.
    nodes : list of tuple
        A constant is ``(CONSTANT, value)``; a draw ``(DRAW, stream)``; a value of a distribution
        ``(QUANTILE, node, table)``; the rest name their operands.
    is_constant : list of bool
        Whether a node is made from constants alone.
    """

    period_count: int = 0
    nodes: list[tuple[Any, ...]] = field(default_factory=list)
    is_constant: list[bool] = field(default_factory=list)
    _numbers: dict[Any, int] = field(default_factory=dict)

    def _number(self, key: Any, node: tuple[Any, ...], constant: bool) -> int:
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.nodes)
            self.nodes.append(node)
            self.is_constant.append(constant)
        return number

    def constant(self, value: float) -> int:
        """Return the node of a number; -0.0 and 0.0 are two."""
        bits = struct.pack("d", float(value))
        return self._number((CONSTANT, bits), (CONSTANT, float(value)), True)

    def draw(self, stream: int) -> int:
        """Return the node of an input's uniform, as a signed tail."""
        node = (kernels.DRAW, stream)
        return self._number(node, node, False)

    def quantile(self, tail: int, table: int) -> int:
        """Return the node of a distribution's value at a signed tail."""
        node = (kernels.QUANTILE, tail, table)
        return self._number(node, node, False)

    def apply(self, operation: int, *operands: int) -> int:
        """Return the node of an operation on nodes."""
        if operation in _COMMUTES:
            operands = tuple(sorted(operands, key=self._order))
        if operation == kernels.POWER:
            return self._power(*operands)
        node = (operation, *operands)
        return self._number(node, node, all(self.is_constant[k] for k in operands))

    def _order(self, node: int) -> tuple[bool, bool, int]:
        """Return the order of operands that commute: code takes a constant second only."""
        return self.is_constant[node], self.nodes[node][0] == CONSTANT, node

    def _power(self, base: int, exponent: int) -> int:
        """Return a power; the exponents that one exact operation serves are written as that one."""
        value = self.nodes[exponent][1] if self.nodes[exponent][0] == CONSTANT else None
        if value == 1.0:
            return base
        if value == 0.5:
            return self.apply(kernels.SQRT, base)
        if value is not None and value.is_integer() and 1.0 <= abs(value) <= _LARGEST_PRODUCT:
            product = self._product(base, int(abs(value)))
            one = self.constant(1.0)
            return product if value > 0.0 else self.apply(kernels.DIVIDE, one, product)
        node = (kernels.POWER, base, exponent)
        return self._number(node, node, self.is_constant[base] and self.is_constant[exponent])

    def _product(self, base: int, count: int) -> int:
        """Return a whole power by squaring: a few products against 3.8 ns for a power."""
        if count == 1:
            return base
        half = self._product(base, count // 2)
        square = self.apply(kernels.MULTIPLY, half, half)
        return square if count % 2 == 0 else self.apply(kernels.MULTIPLY, square, base)

    def redrawn(self, nodes: Iterable[int], streams: Mapping[int, int]) -> dict[int, int]:
        """Record nodes again with other streams in the place of some; what is the same is shared.

        Parameters
        ----------
        nodes : iterable of int
            Ascending, and with a node every one between it and a draw from such a stream.
        streams : mapping of int to int
            The stream to draw from instead of another.

        Returns
        -------
        dict of int to int
            The new node of each of the nodes.
        """
        new: dict[int, int] = {}
        for number in nodes:
            operation, *rest = self.nodes[number]
            if operation == kernels.DRAW:
                new[number] = self.draw(streams[rest[0]])
            elif operation == kernels.QUANTILE:
                new[number] = self.quantile(new[rest[0]], rest[1])
            else:
                new[number] = self.apply(operation, *(new.get(k, k) for k in rest))
        return new

    def by_period(self, nodes: Iterable[int]) -> "Tracer":
        """Return the quantity that has one of these nodes a period."""
        return Tracer(self, tuple(nodes), True)


def lift(recorder: Recorder, value: Any) -> "Tracer":
    """Return a number as a quantity; a quantity as it is."""
    if isinstance(value, Tracer):
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0:  # what np.where makes of numbers
        value = value[()]
    if isinstance(value, bool | int | float | np.integer | np.floating | np.bool_):
        return Tracer(recorder, (recorder.constant(float(value)),))
    raise TraceError(f"an equation may use numbers and quantities, not a {type(value).__name__}")


class Tracer(NDArrayOperatorsMixin):
    """A quantity while its equations are traced.

    Parameters
    ----------
    recorder : Recorder
    nodes : tuple of int
        One node; or one a period if the quantity has periods.
    has_periods : bool
        Whether the quantity has a value a period.
    """

    __slots__ = ("has_periods", "nodes", "recorder")

    def __init__(self, recorder: Recorder, nodes: tuple[int, ...], has_periods: bool = False):
        self.recorder = recorder
        self.nodes = nodes
        self.has_periods = has_periods

    def at(self, period: int) -> "Tracer":
        """Return the quantity at one period; one without periods is the same at all."""
        return Tracer(self.recorder, (self.nodes[period if self.has_periods else 0],))

    def __bool__(self) -> bool:
        raise TraceError("an equation has no branches: use where(condition, a, b)")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            raise TraceError(f"numpy.{ufunc.__name__}.{method} with options cannot be traced")
        return _apply_ufunc(self.recorder, ufunc.__name__, inputs)

    def __array_function__(
        self, function: Callable[..., Any], kinds: Any, arguments: Any, kwargs: Any
    ) -> Any:
        if function is not np.where or len(arguments) != 3 or kwargs:
            raise TraceError(f"numpy.{function.__name__} cannot be traced")
        return elementwise(self.recorder, kernels.WHERE, arguments)


def _apply_ufunc(recorder: Recorder, name: str, inputs: Sequence[Any]) -> Tracer:
    if name == "positive":
        return lift(recorder, inputs[0])
    if name == "square":
        return elementwise(recorder, kernels.MULTIPLY, (inputs[0], inputs[0]))
    if name in _TURNED_ROUND:
        return elementwise(recorder, _TURNED_ROUND[name], inputs[::-1])
    if name not in _UFUNCS:
        known = ", ".join(sorted({*_UFUNCS, *_TURNED_ROUND, "square", "where"}))
        raise TraceError(f"numpy.{name} cannot be traced; these can: {known}")
    return elementwise(recorder, _UFUNCS[name], inputs)


def elementwise(recorder: Recorder, operation: int, inputs: Sequence[Any]) -> Tracer:
    """Apply an operation to quantities and numbers; those without periods serve every period."""
    tracers = [lift(recorder, value) for value in inputs]
    has_periods = any(tracer.has_periods for tracer in tracers)
    count = recorder.period_count if has_periods else 1
    spread = [t.nodes if t.has_periods else t.nodes * count for t in tracers]
    nodes = tuple(recorder.apply(operation, *k) for k in zip(*spread, strict=True))
    return Tracer(recorder, nodes, has_periods)
