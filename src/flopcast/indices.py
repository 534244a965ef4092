"""Sums to indices: how much of an output's variance each input explains.

With a, b and m the output with all inputs from one sample, all from another, and those of the first
with one from the second (Saltelli 2002), b and m share that input and a and m all others. The
correlation of b and m is then the first-order index (Janon, Klein, Lagnoux, Nodet and Prieur 2014,
doi:10.1051/ps/2013040), and one minus that of a and m the total-order one, here by half the mean
square of a - m (Jansen 1999, doi:10.1016/S0010-4655(98)00154-4). But a and b, though independent,
are never quite uncorrelated in a sample, and that shows in both. So m is regressed on a and b
together: the coefficients are the same two indices, with the chance correlation taken out. Against
either alone that is about as good where they do well, and several times better for small
first-order and large total-order indices.
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flopcast.pick_freeze import Sums
from flopcast.trials import TrialGroup, TrialPlan
from flopcast_kernels.program import REPLICATES

Floats = NDArray[np.float64]

# Beyond this correlation of two independent samples there are too few draws to take it out.
_MOST_CHANCE = 0.5


@dataclass(frozen=True)
class Indices:
    """First- and total-order Sobol' indices of every cell; 0 where an input does not matter.

    Attributes
    ----------
    first, first_stderr, total, total_stderr : (cells, inputs) float64
    nonfinite : (cells, inputs) int64
        How many base points were left out.
    constant : (cells,) bool
        Whether a cell does not vary, so that nothing explains its variance.
    """

    first: Floats
    first_stderr: Floats
    total: Floats
    total_stderr: Floats
    nonfinite: NDArray[np.int64]
    constant: NDArray[np.bool_]


def sobol_indices(plan: TrialPlan, results: Iterable[tuple[TrialGroup, Sums]]) -> Indices:
    """Work out the indices of a run.

    Parameters
    ----------
    plan : TrialPlan
    results : iterable of (TrialGroup, Sums)
    """
    shape = (len(plan.cells), len(plan.inputs))
    first, first_stderr, total, total_stderr = np.zeros((4, *shape))
    nonfinite = np.zeros(shape, np.int64)
    constant = np.ones(len(plan.cells), np.bool_)
    for group, sums in results:
        place = (group.cells, group.inputs)
        values, errors = _jackknifed(sums)
        first[place], total[place] = values
        first_stderr[place], total_stderr[place] = errors
        nonfinite[place] = plan.points * REPLICATES - _total(sums.sizes)
        pairs = _total(sums.pairs) / _size(_total(sums.sizes))
        constant[group.cells[(_variances(pairs) > 0.0).any(axis=-1)]] = False
    return Indices(first, first_stderr, total, total_stderr, nonfinite, constant)


def _jackknifed(sums: Sums) -> tuple[Floats, Floats]:
    """Return (2, trials) pooled indices, and their errors by leaving out each replicate."""
    pairs, trials, sizes = _total(sums.pairs), _total(sums.trials), _total(sums.sizes)
    values = first_and_total(pairs, trials, sizes)
    without = first_and_total(pairs - sums.pairs, trials - sums.trials, sizes - sums.sizes)
    mean = _total(without.swapaxes(0, 1)) / REPLICATES
    squares = _total((without.swapaxes(0, 1) - mean) ** 2)
    return values, np.sqrt(squares * (REPLICATES - 1) / REPLICATES)


def first_and_total(pairs: Floats, trials: Floats, sizes: Floats) -> Floats:
    """Return the first- and total-order index of each trial, 0 where the output does not vary.

    Parameters
    ----------
    pairs, trials : (..., trials, 5) and (..., trials, 4) float64
        Sums of a, aa, b, bb, ab and of m, mm, (a - m)(a - m), bm.
    sizes : (..., trials) float64

    Returns
    -------
    (2, ..., trials) float64
    """
    a, _, b, _, ab = np.moveaxis(pairs / _size(sizes), -1, 0)
    m, mm, moved, bm = np.moveaxis(trials / _size(sizes), -1, 0)
    var_a, var_b = np.moveaxis(_variances(pairs / _size(sizes)), -1, 0)
    var_m = mm - m * m
    chance = _ratio(ab - a * b, var_a + var_b)
    chance = np.where(np.abs(chance) < _MOST_CHANCE, chance, 0.0)
    alone = _ratio(bm - b * m, var_b + var_m)
    with_others = _ratio(0.5 * (moved - (a - m) ** 2), var_a + var_m)
    rest = 1.0 - chance * chance
    first = (alone - chance + chance * with_others) / rest
    total = (with_others + chance * (alone - chance)) / rest
    return np.array([first, total])


def _size(sizes: Floats) -> Floats:
    """Return sizes to divide sums by; those of nothing are 0, whatever they are divided by."""
    return np.maximum(sizes, 1.0)[..., None]


def _variances(means: Floats) -> Floats:
    """Return (..., 2) variances of a and b from the means of their values and squares."""
    return means[..., [1, 3]] - means[..., [0, 2]] ** 2


def _ratio(covariance: Floats, variances: Floats) -> Floats:
    """Return a covariance by the mean of two variances."""
    varies = variances > 0.0
    return np.where(varies, 2.0 * covariance / np.where(varies, variances, 1.0), 0.0)


def _total(values: Floats) -> Floats:
    """Sum over the replicates in a fixed order, whatever NumPy's own would be."""
    return functools.reduce(np.add, values)
