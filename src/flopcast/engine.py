"""Plan to Tallies, tile by tile.

A tile is an aligned range of points of one replicate. Tiles may run anywhere and in any order; they
are folded in order, counts as integers and sums in an address-aligned tree, so nothing but the
plan decides a bit of the result.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flopcast.executors import Executor
from flopcast.histogram import choose_bins
from flopcast.plan import Cell, Group, Plan
from flopcast.statistics import Sample, Tallies, far_levels, shortfalls
from flopcast.tables import Pool
from flopcast.trace import Code
from flopcast_kernels import histogram, tally
from flopcast_kernels import program as kernels

Floats = NDArray[np.float64]

PILOT_POINTS = 256  # of each replicate; the bins depend on the scenario and the seed, not the draws
MOST_ATOMS = 1024
TILE_POINTS = 1 << 20
SMALLEST_TILE = 1 << 14


class NonFiniteDraw(ArithmeticError):
    """A draw whose output is not finite.

    Attributes
    ----------
    cell : Cell
    draw : int
    """

    def __init__(self, cell: Cell, draw: int):
        super().__init__(f"{cell.output} is not finite in draw {draw}")
        self.cell = cell
        self.draw = draw


@dataclass(frozen=True)
class Task:
    """One tile, with all that it needs; it may be sent to another process."""

    group: Group
    streams: kernels.Streams
    pool: Pool
    layout: tally.Layout
    replicate: int
    first: int
    points: int
    count_nonfinite: bool


def evaluate(
    code: Code, streams: kernels.Streams, pool: Pool, replicate: int, first: int, points: int
) -> Floats:
    """Return what one block of draws makes of the code's outputs.

    Parameters
    ----------
    code, streams, pool
        See :class:`flopcast.plan.Plan`.
    replicate, first, points : int
        The replicate, the first point, and how many: a power of two up to the block's size, and
        `first` a multiple of it.

    Returns
    -------
    (outputs, points) float64
    """
    rows = np.empty((code.places + 1) * kernels.BLOCK)
    words = np.empty(kernels.BLOCK, np.uint32)
    values = np.empty((len(code.outputs), points))
    start = done = 0
    for stop, until in code.segments:
        part = code.code[start:stop]
        kernels.run_block(
            part, code.constants, streams, pool, rows, words, points, first, replicate
        )
        for k in range(done, until):
            place = code.outputs[k] * kernels.BLOCK
            values[k] = rows[place : place + points]
        start, done = stop, until
    return values


def run(
    plan: Plan, levels: Floats, executor: Executor, progress: Callable[[int, int], None]
) -> Iterator[tuple[Group, Tallies]]:
    """Run a plan.

    Parameters
    ----------
    plan : Plan
    levels : (levels,) float64
        The probabilities of the quantiles that each replicate leaves.
    executor : Executor
    progress : callable
        Called after each tile with the tiles done and the tiles in all.

    Yields
    ------
    (Group, Tallies)

    Raises
    ------
    NonFiniteDraw
        At the first draw, in the order of the tiles, that is not finite.
    """
    counts = [_tiles_per_replicate(plan, group) for group in plan.groups]
    far = far_levels(levels, plan.points)
    done = 0
    total = kernels.REPLICATES * sum(counts) * (2 if far.size else 1)

    def tick() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    for group, tiles in zip(plan.groups, counts, strict=True):
        layout = _layout(plan, group)
        fold = _Fold(plan, group, layout, levels, tiles)
        for result in _run_tiles(plan, group, layout, tiles, executor):
            fold.add(*result)
            tick()
        beyond = np.zeros((kernels.REPLICATES, len(group.cells), far.size), np.int64)
        if far.size:
            again = _with_thresholds(layout, fold.pooled_sample().quantiles(levels[far]))
            for task, tile, _, _ in _run_tiles(plan, group, again, tiles, executor):
                beyond[task.replicate] += tile.above.reshape(-1, far.size)
                tick()
        yield group, fold.tallies(beyond)


def _run_tiles(
    plan: Plan, group: Group, layout: tally.Layout, tiles: int, executor: Executor
) -> Iterator[tuple[Task, tally.Tile, int, int]]:
    """Yield every tile of a group, replicate by replicate."""
    points = plan.points // tiles
    drop = plan.count_nonfinite
    tasks = (
        Task(group, plan.streams, plan.pool, layout, replicate, first, points, drop)
        for replicate in range(kernels.REPLICATES)
        for first in range(0, plan.points, points)
    )
    return executor.map(run_task, tasks)


def _with_thresholds(layout: tally.Layout, thresholds: Floats) -> tally.Layout:
    """Return the layout with (cells, n) other thresholds."""
    starts = np.arange(len(thresholds) + 1) * thresholds.shape[1]
    return layout._replace(threshold_starts=starts, thresholds=thresholds.ravel())


def _tiles_per_replicate(plan: Plan, group: Group) -> int:
    points = max(SMALLEST_TILE, TILE_POINTS * 8 // max(8, len(group.cells)))
    points = 1 << (points.bit_length() - 1)
    return max(1, plan.points // points)


def run_task(task: Task) -> tuple[Task, tally.Tile, int, int]:
    """Run one tile; return it with the cell and point of a draw that is not finite, or -1, -1."""
    cells = len(task.group.cells)
    leaves = max(1, task.points // tally.LEAF)
    tile = tally.Tile(
        counts=np.zeros((cells, histogram.BINS), np.uint32),
        keys=np.tile([tally.HIGHEST_KEY, tally.LOWEST_KEY], (cells, 1)),
        sums=np.zeros((leaves.bit_length(), cells, 2)),
        above=np.zeros(len(task.layout.thresholds), np.int64),
        at_atoms=np.zeros(len(task.layout.atoms), np.int64),
        nonfinite=np.zeros(cells, np.int64),
    )
    scratch = tally.Scratch(
        rows=np.empty((task.group.code.places + 1) * kernels.BLOCK),
        words=np.empty(kernels.BLOCK, np.uint32),
        bins=np.empty(kernels.BLOCK, np.int32),
        lanes=np.zeros((cells, 2, tally.LANES)),
    )
    code = task.group.code
    cell, point = tally.run_tile(
        code.code,
        code.segments,
        code.constants,
        task.streams,
        task.pool,
        task.layout,
        tile,
        scratch,
        task.first,
        task.points,
        task.replicate,
        task.count_nonfinite,
    )
    return task, tile, int(cell), int(point)


def _layout(plan: Plan, group: Group) -> tally.Layout:
    """Choose how each cell is tallied, from a pilot."""
    pilot = [
        evaluate(group.code, plan.streams, plan.pool, replicate, 0, PILOT_POINTS)
        for replicate in range(kernels.REPLICATES)
    ]
    values = [np.sort(row[np.isfinite(row)]) for row in np.concatenate(pilot, axis=1)]
    values = [row if row.size else np.zeros(1) for row in values]
    atoms = [_atoms(row) for row in values]
    bins = choose_bins([_smooth_part(row, own) for row, own in zip(values, atoms, strict=True)])
    thresholds = [plan.thresholds.get(cell.output, np.empty(0)) for cell in group.cells]
    return tally.Layout(
        places=group.code.outputs,
        references=np.array([row[row.size // 2] for row in values]),
        bins=bins,
        threshold_starts=_starts(thresholds),
        thresholds=np.concatenate(thresholds),
        atom_starts=_starts(atoms),
        atoms=np.concatenate(atoms),
    )


def _atoms(values: Floats) -> Floats:
    """Return the values that many draws share, the most frequent first to be kept."""
    atoms, counts = np.unique(values, return_counts=True)
    often = counts > (2 if values.size > 2 else 0)
    kept = np.argsort(-counts[often], kind="stable")[:MOST_ATOMS]
    return np.sort(atoms[often][kept])


def _smooth_part(values: Floats, atoms: Floats) -> Floats:
    """Return what is on no atom, or all values if everything is."""
    smooth = values[~np.isin(values, atoms)]
    return smooth if smooth.size else values


def _starts(parts: list[Floats]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum([part.size for part in parts])]).astype(np.int64)


class _Fold:
    """Adds tiles, in order, to what a group leaves; only one replicate's counts are in flight."""

    def __init__(self, plan: Plan, group: Group, layout: tally.Layout, levels: Floats, tiles: int):
        cells = len(group.cells)
        self.plan, self.group, self.layout, self.levels = plan, group, layout, levels
        self.tiles = tiles
        self.pooled = _Counts(cells, layout)
        self.replicate = _Counts(cells, layout)
        self.partial_sums: list[Floats] = []
        self.sums: list[Floats] = []
        self.sizes: list[NDArray[np.int64]] = []
        self.above: list[NDArray[np.int64]] = []
        self.quantiles: list[Floats] = []
        self.shortfalls: list[Floats] = []
        self.at_atoms: list[NDArray[np.int64]] = []
        self.below_atoms: list[Floats] = []

    def add(self, task: Task, tile: tally.Tile, cell: int, point: int) -> None:
        if cell >= 0:
            draw = point * kernels.REPLICATES + task.replicate
            raise NonFiniteDraw(self.group.cells[cell], draw)
        self.replicate.add(tile)
        self.partial_sums.append(tile.sums[-1])
        if len(self.partial_sums) == self.tiles:
            self._finish_replicate()

    def _finish_replicate(self) -> None:
        """Keep what a replicate says, and add its counts to the pooled ones."""
        counts = self.replicate
        sample = self._sample(counts)
        quantiles = sample.quantiles(self.levels)
        starts = self.layout.threshold_starts
        sums = _tree(self.partial_sums)
        means = self.layout.references + sums[:, 0] / np.maximum(sample.size, 1)
        self.quantiles.append(quantiles)
        self.shortfalls.append(shortfalls(sample, starts, self.levels, quantiles, means))
        self.sums.append(sums)
        self.sizes.append(self.plan.points - counts.nonfinite)
        self.above.append(counts.above)
        self.at_atoms.append(counts.at_atoms)
        self.below_atoms.append(sample.below_atoms())
        self.pooled.merge(counts)
        self.replicate = _Counts(len(self.group.cells), self.layout)
        self.partial_sums = []

    def _sample(self, counts: "_Counts") -> Sample:
        return Sample.of(self.layout, counts.counts, counts.at_atoms, counts.extremes())

    def pooled_sample(self) -> Sample:
        return self._sample(self.pooled)

    def tallies(self, beyond: NDArray[np.int64]) -> Tallies:
        return Tallies(
            pooled=self.pooled_sample(),
            references=self.layout.references,
            sums=np.array(self.sums),
            sizes=np.array(self.sizes),
            above=np.array(self.above),
            threshold_starts=self.layout.threshold_starts,
            quantiles=np.array(self.quantiles),
            shortfalls=np.array(self.shortfalls),
            at_atoms=np.array(self.at_atoms),
            below_atoms=np.array(self.below_atoms),
            beyond=beyond,
        )


