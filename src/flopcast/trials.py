"""Scenario to trials: what is evaluated to tell how much each input matters.

Every output is traced once, with all inputs from a first sample (A). What depends on an input is
then recorded again with that input from a second sample (B), and nothing else is: the rest is
shared. A :class:`Trial` is one output and one input. Inputs that depend on each other are one input
here, and so are the periods of what is drawn anew in each.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flopcast.assembly import Assembly
from flopcast.lowering import Code, lower
from flopcast.plan import (
    PENDING_OUTPUTS,
    Cell,
    assembled,
    fold_constants,
    output_cells,
    points_for,
)
from flopcast.scenario import Scenario
from flopcast.tables import Pool
from flopcast.trace import Recorder, Tracer, operands_of
from flopcast_kernels import freeze
from flopcast_kernels import program as kernels

MOST_TRIALS = 4096  # of a group: 4 to 9 MB of lanes a thread
MOST_PLACES = 384  # rows, 1.5 MB: beyond them a group is better run in two halves
CELLS_TOGETHER = 16
PENDING_TRIALS = 4


class Trial(NamedTuple):
    """One output and one input.

    Attributes
    ----------
    cell, input : int
        Their numbers in the plan.
    a, b, mixed : int
        The nodes of the output with all inputs from A, with all from B, and with those from A but
        this one.
    """

    cell: int
    input: int
    a: int
    b: int
    mixed: int


@dataclass(frozen=True)
class TrialGroup:
    """Trials that are run together.

    Attributes
    ----------
    code : Code
        Its outputs are a, b and mixed of each trial.
    pilot : Code
        What makes a of each pair.
    cells, inputs, pairs : (trials,) int64
        The cell, the input and the pair of each trial: trials of one pair share their a and b.
    fills : (trials,) bool
        Whether a trial is the first of its pair.
    """

    code: Code
    pilot: Code
    cells: NDArray[np.int64]
    inputs: NDArray[np.int64]
    pairs: NDArray[np.int64]
    fills: NDArray[np.bool_]


@dataclass(frozen=True)
class TrialPlan:
    """All that a run needs.

    Attributes
    ----------
    seed, points : int
        The run's seed, and the base points of each of the 16 replicates.
    streams : flopcast_kernels.program.Streams
        Those of A, then those of B.
    pool : Pool
        The quantile tables.
    inputs : tuple of str
        What is uncertain, in the scenario's order; ``"a+b"`` where inputs are correlated.
    cells : tuple of Cell
    groups : tuple of TrialGroup
    constants : dict of int to float
        The cells that nothing uncertain enters, and their values in base units.
    count_nonfinite : bool
        Whether points that are not finite are counted and left out; if not they end the run.
    tables_sha256 : str
        The hash of every table that the draws go through.
    """

    seed: int
    points: int
    streams: kernels.Streams
    pool: Pool
    inputs: tuple[str, ...]
    cells: tuple[Cell, ...]
    groups: tuple[TrialGroup, ...]
    constants: dict[int, float]
    count_nonfinite: bool
    tables_sha256: str


def make_trial_plan(scenario: Scenario, draws: int, seed: int, design: str) -> TrialPlan:
    """Lay out a run; see :func:`flopcast.plan.make_plan` for the arguments and errors."""
    points = points_for(draws)
    assembly = assembled(scenario, design)
    planner = _Planner(assembly, scenario.nonfinite == "count")
    groups = tuple(planner.groups())
    pool = assembly.pool()
    return TrialPlan(
        seed=seed,
        points=points,
        streams=assembly.pairs(seed),
        pool=pool,
        inputs=tuple(dict.fromkeys(input_names(scenario).values())),
        cells=tuple(planner.cells),
        groups=groups,
        constants=planner.constants,
        count_nonfinite=scenario.nonfinite == "count",
        tables_sha256=assembly.sha256(pool),
    )


def input_names(scenario: Scenario) -> dict[str, str]:
    """Return what each uncertain input counts as: itself, or all that it is correlated with."""
    joint = {
        name: "+".join(sorted(members))
        for members, _ in scenario.correlated_groups()
        for name in members
    }
    return {name: joint.get(name, name) for name in scenario.drawn}


def evaluation_code(
    scenario: Scenario, again: Collection[int], case: int, design: str
) -> tuple[Code, dict[str, Tracer], Assembly]:
    """Return the code that makes every quantity of one case with some inputs from B.

    Parameters
    ----------
    scenario : Scenario
    again : collection of int
        The inputs from B, by their numbers in the plan; the others are from A.
    case : int
    design : str

    Returns
    -------
    code, quantities, assembly
        See :func:`flopcast.plan.replay_code`; the code draws from :meth:`Assembly.pairs`.
    """
    assembly = assembled(scenario, design)
    recorder = assembly.recorder()
    quantities = assembly.quantities(recorder, case)
    nodes = [node for tracer in quantities.values() for node in tracer.nodes]
    input_of = _inputs_of_streams(assembly)
    needed, touched = _dependence(recorder, nodes, input_of)
    bits = sum(1 << number for number in again)
    moved = recorder.redrawn([k for k in needed if touched[k] & bits], _second(input_of))
    code = lower(fold_constants(recorder), [moved.get(k, k) for k in nodes], PENDING_OUTPUTS)
    return code, quantities, assembly


def _inputs_of_streams(assembly: Assembly) -> list[int]:
    """Return the number of the input that each stream of A belongs to."""
    names = input_names(assembly.scenario)
    numbers = {name: k for k, name in enumerate(dict.fromkeys(names.values()))}
    return [numbers[names[stream.partition("@")[0]]] for stream in assembly.stream_numbers]


def _second(input_of: Sequence[int]) -> dict[int, int]:
    """Return the stream of B that stands for each of A."""
    return {k: k + len(input_of) for k in range(len(input_of))}


class _Planner:
    """Traces cases into trials, and trials into groups."""

    def __init__(self, assembly: Assembly, alone: bool):
        self.assembly = assembly
        self.alone = alone  # each trial leaves out points of its own, so has a pair of its own
        self.input_of = _inputs_of_streams(assembly)
        self.cells: list[Cell] = []
        self.constants: dict[int, float] = {}

    def groups(self) -> Iterator[TrialGroup]:
        """Yield groups of whole cases while they fit, of parts of a case where one does not."""
        recorder = self.assembly.recorder()
        outputs: dict[int, int] = {}
        inputs = max(1, len(set(self.input_of)))
        for case in range(self.assembly.scenario.case_count):
            for cell, node in output_cells(self.assembly, recorder, case):
                outputs[len(self.cells)] = node
                self.cells.append(cell)
            if len(outputs) * inputs >= MOST_TRIALS:
                yield from self._grouped(recorder, outputs)
                recorder, outputs = self.assembly.recorder(), {}
        yield from self._grouped(recorder, outputs)

    def _grouped(self, recorder: Recorder, outputs: dict[int, int]) -> Iterator[TrialGroup]:
        trials = sorted(_trials(recorder, outputs, self.input_of), key=_order)
        nodes = fold_constants(recorder)
        touched = {trial.cell for trial in trials}
        self.constants |= {k: nodes[n][1] for k, n in outputs.items() if k not in touched}
        if trials:
            yield from self._split(nodes, trials)

    def _split(self, nodes: Sequence[tuple[Any, ...]], trials: list[Trial]) -> Iterator[TrialGroup]:
        """Yield a group, or those of its halves where there is too much to keep at hand."""
        rows = [node for trial in trials for node in trial[2:]]
        code = lower(nodes, rows, PENDING_TRIALS * freeze.ROWS)
        large = len(trials) > MOST_TRIALS or code.places > MOST_PLACES + 2 * len(self.input_of)
        cells = sorted({trial.cell for trial in trials})
        if large and len(cells) > 1:
            middle = cells[len(cells) // 2]
            yield from self._split(nodes, [trial for trial in trials if trial.cell < middle])
            yield from self._split(nodes, [trial for trial in trials if trial.cell >= middle])
            return
        keys = [(t.cell, t.input if self.alone else 0) for t in trials]
        first = {key: k for k, key in reversed(list(enumerate(keys)))}
        pairs = {key: k for k, key in enumerate(dict.fromkeys(keys))}
        pilot = [trials[first[key]].a for key in pairs]
        yield TrialGroup(
            code=code,
            pilot=lower(nodes, pilot, PENDING_TRIALS),
            cells=np.array([trial.cell for trial in trials]),
            inputs=np.array([trial.input for trial in trials]),
            pairs=np.array([pairs[key] for key in keys]),
            fills=np.array([first[key] == k for k, key in enumerate(keys)]),
        )


def _order(trial: Trial) -> tuple[int, int, int]:
    """Return the place of a trial: some cells at a time, and of these input by input.

    What an input changes is then made, used and forgotten; only a and b of these cells wait.
    """
    return trial.cell // CELLS_TOGETHER, trial.input, trial.cell


def _trials(
    recorder: Recorder, outputs: dict[int, int], input_of: Sequence[int]
) -> Iterator[Trial]:
    """Yield the trials of cells and their nodes; an input that a cell does not need has none."""
    needed, touched = _dependence(recorder, outputs.values(), input_of)
    second = _second(input_of)
    again = recorder.redrawn([node for node in needed if touched[node]], second)
    for number in sorted(set(input_of)):
        mine = {node for node in needed if touched[node] >> number & 1}
        mixed = recorder.redrawn(sorted(mine), second)
        for cell, node in outputs.items():
            if node in mine:
                yield Trial(cell, number, node, again[node], mixed[node])


def _dependence(
    recorder: Recorder, outputs: Iterable[int], input_of: Sequence[int]
) -> tuple[list[int], dict[int, int]]:
    """Return the nodes that outputs need, ascending, and as bits the inputs of each."""
    needed: set[int] = set()
    waiting = list(outputs)
    while waiting:
        node = waiting.pop()
        if node not in needed:
            needed.add(node)
            waiting += operands_of(recorder.nodes[node])
    touched: dict[int, int] = {}
    for number in sorted(needed):
        operation, *rest = recorder.nodes[number]
        bits = 1 << input_of[rest[0]] if operation == kernels.DRAW else 0
        for operand in operands_of(recorder.nodes[number]):
            bits |= touched[operand]
        touched[number] = bits
    return sorted(needed), touched
