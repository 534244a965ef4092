"""Tallies to numbers: every statistic with a standard error from the 16 replicates.

A statistic is the one of the pooled draws. Its error is the spread of the replicates, which are
independent of each other whatever the design is.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flopcast_kernels.program import REPLICATES
from numpy.typing import NDArray

from flopcast.histogram import Bins, Histogram

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_BEYOND = 10  # draws of a replicate beyond a quantile for its own quantile to count
LARGEST_SHARE = 0.05  # of the squares in one draw, above which moments are not to be relied on


@dataclass(frozen=True)
class Atoms:
    """Values that are counted each for itself.

    Attributes
    ----------
    starts : (cells + 1,) int64
        Where each cell's atoms start in `values`.
    values : (n,) float64
        Ascending within a cell.
    """

    starts: Ints
    values: Floats

    def of(self, cell: int) -> slice:
        """Return where the atoms of a cell are."""
        return slice(int(self.starts[cell]), int(self.starts[cell + 1]))


@dataclass(frozen=True)
class Sample:
    """The counted draws of many cells: a smooth part in bins, and atoms.

    Attributes
    ----------
    smooth : Histogram
    atoms : Atoms
    at_atoms : (n,) int64
        How many draws stand on each atom.
    """

    smooth: Histogram
    atoms: Atoms
    at_atoms: Ints

    @classmethod
    def of(
        cls, bins: Bins, atoms: Atoms, counts: Ints, at_atoms: Ints, extremes: Floats
    ) -> "Sample":
        """Return the sample of tallied counts; `extremes` is (cells, 2)."""
        return cls(Histogram.of(bins, counts, extremes[:, 0], extremes[:, 1]), atoms, at_atoms)

    @functools.cached_property
    def size(self) -> Ints:
        """(cells,) draws counted."""
        on_atoms = [self.at_atoms[self.atoms.of(c)].sum() for c in range(len(self.smooth.counts))]
        return self.smooth.below[:, -1] + np.array(on_atoms, np.int64)

    def quantiles(self, levels: Floats) -> Floats:
        """Return (cells, levels) quantiles; on an atom exactly its value.

        Parameters
        ----------
        levels : (q,) or (cells, q) float64
        """
        ranks = np.multiply(levels, self.size[:, None].astype(float))
        result = np.empty(ranks.shape)
        has_atoms = np.diff(self.atoms.starts) > 0
        plain = np.flatnonzero(~has_atoms)
        cells = np.repeat(plain, ranks.shape[1])
        result[plain] = self.smooth.quantile(cells, ranks[plain].ravel()).reshape(-1, ranks.shape[1])
        for cell in np.flatnonzero(has_atoms):
            result[cell] = [self._quantile(int(cell), rank) for rank in ranks[cell]]
        return result

    def _quantile(self, cell: int, rank: float) -> float:
        place = self.atoms.of(cell)
        values, counts = self.atoms.values[place], self.at_atoms[place]
        before = 0
        for value, count, below in zip(values, counts, self._smooth_below(cell), strict=True):
            if rank < below + before:
                break
            if rank <= below + before + count:
                return float(value)
            before += int(count)
        smooth = self.smooth.quantile(np.array([cell]), np.array([rank - before]))
        return float(smooth[0])

    @functools.cache  # noqa: B019 - a sample lives as long as its results are read
    def _smooth_below(self, cell: int) -> Floats:
        """Return how much of the smooth part lies below each atom of a cell."""
        values = self.atoms.values[self.atoms.of(cell)]
        if self.smooth.below[cell, -1] == 0:
            return np.zeros(values.size)
        return self.smooth.rank(np.full(values.size, cell), values)

    def shortfalls(self, cells: Sequence[int], levels: Floats, quantiles: Floats) -> Floats:
        """Return (len(cells), levels) means of the worst tail above each quantile.

        ``quantile + E[(y - quantile)+] / (1 - level)`` (Rockafellar and Uryasev 2000).
        """
        result = np.empty((len(cells), levels.size))
        for row, cell in enumerate(cells):
            for k, level in enumerate(levels):
                start = float(quantiles[row, k])
                excess = self._excess(cell, start)
                result[row, k] = start + excess / (float(self.size[cell]) * (1.0 - level))
        return result

    def _excess(self, cell: int, start: float) -> float:
        """Return the sum, over the draws of a cell above `start`, of how far above they are."""
        place = self.atoms.of(cell)
        values, counts = self.atoms.values[place], self.at_atoms[place]
        on_atoms = math.fsum(c * (v - start) for v, c in zip(values, counts, strict=True) if v > start)
        smooth = self.smooth.below[cell, -1] > 0
        return on_atoms + (self.smooth.upper_integral(cell, start) if smooth else 0.0)


@dataclass(frozen=True)
class Tallies:
    """What a group of cells leaves behind.

    Attributes
    ----------
    pooled : Sample
    references : (cells,) float64
        What was taken off before the sums were taken.
    sums : (REPLICATES, cells, 2) float64
        Of ``y - reference`` and its square.
    sizes : (REPLICATES, cells) int64
        How many finite draws.
    above : (REPLICATES, thresholds) int64
    threshold_starts : (cells + 1,) int64
    quantiles, shortfalls : (REPLICATES, cells, levels) float64
        Those of each replicate; the shortfalls only of cells with a threshold, else NaN.
    """

    pooled: Sample
    references: Floats
    sums: Floats
    sizes: Ints
    above: Ints
    threshold_starts: Ints
    quantiles: Floats
    shortfalls: Floats


@dataclass(frozen=True)
class Statistics:
    """The numbers of a group's cells; the leading dimension is the cell.

    Attributes
    ----------
    quantile, quantile_stderr : (cells, levels) float64
    mean, mean_stderr, std, std_stderr : (cells,) float64
    exceedance, exceedance_stderr : (thresholds,) float64
    shortfall, shortfall_stderr : (cells, levels) float64
    dropped : (cells,) int64
        Draws that were not finite.
    reliable : (cells,) bool
        Whether no single draw makes up much of the variance.
    """

    quantile: Floats
    quantile_stderr: Floats
    mean: Floats
    mean_stderr: Floats
    std: Floats
    std_stderr: Floats
    exceedance: Floats
    exceedance_stderr: Floats
    shortfall: Floats
    shortfall_stderr: Floats
    dropped: Ints
    reliable: NDArray[np.bool_]


def budget_cells(threshold_starts: Ints) -> list[int]:
    """Return the cells that have a threshold."""
    return [int(cell) for cell in np.flatnonzero(np.diff(threshold_starts))]


def summarize(tallies: Tallies, levels: Floats, points: int) -> Statistics:
    """Work out every statistic of a group.

    Parameters
    ----------
    tallies : Tallies
    levels : (levels,) float64
        The quantiles' probabilities.
    points : int
        The points of a replicate.
    """
    quantile = tallies.pooled.quantiles(levels)
    mean, mean_stderr, std, std_stderr = _moments(tallies)
    exceedance, exceedance_stderr = _exceedances(tallies)
    shortfall = np.full(quantile.shape, np.nan)
    budgeted = budget_cells(tallies.threshold_starts)
    if budgeted:
        shortfall[budgeted] = tallies.pooled.shortfalls(budgeted, levels, quantile[budgeted])
    return Statistics(
        quantile=quantile,
        quantile_stderr=_quantile_errors(tallies, levels, points),
        mean=mean,
        mean_stderr=mean_stderr,
        std=std,
        std_stderr=std_stderr,
        exceedance=exceedance,
        exceedance_stderr=exceedance_stderr,
        shortfall=shortfall,
        shortfall_stderr=_spread(tallies.shortfalls),
        dropped=points * REPLICATES - _total(tallies.sizes),
        reliable=_reliable(tallies, mean, std),
    )


def _total(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Sum over the replicates in a fixed order, whatever NumPy's own would be."""
    return functools.reduce(np.add, values)


