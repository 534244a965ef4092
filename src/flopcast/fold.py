"""Tiles to Tallies: what a group of cells leaves behind."""

import numpy as np
from numpy.typing import NDArray

from flopcast.plan import Cell, Group, Plan
from flopcast.statistics import Sample, Tallies, shortfalls
from flopcast_kernels import histogram, tally
from flopcast_kernels import program as kernels

Floats = NDArray[np.float64]


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


class Fold:
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

    def add(self, replicate: int, tile: tally.Tile, cell: int, point: int) -> None:
        """Add the next tile; `cell` and `point` are of a draw that is not finite, or -1.

        Raises
        ------
        NonFiniteDraw
            If there is one.
        """
        if cell >= 0:
            draw = point * kernels.REPLICATES + replicate
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
        sums = tree(self.partial_sums)
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
        """Return what all replicates counted so far."""
        return self._sample(self.pooled)

    def tallies(self, beyond: NDArray[np.int64]) -> Tallies:
        """Return everything, with the counts of a second pass; see :class:`Tallies`."""
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


def tree(sums: list[Floats]) -> Floats:
    """Sum tiles pairwise by address, as the leaves inside a tile are."""
    while len(sums) > 1:
        sums = [a + b for a, b in zip(sums[0::2], sums[1::2], strict=True)]
    return sums[0]
