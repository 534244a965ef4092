"""A quantile table once more, over equal cells of (0, 1): what Sobol' blocks are made with.

Each of `EVEN_CELLS` cells has a polynomial of degree 7 through the values of the table at
Chebyshev-Lobatto nodes. Near the ends and at kinks that is not enough: those cells are *rough*,
and the table itself serves them. How far the polynomial is from the table is measured between the
nodes of every cell. The fit is elementwise arithmetic in a written order, so the same table gives
the same form on every processor.
"""

import numpy as np
from numpy.typing import NDArray

from flopcast.tables import EvenForm, Floats, QuantileTable, evaluate
from flopcast_kernels import quantile as kernel

MOST_ROUGH = kernel.EVEN_CELLS // 2  # as many as there is room for in a block's spare row
_POSITIONS = 2.0**26  # of a cell
_SMALLEST_NORMAL = 2.0**-1022

# Nodes j: (1 - cos(j pi / 7)) / 2. Checks: the extrema of their polynomial, where the error is.
_NODES = (
    0.0, 0.049515566048790434, 0.18825509907063323, 0.3887395330218428,
    0.6112604669781572, 0.8117449009293668, 0.9504844339512095, 1.0,
)  # fmt: skip
_CHECKS = (
    0.020662666192078197, 0.1167194622943466, 0.28738098484457386, 0.5,
    0.7126190151554261, 0.8832805377056534, 0.9793373338079218,
)  # fmt: skip
_POINTS = np.sort(np.array(_NODES + _CHECKS))
_NODE, _CHECK = slice(0, None, 2), slice(1, None, 2)

# From the differences to the first node to the coefficients c1 … c7: the inverse of the matrix of
# powers of the nodes, from mpmath with 80 digits.
_FIT = (
    (40.391338716178446, -10.623882220845454, 5.144833056862325, -3.2719276119511718,
     2.463828226959233, -2.1041901672033743, 1.0),
    (-517.1840559913608, 294.15467656670194, -156.54483728496504, 102.62085604546442,
     -78.27110672367415, 67.22446738783366, -32.0),
    (2480.350197100076, -1837.1099913927806, 1243.6480513235329, -879.1328295957643,
     692.001751576391, -602.6143218685979, 288.0),
    (-5855.441840247745, 4956.974485683421, -3927.147957129437, 3093.857670919079,
     -2560.26734547996, 2280.5964148260714, -1097.142857142857),
    (7304.794143698324, -6693.940178409836, 5890.820730817588, -5109.581520401819,
     4504.956554055517, -4141.621158331202, 2011.4285714285713),
    (-4623.195497561187, 4460.830604059053, -4226.206535069295, 3965.7934649307053,
     -3731.1693959409467, 3568.804502438813, -1755.4285714285713),
    (1170.2857142857142, -1170.2857142857142, 1170.2857142857142, -1170.2857142857142,
     1170.2857142857142, -1170.2857142857142, 585.1428571428571),
)  # fmt: skip


def even_form(table: QuantileTable, allowed: float) -> EvenForm | None:
    """Return the even form of a table, or None where most of its cells are rough.

    Parameters
    ----------
    table : QuantileTable
    allowed : float
        How far it may be from the table, in the measure of the promise of `fitting`.
    """
    tails = _tails()
    values = evaluate(table, tails)
    nodes = values[:, _NODE]
    coefficients = np.empty((kernel.EVEN_TERMS, kernel.EVEN_CELLS))
    coefficients[0] = nodes[:, 0]
    for k, factors in enumerate(_FIT, 1):
        coefficients[k] = 0.0
        for node, factor in enumerate(factors, 1):
            coefficients[k] += (nodes[:, node] - nodes[:, 0]) * factor
    rough = ~(_errors(coefficients, values, tails) <= allowed) | _is_cut(table)
    rough |= ~np.isfinite(coefficients).all(axis=0)
    rough[[0, -1]] = True  # the ends of the distribution
    if np.count_nonzero(rough) > MOST_ROUGH:
        return None
    coefficients *= (_POSITIONS ** -np.arange(kernel.EVEN_TERMS))[:, None]
    coefficients[:, rough] = 0.0
    return EvenForm(coefficients, np.flatnonzero(rough))


def _tails() -> Floats:
    """Return the signed tails of the nodes and checks of each cell, (EVEN_CELLS, 15)."""
    cells = np.arange(kernel.EVEN_CELLS)[:, None]
    lower = (cells + _POINTS) / kernel.EVEN_CELLS
    upper = (cells - kernel.EVEN_CELLS + _POINTS) / kernel.EVEN_CELLS
    tails: Floats = np.where(cells < kernel.EVEN_CELLS // 2, lower, upper)
    return tails


def _errors(coefficients: Floats, values: Floats, tails: Floats) -> Floats:
    """Return each cell's largest error at the checks: of the value, or of the tail probability."""
    t = _POINTS[_CHECK]
    found = np.zeros((kernel.EVEN_CELLS, t.size))
    for coefficient in coefficients[::-1]:
        found = found * t + coefficient[:, None]
    x, tail = values[:, _CHECK], tails[:, _CHECK]
    distance = np.abs(found - x)
    slopes = np.abs(np.diff(values, axis=1) / np.diff(tails, axis=1))
    slope = np.fmin(slopes[:, 0::2], slopes[:, 1::2])
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.fmin(distance / np.abs(x), distance / (slope * np.abs(tail)))
    largest: Floats = np.max(error, axis=1, initial=0.0, where=distance > _SMALLEST_NORMAL)
    return largest


def _is_cut(table: QuantileTable) -> NDArray[np.bool_]:
    """Tell in which cells the table has a kink or a jump."""
    count = 2 * kernel.OCTAVES << table.cell_bits
    half = count // 2
    cut = np.flatnonzero(table.coefficients[:count, kernel.CUT] < kernel.NO_CUT)
    octave, place = np.divmod(cut % half, 1 << table.cell_bits)
    found = np.zeros(kernel.EVEN_CELLS, np.bool_)
    for end in (0, 1):
        mantissa = 1.0 + (place + end) * 0.5**table.cell_bits
        tail = np.ldexp(mantissa, octave - kernel.OCTAVES - 1)
        u = np.where(cut < half, tail, 1.0 - tail)
        cells = np.floor(u * kernel.EVEN_CELLS).astype(np.int64)
        found[np.minimum(cells, kernel.EVEN_CELLS - 1)] = True
    return found
