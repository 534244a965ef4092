"""Numba: one loop over the draws in `prange`, `np.random` inside, `fastmath`.

Moments, exceedances and histograms of the logarithm's bits are made in the loop, a set for each
of 256 chunks, so that no draw is kept; quantiles are read from the histograms.
"""

import math

import model
import numba
import numpy as np

CHUNKS = 256
BINS = 64 * 64  # 64 an octave, from 1 USD up
A, B, C, D, E = (tuple(own) for own in model.LOGNORMALS.values())
F, G, H = (tuple(own) for own in model.PERTS.values())
PEAK, OVERHEAD = model.PEAK, model.OVERHEAD
TRAINING, SERVING, LIMIT = model.TRAINING_FACTOR, model.SERVING_FACTOR, model.LIMIT
YEARS, OUTPUTS = model.YEARS, len(model.OUTPUTS)


@numba.njit(fastmath=True)
def _lognormal(own):
    return math.exp(own[0] + own[1] * np.random.standard_normal())  # noqa: NPY002 - all Numba has


@numba.njit(fastmath=True)
def _pert(own):
    return own[0] + own[1] * np.random.beta(own[2], own[3])  # noqa: NPY002


@numba.njit(fastmath=True)
def _draw(y):
    """Fill the eight outputs of one draw."""
    common = _lognormal(A) * _lognormal(C) * np.random.triangular(*OVERHEAD)  # noqa: NPY002
    common /= np.random.uniform(*PEAK)  # noqa: NPY002
    y[0] = total = TRAINING * common * _lognormal(B) / _pert(F)
    bill = SERVING * common * _lognormal(D) / _pert(H)
    change = _lognormal(E) * (1.0 - _pert(G))
    for year in range(YEARS):
        y[1 + year] = bill
        total += bill
        bill *= change
    y[OUTPUTS - 1] = total


@numba.njit(fastmath=True, parallel=True)
def _run(draws, seed):
    sums = np.zeros((CHUNKS, 3, OUTPUTS))
    counts = np.zeros((CHUNKS, OUTPUTS, BINS), np.int32)
    for chunk in numba.prange(CHUNKS):
        np.random.seed(seed * CHUNKS + chunk)  # noqa: NPY002 - of this thread's generator
        y = np.empty(OUTPUTS)
        for _ in range(chunk, draws, CHUNKS):
            _draw(y)
            for k in range(OUTPUTS):
                sums[chunk, 0, k] += y[k]
                sums[chunk, 1, k] += y[k] * y[k]
                sums[chunk, 2, k] += y[k] > LIMIT
                part, octave = math.frexp(max(y[k], 1.0))
                counts[chunk, k, 64 * octave - 64 + int(128.0 * part) - 64] += 1
    return sums.sum(axis=0), counts


def _quantiles(counts):
    """Read the levels from one histogram, straight lines within its bins."""
    bins = np.arange(BINS + 1)
    edges = (1.0 + bins % 64 / 64.0) * 2.0 ** (bins // 64)
    below = np.concatenate([[0], np.cumsum(counts)])
    inside = np.append(counts > 0, True)
    return np.interp(np.multiply(model.LEVELS, below[-1]), below[inside], edges[inside])


def prepare(draws):
    def run(seed):
        sums, counts = _run(draws, seed)
        mean, squares, above = sums / draws
        quantiles = [_quantiles(histogram) for histogram in counts.sum(axis=0)]
        return model.Statistics(mean, np.sqrt(squares - mean**2), np.array(quantiles), above)

    return run