class _Counts:
    """The counts of many cells, of one replicate or of all."""

    def __init__(self, cells: int, layout: tally.Layout):
        self.counts = np.zeros((cells, histogram.USED_BINS), np.int64)
        self.keys = np.tile([tally.HIGHEST_KEY, tally.LOWEST_KEY], (cells, 1))
        self.above = np.zeros(len(layout.thresholds), np.int64)
        self.at_atoms = np.zeros(len(layout.atoms), np.int64)
        self.nonfinite = np.zeros(cells, np.int64)

    def add(self, tile: tally.Tile) -> None:
        self._add(tile.counts[:, : histogram.USED_BINS], tile)

    def merge(self, other: "_Counts") -> None:
        self._add(other.counts, other)

    def _add(self, counts: NDArray[np.integer], other: "tally.Tile | _Counts") -> None:
        self.counts += counts
        self.keys[:, 0] = np.minimum(self.keys[:, 0], other.keys[:, 0])
        self.keys[:, 1] = np.maximum(self.keys[:, 1], other.keys[:, 1])
        self.above += other.above
        self.at_atoms += other.at_atoms
        self.nonfinite += other.nonfinite

    def extremes(self) -> Floats:
        """Return (cells, 2) the smallest and largest value; 0 where nothing was counted."""
        values = tally.values_of_keys(self.keys)
        return np.where(self.keys[:, :1] > self.keys[:, 1:], 0.0, values)


def _tree(sums: list[Floats]) -> Floats:
    """Sum tiles pairwise by address, as the leaves inside a tile are."""
    while len(sums) > 1:
        sums = [a + b for a, b in zip(sums[0::2], sums[1::2], strict=True)]
    return sums[0]