def _spread(values: Floats) -> Floats:
    """Return the standard error of the mean of the replicates' values."""
    mean = _total(values) / REPLICATES
    return np.sqrt(_total((values - mean) ** 2) / (REPLICATES - 1) / REPLICATES)


def _moments(tallies: Tallies) -> tuple[Floats, Floats, Floats, Floats]:
    sizes, sums = tallies.sizes.astype(float), tallies.sums
    size, total = _total(sizes), _total(sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_stderr = _spread(sums[:, :, 0] / sizes)
        std = _deviation(size, total[:, 0], total[:, 1])
        without = _deviation(size - sizes, total[:, 0] - sums[:, :, 0], total[:, 1] - sums[:, :, 1])
        std_stderr = _spread(without) * (REPLICATES - 1)  # the jackknife
        mean = tallies.references + total[:, 0] / size
    return mean, mean_stderr, std, std_stderr


def _deviation(size: Floats, first: Floats, second: Floats) -> Floats:
    return np.sqrt(np.maximum(second - first * first / size, 0.0) / (size - 1.0))


def _quantile_errors(tallies: Tallies, levels: Floats, points: int) -> Floats:
    """Return the spread of the replicates' quantiles; far out, invert the pooled counts."""
    errors = _spread(tallies.quantiles)
    far = np.flatnonzero(np.minimum(levels, 1.0 - levels) * points < FEWEST_BEYOND)
    if far.size:
        size = tallies.pooled.size[:, None].astype(float)
        step = np.sqrt(levels[far] * (1.0 - levels[far]) / size)
        high = tallies.pooled.quantiles(np.minimum(levels[far] + step, 1.0))
        low = tallies.pooled.quantiles(np.maximum(levels[far] - step, 0.0))
        errors[:, far] = 0.5 * (high - low)
    return errors


def _exceedances(tallies: Tallies) -> tuple[Floats, Floats]:
    """Return the shares of draws above the thresholds; few counts get a binomial error."""
    cells = np.repeat(np.arange(len(tallies.references)), np.diff(tallies.threshold_starts))
    size = _total(tallies.sizes)[cells].astype(float)
    count = _total(tallies.above).astype(float)
    errors = _spread(tallies.above / tallies.sizes[:, cells].astype(float))
    few = np.minimum(count, size - count) < FEWEST_BEYOND * REPLICATES
    share = (count + 0.5) / (size + 1.0)
    smooth = tallies.pooled.smooth
    constant = smooth.lowest[cells] == smooth.highest[cells]
    binomial = np.where(constant, 0.0, np.sqrt(share * (1.0 - share) / size))
    return count / size, np.where(few, binomial, errors)


def _reliable(tallies: Tallies, mean: Floats, std: Floats) -> NDArray[np.bool_]:
    smooth = tallies.pooled.smooth
    farthest = np.maximum(smooth.highest - mean, mean - smooth.lowest)
    squares = std * std * (tallies.pooled.size - 1.0)
    return farthest * farthest <= LARGEST_SHARE * squares + 0.0 * farthest
