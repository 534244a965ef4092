"""Matrices that make normal scores dependent: the copula's factor and the periods' rotation.

Both are worked out in a fixed order of plain arithmetic, so that they are the same everywhere.
"""

import math

import numpy as np
from numpy.typing import NDArray

_SINE_TERMS = 8  # the next is 5e-20 of the first


class NotPositiveDefinite(ValueError):
    """No inputs can have these correlations."""


def pearson_of_spearman(correlation: float) -> float:
    """Return the correlation of normal scores whose ranks have a given one (Pearson 1907)."""
    return 2.0 * _sine(math.pi * correlation / 6.0)


def _sine(x: float) -> float:
    """Return the sine of at most pi / 6 from its series; that of a library differs by machine."""
    series = 1.0
    for k in range(_SINE_TERMS, 0, -1):
        series = 1.0 - x * x / (2 * k * (2 * k + 1)) * series
    return x * series


def cholesky(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the lower triangular factor of a correlation matrix.

    Parameters
    ----------
    matrix : (n, n) float64

    Raises
    ------
    NotPositiveDefinite
        If the matrix has no factor.
    """
    n = len(matrix)
    factor = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            rest = float(matrix[i, j])
            for k in range(j):
                rest -= float(factor[i, k]) * float(factor[j, k])
            if i != j:
                factor[i, j] = rest / factor[j, j]
            elif rest <= 1e-12:
                raise NotPositiveDefinite
            else:
                factor[i, i] = np.sqrt(rest)
    return factor


def haar(count: int) -> NDArray[np.float64]:
    """Return an orthonormal rotation whose columns go from coarse to fine.

    Row t says how period t is made of the components: the first is what all periods share, the
    next how the first half differs from the second, and so on. A quasi-random point gives its
    best coordinates to what moves all periods together.

    Returns
    -------
    (count, count) float64
    """
    matrix = np.zeros((count, count))
    matrix[:, 0] = np.sqrt(1.0 / count)
    parts = [(0, count)]
    column = 1
    while parts:
        start, stop = parts.pop(0)
        if stop - start < 2:
            continue
        middle = (start + stop + 1) // 2
        left, right = float(middle - start), float(stop - middle)
        matrix[start:middle, column] = np.sqrt(right / (left * (left + right)))
        matrix[middle:stop, column] = -np.sqrt(left / (right * (left + right)))
        parts += [(start, middle), (middle, stop)]
        column += 1
    return matrix
