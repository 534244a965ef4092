"""Bins over the bits of ``y - center``, and quantiles read from their counts.

The bins of a cell are chosen from a pilot. A bin's width is a fixed share of its distance from the
center, so a histogram holds many orders of magnitude; the center is where that serves best: 0 for
a positive quantity over decades, the median for one that sits far from 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flopcast_kernels.tally import BINS
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

USED_BINS = BINS - 1
_MANTISSA = 52
_MOST_BITS = 9  # 512 bins an octave
_LEVELS = np.array([0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999])
_BISECTIONS = 60


@dataclass(frozen=True)
class Bins:
    """The bins of many cells; every attribute is (cells,).

    Attributes
    ----------
    centers : float64
    drops : int64
        How many low bits of ``|y - center|`` a bin does not see.
    lows : int64
        The smallest pattern of bits with a bin of its own; what is nearer shares the middle one.
    firsts : int64
        The signed number of the first bin; the middle one is 0.
    """

    centers: Floats
    drops: Ints
    lows: Ints
    firsts: Ints

    def edge(self, cells: Ints, index: Ints) -> Floats:
        """Return the lower edges of bins: `index` counts from the first bin of each cell."""
        number = index + self.firsts[cells]
        above = number > 0
        steps = np.where(above, number - 1, -number)
        pattern = np.clip((self.lows[cells] + steps) << self.drops[cells], 0, _LARGEST)
        distance = pattern.view(np.float64)
        return self.centers[cells] + np.where(above, distance, -distance)


_LARGEST = int(np.array(np.finfo(np.float64).max).view(np.int64))


def choose_bins(pilot: Sequence[Floats]) -> Bins:
    """Choose the bins of every cell from its pilot.

    Parameters
    ----------
    pilot : sequence of (n,) float64
        Finite values, ascending; one array a cell.
    """
    chosen = [_choose_cell(row) for row in pilot]
    centers, drops, lows, firsts = zip(*chosen, strict=True)
    return Bins(
        np.array(centers, np.float64),
        np.array(drops, np.int64),
        np.array(lows, np.int64),
        np.array(firsts, np.int64),
    )


def _choose_cell(values: Floats) -> tuple[float, int, int, int]:
    """Return the center, drop, low and first of the candidate with the finest bins."""
    middle = float(values[values.size // 2])
    candidates = dict.fromkeys([0.0, middle, float(values[0]), float(values[-1])])
    options = [_fit(values, center) for center in candidates]
    return min(options, key=lambda option: option[0])[1]


def _fit(values: Floats, center: float) -> tuple[float, tuple[float, int, int, int]]:
    """Return how coarse the bins around a center are, and the bins."""
    distance = np.abs(values - center)
    farthest = float(distance.max())
    if farthest == 0.0 or not np.isfinite(farthest):
        return np.inf, (center, _MANTISSA, 1, -USED_BINS // 2)
    places = (_LEVELS * (values.size - 1)).astype(np.int64)
    near = np.sort(distance)
    nearest = max(float(near[near.size // 1000]), farthest * 2.0**-60)
    low_octave, high_octave = np.frexp([nearest, farthest])[1]
    is_positive, is_negative = bool(values[0] >= center), bool(values[-1] <= center)
    one_sided = is_positive or is_negative
    margin = max(3, (high_octave - low_octave) // 2)
    octaves = int(high_octave - low_octave) + 1 + margin * (2 if one_sided else 1)
    low_octave -= margin if one_sided else 0
    room = USED_BINS - 4 if one_sided else (USED_BINS - 4) // 2
    bits = min(_MOST_BITS, max(1, int(np.log2(room / octaves))))
    drop = _MANTISSA - bits
    low = max(1, int(np.array(np.ldexp(0.5, int(low_octave))).view(np.int64) >> drop))
    first = -1 if is_positive else (2 - USED_BINS if is_negative else -(USED_BINS // 2))
    return _coarseness(values, places, center, low, drop), (center, drop, low, first)


def _coarseness(values: Floats, places: Ints, center: float, low: int, drop: int) -> float:
    """Return the largest width of a bin at a quantile, in units of the spread around it."""
    reach = np.maximum(1, np.minimum(places, values.size - 1 - places) // 2)
    spread = values[np.minimum(places + reach, values.size - 1)] - values[places - reach]
    distance = np.abs(values[places] - center)
    pattern = np.maximum(distance.view(np.int64) >> drop, low)
    width = ((pattern + 1) << drop).view(np.float64) - (pattern << drop).view(np.float64)
    smooth = spread > 0.0
    return float((width[smooth] / spread[smooth]).max()) if smooth.any() else np.inf


@dataclass(frozen=True)
class Histogram:
    """The counts of many cells, to be read as smooth cumulative distributions.

    Attributes
    ----------
    bins : Bins
    counts : (cells, USED_BINS) int64
    lowest, highest : (cells,) float64
        The smallest and largest value counted.
    below : (cells, USED_BINS + 1) int64
        How many values lie below each edge.
    """

    bins: Bins
    counts: Ints
    lowest: Floats
    highest: Floats
    below: Ints

    @classmethod
    def of(cls, bins: Bins, counts: Ints, lowest: Floats, highest: Floats) -> "Histogram":
        """Return the histogram of the counts."""
        below = np.zeros((len(counts), USED_BINS + 1), np.int64)
        np.cumsum(counts, axis=1, out=below[:, 1:])
        return cls(bins, counts, lowest, highest, below)

    def edge(self, cells: Ints, index: Ints) -> Floats:
        """Return edges, moved into the range of the values."""
        edge = self.bins.edge(cells, np.clip(index, 0, USED_BINS))
        return np.clip(edge, self.lowest[cells], self.highest[cells])

    def slope(self, cells: Ints, index: Ints) -> Floats:
        """Return the density at an edge: the monotone cubic's (Fritsch and Butland 1984)."""
        left, right = self._density(cells, index - 1), self._density(cells, index)
        h_left = self.edge(cells, index) - self.edge(cells, index - 1)
        h_right = self.edge(cells, index + 1) - self.edge(cells, index)
        w_left, w_right = 2.0 * h_right + h_left, h_right + 2.0 * h_left
        with np.errstate(divide="ignore", invalid="ignore"):
            inner = (w_left + w_right) / (w_left / left + w_right / right)
        inner = np.where((left > 0.0) & (right > 0.0), inner, 0.0)
        outer = np.where(h_left > 0.0, left, right)  # at an end, the secant
        return np.where((h_left > 0.0) & (h_right > 0.0), inner, outer)

    def _density(self, cells: Ints, index: Ints) -> Floats:
        inside = (index >= 0) & (index < USED_BINS)
        count = np.where(inside, self.counts[cells, np.clip(index, 0, USED_BINS - 1)], 0)
        width = self.edge(cells, index + 1) - self.edge(cells, index)
        return np.divide(count, width, out=np.zeros(count.shape), where=width > 0.0)

    def quantile(self, cells: Ints, ranks: Floats) -> Floats:
        """Return the values with `ranks` (from 0 to the cell's count) of its values below them.

        Parameters
        ----------
        cells : (n,) int64
        ranks : (n,) float64
        """
        index = np.array(
            [np.searchsorted(self.below[c], r, "left") - 1 for c, r in zip(cells, ranks, strict=True)],
            np.int64,
        )
        index = np.clip(index, 0, USED_BINS - 1)
        x0, x1 = self.edge(cells, index), self.edge(cells, index + 1)
        n0, n1 = self.below[cells, index].astype(float), self.below[cells, index + 1].astype(float)
        d0, d1 = self.slope(cells, index), self.slope(cells, index + 1)
        low, high = np.zeros(ranks.shape), np.ones(ranks.shape)
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            under = _hermite(middle, x1 - x0, n0, n1, d0, d1) < ranks
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        return np.clip(x0 + (x1 - x0) * high, self.lowest[cells], self.highest[cells])

    def rank(self, cells: Ints, values: Floats) -> Floats:
        """Return how many of a cell's values lie below given ones, smoothly."""
        index = np.array([self._bin_of(c, y) for c, y in zip(cells, values, strict=True)], np.int64)
        x0, x1 = self.edge(cells, index), self.edge(cells, index + 1)
        n0, n1 = self.below[cells, index].astype(float), self.below[cells, index + 1].astype(float)
        width = x1 - x0
        t = np.divide(values - x0, width, out=np.ones(width.shape), where=width > 0.0)
        d0, d1 = self.slope(cells, index), self.slope(cells, index + 1)
        return _hermite(np.clip(t, 0.0, 1.0), width, n0, n1, d0, d1)

    def _bin_of(self, cell: int, value: float) -> int:
        cells = np.full(USED_BINS + 1, cell)
        edges = self.bins.edge(cells, np.arange(USED_BINS + 1))
        return int(np.clip(np.searchsorted(edges, value, "right") - 1, 0, USED_BINS - 1))

    def upper_integral(self, cell: int, start: float) -> float:
        """Return the integral, from `start` up, of how many values of a cell lie above."""
        cells = np.full(USED_BINS + 1, cell)
        index = np.arange(USED_BINS + 1)
        x, d = self.edge(cells, index), self.slope(cells, index)
        above = (self.below[cell, -1] - self.below[cell]).astype(float)
        k = self._bin_of(cell, start)
        at_start = self.below[cell, -1] - self.rank(np.array([cell]), np.array([start]))[0]
        begin = float(np.clip(start, x[0], x[-1]))
        density = self._slope_inside(cell, k, begin)
        nodes = np.concatenate([[begin], np.maximum(x[k + 1 :], begin)])
        counts = np.concatenate([[at_start], above[k + 1 :]])
        slopes = np.concatenate([[density], d[k + 1 :]])
        h = np.diff(nodes)
        areas = h * (0.5 * (counts[:-1] + counts[1:]) + h * (slopes[1:] - slopes[:-1]) / 12.0)
        return float(np.cumsum(areas)[-1]) + max(0.0, begin - start) * float(at_start)

    def _slope_inside(self, cell: int, k: int, value: float) -> float:
        """Return the monotone cubic's density at a value inside bin k."""
        cells, index = np.array([cell]), np.array([k])
        x0, x1 = self.edge(cells, index)[0], self.edge(cells, index + 1)[0]
        if x1 <= x0:
            return 0.0
        t, h = (value - x0) / (x1 - x0), x1 - x0
        d0, d1 = self.slope(cells, index)[0], self.slope(cells, index + 1)[0]
        rise = float(self.counts[cell, k]) / h
        return float(6.0 * t * (1.0 - t) * rise + (1 - t) * (1 - 3 * t) * d0 + t * (3 * t - 2) * d1)


def _hermite(
    t: Floats, h: Floats, n0: Floats, n1: Floats, d0: Floats, d1: Floats
) -> Floats:
    """Return the cubic with values n0, n1 and slopes d0, d1 at the ends of an interval."""
    s = 1.0 - t
    rise = n0 + (n1 - n0) * t * t * (3.0 - 2.0 * t)
    return rise + h * t * s * (s * d0 - t * d1)
