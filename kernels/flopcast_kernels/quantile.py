"""From uniforms to values through quantile tables: one kernel for every distribution.

A uniform u comes as its *signed tail* s: u below one half, u - 1 above, so ``|s| = min(u, 1 - u)``
has no rounding and both tails are equally fine. Magnitudes outside [2^-33, 0.5) are clamped into
it: 2^-33 is the smallest that the generators make.

A continuous distribution is a table of piecewise polynomials. Its cells are indexed by the bits of
|s|: 32 octaves of ``2**bits`` cells, those of the lower tail first. One cell is one row of eight
float64, a cache line: c0 … c5, the position within the cell at which it is cut, and the row to go
to beyond the cut. A discrete distribution is a step function with a guide table.
"""

from typing import NamedTuple

import numpy as np

from flopcast_kernels import elementary
from flopcast_kernels.jit import bits_float, float_bits, fma, inlined, kernel
from flopcast_kernels.vectors import (
    CUBIC_OCTAVES,
    CUBIC_TERMS,
    EVEN_CELLS,
    EVEN_TERMS,
    cubic_eight,
)

OCTAVES = 32
DEGREE = 5
CUT, ALTERNATIVE, ROW_LENGTH = 6, 7, 8
NO_CUT = 2.0
VALUE, LOGARITHM, STEPS = range(3)
KIND, FIRST, CELL_BITS, GUIDE_FIRST, GUIDE_SIZE, HEADER_LENGTH = range(6)
LOW, HIGH, SCALE, BOUNDS_LENGTH = range(4)

_FIRST_EXPONENT = np.uint64(1023 - 1 - OCTAVES)
_SMALLEST = np.uint64((1023 - 1 - OCTAVES) << 52)
_LARGEST = np.uint64((1022 << 52) - 1)
_MAGNITUDE = np.uint64((1 << 63) - 1)
_MANTISSA = np.uint64((1 << 52) - 1)
_ONE = np.uint64(1023 << 52)
_MANTISSA_BITS = np.uint64(52)
_SIGN_BIT = np.uint64(63)


__all__ = ["CUBIC_OCTAVES", "CUBIC_TERMS", "EVEN_CELLS", "EVEN_TERMS", "Pool", "cubic_row"]
__all__ += ["quantile_row"]


class Pool(NamedTuple):
    """The tables of a program, one after the other.

    Attributes
    ----------
    coefficients : (rows, 8) float64
        The rows of every continuous table, starting at a cache line.
    headers : (tables, 5) int64
        What a table is (`VALUE`, `LOGARITHM` or `STEPS`), its first row or step, the bits of its
        cells in an octave, and the first entry and size (a power of two) of its guide.
    bounds : (tables, 3) float64
        The lowest and highest value, and what the exponential of a polynomial is multiplied by.
    steps : (n,) float64
        The values of the step functions.
    uppers : (n,) float64
        The cumulative probability up to and with each.
    guides : (n,) int32
        The step to start from, by the leading bits of the uniform.
    is_even : (tables,) bool
        Whether a table has an even form too: polynomials over `EVEN_CELLS` equal cells of (0, 1).
    even : (tables, EVEN_TERMS, EVEN_CELLS) float64
        Their coefficients, by the powers of n, where n / 2^26 is the position within the cell.
    rough_starts, rough_cells : (tables + 1,) int64, (n,) int64
        The cells of each even form that only the general table serves.
    cubic : (rows * CUBIC_TERMS,) float64
        The rows of every cubic form: of either tail one for all tails below its `CUBIC_OCTAVES`
        octaves, then one a cell. NaN where only the general table serves.
    cubic_starts, cubic_bits : (tables,) int64
        The first row, and the bits of its cells in an octave; 0 for a table without the form.
    """

    coefficients: np.ndarray
    headers: np.ndarray
    bounds: np.ndarray
    steps: np.ndarray
    uppers: np.ndarray
    guides: np.ndarray
    is_even: np.ndarray
    even: np.ndarray
    rough_starts: np.ndarray
    rough_cells: np.ndarray
    cubic: np.ndarray
    cubic_starts: np.ndarray
    cubic_bits: np.ndarray


@inlined
def _magnitude(bits):
    """Return the bits of |s|, within the range of the tables."""
    return min(max(bits & _MAGNITUDE, _SMALLEST), _LARGEST)


