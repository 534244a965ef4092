"""Scenario to Plan: the only place that casts and lays out memory.

A plan is arrays: where each uniform comes from, the quantile tables, and the straight-line code of
every group of cells. It can be sent to another machine and gives the same bits there.
"""

import functools
import hashlib
import importlib.resources
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from flopcast.dependence import cholesky, haar
from flopcast.distributions import STANDARD_NORMAL
from flopcast.periods import growth_factor
from flopcast.scenario import Input, Scenario
from flopcast.tables import Pool, TableError, pack
from flopcast.trace import CONSTANT, Code, Recorder, Tracer, lift, lower
from flopcast.units import factor
from flopcast_kernels import program as kernels
from flopcast_kernels import sobol

DESIGNS = ("sobol", "random")
MAX_COORDINATES = 1024  # coordinates past this one are counter-based
MAX_POINTS = 1 << 32
CELLS_PER_GROUP = 2048  # 32 MB of counts a tile
PENDING_OUTPUTS = 16


@dataclass(frozen=True)
class Cell:
    """One output in one case and one period.

    Attributes
    ----------
    output : str
    case : int
        Its number among the cases of the scenario.
    period : int
        Its number, or -1 for an output without periods.
    """

    output: str
    case: int
    period: int


@dataclass(frozen=True)
class Group:
    """Cells that are run together, and the code that makes them, in the same order."""

    cells: tuple[Cell, ...]
    code: Code


@dataclass(frozen=True)
class Plan:
    """All that a run needs.

    Attributes
    ----------
    seed, points : int
        The run's seed, and the points of each of the 16 replicates.
    streams : flopcast_kernels.program.Streams
    pool : Pool
        The quantile tables.
    groups : tuple of Group
    thresholds : dict
        Output to (n,) float64: values above which draws are counted, in base units.
    count_nonfinite : bool
        Whether draws that are not finite are counted and left out; if not they end the run.
    tables_sha256 : str
        The hash of every table that the draws go through.
    """

    seed: int
    points: int
    streams: kernels.Streams
    pool: Pool
    groups: tuple[Group, ...]
    thresholds: Mapping[str, NDArray[np.float64]]
    count_nonfinite: bool
    tables_sha256: str