@inlined
def _locate(rows, out, source, n, cell_bits):
    """Write each uniform's cell (upper 12 bits) and its position there (52 bits, no rounding)."""
    shift = _MANTISSA_BITS - cell_bits
    first = _FIRST_EXPONENT << cell_bits
    half = np.uint64(OCTAVES) << cell_bits
    for i in range(n):
        bits = np.uint64(float_bits(rows[source + i]))
        magnitude = _magnitude(bits)
        cell = (magnitude >> shift) - first + (bits >> _SIGN_BIT) * half
        position = (magnitude << cell_bits) & _MANTISSA
        rows[out + i] = bits_float(np.int64((cell << _MANTISSA_BITS) | position))


@inlined
def _polynomials(rows, out, n, first, coefficients):
    """Replace each cell and position by the value of the cell's polynomial."""
    for i in range(n):
        bits = np.uint64(float_bits(rows[out + i]))
        row = first + (bits >> _MANTISSA_BITS)
        t = bits_float(np.int64((bits & _MANTISSA) | _ONE)) - 1.0
        while t >= coefficients[row, np.uint64(CUT)]:
            row = first + np.uint64(coefficients[row, np.uint64(ALTERNATIVE)])
        value = coefficients[row, np.uint64(DEGREE)]
        value = fma(value, t, coefficients[row, np.uint64(4)])
        value = fma(value, t, coefficients[row, np.uint64(3)])
        value = fma(value, t, coefficients[row, np.uint64(2)])
        value = fma(value, t, coefficients[row, np.uint64(1)])
        rows[out + i] = fma(value, t, coefficients[row, np.uint64(0)])


@inlined
def _steps(rows, out, source, n, first, guide, size, pool):
    """Write the value of the step function at each uniform."""
    scale = np.float64(size)
    for i in range(n):
        bits = np.uint64(float_bits(rows[source + i]))
        tail = bits_float(np.int64(_magnitude(bits)))
        u = 1.0 - tail if bits >> _SIGN_BIT else tail
        k = first + np.uint64(pool.guides[guide + np.uint64(u * scale)])
        while u >= pool.uppers[k]:
            k += np.uint64(1)
        rows[out + i] = pool.steps[k]


@kernel
def quantile_row(rows, out, source, n, table, pool):
    """Write the quantiles of a row of uniforms into another row.

    Parameters
    ----------
    rows : (size,) float64
        The block's rows, one after the other.
    out, source : uint64
        Where the row of values and the row of signed tails begin; they do not overlap.
    n : uint64
        The length of the rows.
    table : int
        The distribution's number in the pool.
    pool : Pool
        The quantile tables.
    """
    header = pool.headers[table]
    low, high, scale = pool.bounds[table]
    first = np.uint64(header[FIRST])
    if header[KIND] == STEPS:
        guide, size = np.uint64(header[GUIDE_FIRST]), np.uint64(header[GUIDE_SIZE])
        _steps(rows, out, source, n, first, guide, size, pool)
        return
    # Three loops: the first and the last are vectorised, 1.6 ns a value against 2.0 for one.
    _locate(rows, out, source, n, np.uint64(header[CELL_BITS]))
    _polynomials(rows, out, n, first, pool.coefficients)
    if header[KIND] == LOGARITHM:
        for i in range(n):
            rows[out + i] = min(max(scale * elementary.exp(rows[out + i]), low), high)
    else:
        for i in range(n):
            rows[out + i] = min(max(rows[out + i], low), high)


@inlined
def cubic_row(rows, out, words, n, table, pool):
    """Write the values of a row of words by a cubic form; NaN where the table must serve.

    Returns
    -------
    bool
        Whether there is such a value.
    """
    first, bits = pool.cubic_starts[table], pool.cubic_bits[table]
    low, high, scale = pool.bounds[table]
    rough = np.int64(0)
    if pool.headers[table, KIND] == VALUE:
        for i in range(np.uint64(0), n, np.uint64(8)):
            rough |= cubic_eight(rows, out + i, words, i, pool.cubic, first, bits, low, high)
    else:
        for i in range(np.uint64(0), n, np.uint64(8)):
            rough |= cubic_eight(rows, out + i, words, i, pool.cubic, first, bits, -np.inf, np.inf)
        for i in range(n):
            value = scale * elementary.exp(rows[out + i])
            value = low if value < low else value
            rows[out + i] = high if value > high else value
    return rough != 0