def points_for(draws: int) -> int:
    """Return the points of a replicate: `draws` rounded up to 16 times a power of two.

    Raises
    ------
    ValueError
        If there are fewer than one or more than 2**36 draws.
    """
    if not 1 <= draws <= kernels.REPLICATES * MAX_POINTS:
        raise ValueError(f"draws must be between 1 and 2**36, not {draws}")
    return int(1 << (-(-draws // kernels.REPLICATES) - 1).bit_length())


def make_plan(scenario: Scenario, draws: int, seed: int, design: str) -> Plan:
    """Lay out a run.

    Parameters
    ----------
    scenario : Scenario
    draws : int
        Rounded up by :func:`points_for`.
    seed : int
        From 0 to 2**64 - 1.
    design : str
        ``"sobol"`` or ``"random"``.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    flopcast.tables.TableError
        If a distribution cannot be tabulated as finely as promised.
    """
    points = points_for(draws)
    tracing = _traced(scenario, design)
    groups = tuple(_groups(tracing))
    pool = pack(tracing.tables)
    return Plan(
        seed=seed,
        points=points,
        streams=tracing.streams(seed),
        pool=pool,
        groups=groups,
        thresholds={
            name: np.array(budget.limits, np.float64) * factor(scenario.units[name])
            for name, budget in scenario.budgets.items()
        },
        count_nonfinite=scenario.nonfinite == "count",
        tables_sha256=_hash(pool, tracing),
    )


def replay_code(
    scenario: Scenario, case: int, design: str, seed: int
) -> tuple[Code, dict[str, Tracer], kernels.Streams, Pool]:
    """Return the code that makes every quantity of one case, and where each stands.

    Returns
    -------
    code : Code
        Its outputs are the nodes of the quantities, one after the other.
    quantities : dict
        Name to tracer; the outputs of the code follow their nodes.
    streams, pool
        As in :class:`Plan`.
    """
    tracing = _traced(scenario, design)
    recorder, quantities = tracing.recorder(), {}
    quantities = tracing.quantities(recorder, case)
    nodes = [node for tracer in quantities.values() for node in tracer.nodes]
    code = lower(_fold(recorder), nodes, PENDING_OUTPUTS)
    return code, quantities, tracing.streams(seed), pack(tracing.tables)


def _traced(scenario: Scenario, design: str) -> "_Tracing":
    if design not in DESIGNS:
        raise ValueError(f"design must be one of {', '.join(DESIGNS)}, not {design!r}")
    return _Tracing(scenario, design == "sobol")


def _groups(tracing: "_Tracing") -> Iterator[Group]:
    """Yield groups of whole cases while they fit, of parts of a case where one does not."""
    scenario = tracing.scenario
    recorder = tracing.recorder()
    cells: list[Cell] = []
    nodes: list[int] = []
    for case in range(scenario.case_count):
        for cell, node in tracing.outputs(recorder, case):
            cells.append(cell)
            nodes.append(node)
        if len(cells) >= CELLS_PER_GROUP:
            yield from _split(cells, _fold(recorder), nodes)
            recorder, cells, nodes = tracing.recorder(), [], []
    if cells:
        yield from _split(cells, _fold(recorder), nodes)


def _split(
    cells: Sequence[Cell], nodes: Sequence[tuple[Any, ...]], outputs: Sequence[int]
) -> Iterator[Group]:
    for k in range(0, len(cells), CELLS_PER_GROUP):
        part = slice(k, k + CELLS_PER_GROUP)
        yield Group(tuple(cells[part]), lower(nodes, outputs[part], PENDING_OUTPUTS))


def _fold(recorder: Recorder) -> list[tuple[Any, ...]]:
    """Return the nodes with what is made from constants alone worked out, by the same kernels."""
    nodes = list(recorder.nodes)
    made = [k for k, node in enumerate(nodes) if recorder.is_constant[k] and node[0] != CONSTANT]
    if made:
        code = lower(nodes, made, len(made))
        rows = np.empty((code.places + 1) * kernels.BLOCK)
        words = np.empty(kernels.BLOCK, np.uint32)
        empty = _streams((), 0, 0)
        kernels.run_block(code.code, code.constants, empty, pack(()), rows, words, 1, 0, 0)
        for node, place in zip(made, code.outputs, strict=True):
            nodes[node] = (CONSTANT, float(rows[place * kernels.BLOCK]))
    return nodes


def _streams(names: Sequence[str], coordinates: int, seed: int) -> kernels.Streams:
    directions = np.empty((kernels.REPLICATES, coordinates, sobol.BITS + 1), np.uint32)
    sobol.scramble(_joe_kuo(coordinates), np.uint64(seed), directions)
    hashes = [hashlib.sha256(name.encode()).digest()[:8] for name in names]
    return kernels.Streams(
        coordinates=np.array([k if k < coordinates else -1 for k in range(len(names))], np.int64),
        names=np.array([int.from_bytes(digest, "little") for digest in hashes], np.uint64),
        sobol=directions,
        seed=np.array([seed], np.uint64),
    )


def _joe_kuo(count: int) -> NDArray[np.uint32]:
    """Return (count, 32) direction numbers of Joe and Kuo, from the file that SciPy ships.

    Read without scipy.stats, whose import takes longer than a small forecast.
    """
    directions = np.empty((count, sobol.BITS), np.uint32)
    if count:
        file = importlib.resources.files("scipy") / "stats" / "_sobol_direction_numbers.npz"
        with importlib.resources.as_file(file) as path, np.load(path) as numbers:
            polynomials = numbers["poly"][:count].astype(np.uint32)
            initial = numbers["vinit"][:count].astype(np.uint32)
        sobol.direction_numbers(polynomials, initial, directions)
    return directions


def _hash(pool: Pool, tracing: "_Tracing") -> str:
    digest = hashlib.sha256()
    rotation = () if tracing.rotation is None else (tracing.rotation,)
    for array in (*pool, *rotation, *tracing.factors.values()):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@dataclass
class _Tracing:
    """Scenario to nodes; the streams and tables that they name are shared by all cases."""

    scenario: Scenario
    is_sobol: bool
    tables: list[Any] = field(default_factory=list)
    _table_numbers: dict[tuple[str, float], int] = field(default_factory=dict)
    stream_numbers: dict[str, int] = field(default_factory=dict)
    factors: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    rotation: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        """Give numbers to the streams: what is drawn once, then component by component."""
        once = [name for name, each in self.scenario.uncertain.items() if not each]
        each = [name for name, each in self.scenario.uncertain.items() if each]
        count = self.scenario.period_count
        names = once + [f"{name}@{k}" for k in range(count) for name in each]
        self.stream_numbers = {name: k for k, name in enumerate(names)}
        if each and self.is_sobol:
            self.rotation = haar(count)
        for members, matrix in self.scenario.correlated_groups():
            factor_matrix = cholesky(matrix)
            for k, name in enumerate(members):
                self.factors[name] = factor_matrix[k, : k + 1]
        self._members = {
            name: members for members, _ in self.scenario.correlated_groups() for name in members
        }

    def recorder(self) -> Recorder:
        return Recorder(self.scenario.period_count)

    def streams(self, seed: int) -> kernels.Streams:
        names = tuple(self.stream_numbers)
        coordinates = min(len(names), MAX_COORDINATES) if self.is_sobol else 0
        return _streams(names, coordinates, seed)

    def outputs(self, recorder: Recorder, case: int) -> Iterator[tuple[Cell, int]]:
        """Yield the cells of a case and their nodes."""
        quantities = self.quantities(recorder, case)
        for name in self.scenario.outputs:
            tracer = quantities[name]
            for k, node in enumerate(tracer.nodes):
                yield Cell(name, case, k if tracer.has_periods else -1), node

    def quantities(self, recorder: Recorder, case: int) -> dict[str, Tracer]:
        """Return every quantity of a case: inputs, defaults, equations in order."""
        known: dict[str, Tracer] = {}
        for name, given in self.scenario.inputs_of(case).items():
            known[name] = self._moved(recorder, given, known)
        for name, value in self.scenario.defaults.items():
            known[name] = lift(recorder, value)
        if self.scenario.periods is not None:
            length = recorder.constant(self.scenario.periods.length)
            known["period_length"] = recorder.by_period([length] * recorder.period_count)
        for equation in self.scenario.order:
            arguments = {k: known[k] for k in equation.parameters}
            known[equation.name] = lift(recorder, equation.function(**arguments))
        return known

    def _moved(self, recorder: Recorder, given: Input, known: dict[str, Tracer]) -> Tracer:
        """Return an input with its growth and decline, which become quantities of their own."""
        value = self._value(recorder, given)
        for rate in given.rates:
            known[rate.name] = self._value(recorder, rate)
        if given.rates and self.scenario.periods is not None:
            growth, decline = known.get(f"{given.name}.growth"), known.get(f"{given.name}.decline")
            value = value * growth_factor(growth, decline, self.scenario.periods)
        if given.name in self.scenario.moving and not value.has_periods:
            value = recorder.by_period(value.nodes * recorder.period_count)
        return value

    def _value(self, recorder: Recorder, given: Input) -> Tracer:
        scale = factor(given.unit)
        if isinstance(given.law, tuple):
            nodes = tuple(recorder.constant(value * scale) for value in given.law)
            return Tracer(recorder, nodes, len(nodes) > 1)
        try:
            table = self._table(given.law, scale)
        except TableError as error:
            raise TableError(f"inputs.{given.name}: {error}") from None
        tails = self._tails(recorder, given.name)
        return Tracer(
            recorder,
            tuple(recorder.quantile(tail, table) for tail in tails.nodes),
            tails.has_periods,
        )

    def _table(self, law: Any, scale: float) -> int:
        key = (repr(law), scale)
        if key not in self._table_numbers:
            self._table_numbers[key] = len(self.tables)
            self.tables.append(law.table(scale))
        return self._table_numbers[key]

    def _tails(self, recorder: Recorder, name: str) -> Tracer:
        """Return the signed tails of an input, one or one a period."""
        each = self.scenario.uncertain[name]
        if name in self._members:
            return self._tail_of(self._correlated_score(recorder, name))
        if each and self.rotation is not None:
            return self._tail_of(self._score(recorder, name))
        return self._draws(recorder, name)

    def _draws(self, recorder: Recorder, name: str) -> Tracer:
        if not self.scenario.uncertain[name]:
            return Tracer(recorder, (recorder.draw(self.stream_numbers[name]),))
        numbers = (self.stream_numbers[f"{name}@{k}"] for k in range(recorder.period_count))
        return recorder.by_period(recorder.draw(number) for number in numbers)

    def _tail_of(self, score: Tracer) -> Tracer:
        recorder = score.recorder
        nodes = tuple(recorder.apply(kernels.TAIL, node) for node in score.nodes)
        return Tracer(recorder, nodes, score.has_periods)

    def _score(self, recorder: Recorder, name: str) -> Tracer:
        """Return the independent normal scores of an input."""
        table = self._table(STANDARD_NORMAL, 1.0)
        draws = self._draws(recorder, name)
        nodes = tuple(recorder.quantile(node, table) for node in draws.nodes)
        if not draws.has_periods or self.rotation is None:
            return Tracer(recorder, nodes, draws.has_periods)
        components = [Tracer(recorder, (node,)) for node in nodes]
        rotated = [_weighted_sum(row, components) for row in self.rotation]
        return recorder.by_period(score.nodes[0] for score in rotated)

    def _correlated_score(self, recorder: Recorder, name: str) -> Tracer:
        weights = self.factors[name]
        members = self._members[name][: len(weights)]
        return _weighted_sum(weights, [self._score(recorder, member) for member in members])


def _weighted_sum(weights: NDArray[np.float64], terms: Sequence[Tracer]) -> Tracer:
    products = [float(w) * term for w, term in zip(weights, terms, strict=True) if w != 0.0]
    return cast(Tracer, functools.reduce(operator.add, products))
